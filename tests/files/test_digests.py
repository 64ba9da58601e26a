"""Digests: what changes them, and what does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from persam_vos.files import digests
from persam_vos.files.digests import digest_of_files, package_digest


def test_content_counts_and_names_do_not(tmp_path: Path) -> None:
    one, same, other = (tmp_path / name for name in ("one", "same", "other"))
    one.write_bytes(b"abc")
    same.write_bytes(b"abc")
    other.write_bytes(b"abd")
    assert digest_of_files([one]) == digest_of_files([same]) != digest_of_files([other])
    assert digest_of_files([one, other]) != digest_of_files([other, one])
    with pytest.raises(FileNotFoundError):
        digest_of_files([tmp_path / "none"])


@pytest.mark.parametrize(("place", "noticed"), [(0, True), (999, True), (150, False)])
def test_of_a_large_file_blocks_from_begin_to_end_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: int, noticed: bool
) -> None:
    monkeypatch.setattr(digests, "WHOLE_BYTES", 400)
    monkeypatch.setattr(digests, "_BLOCK", 100)
    content = bytearray(1000)
    (tmp_path / "one").write_bytes(content)
    content[place] = 1
    (tmp_path / "other").write_bytes(content)
    changed = digest_of_files([tmp_path / "one"]) != digest_of_files([tmp_path / "other"])
    assert changed == noticed
    (tmp_path / "other").write_bytes(content[:-1])
    assert digest_of_files([tmp_path / "one"]) != digest_of_files([tmp_path / "other"])


def test_the_package_has_one() -> None:
    assert len(package_digest()) == 32
