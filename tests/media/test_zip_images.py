"""Images in an archive: nothing is unpacked, nothing leads out, nothing bursts."""

from __future__ import annotations

from pathlib import Path

import odd_images as images
import pytest

from persam_vos.errors import MediaError
from persam_vos.media import zip_images
from persam_vos.media.reader import open_source


def test_names_are_those_of_files_without_their_folders(tmp_path: Path) -> None:
    entries = {"../../etc/2.png": images.png(1), "b\\1.png": images.png(0)}
    with pytest.raises(MediaError, match="images in 2 folders"):
        open_source(images.zipped(entries)(tmp_path))
    (tmp_path / "b").mkdir()
    one = {"../../etc/2.png": images.png(1), "../../etc/1.png": images.png(0)}
    source = open_source(images.zipped(one)(tmp_path / "b"))
    assert [frame.name for frame in source] == ["1", "2"]
    assert source.files == ()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "frames.zip"]


def test_an_image_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zip_images, "MOST_BYTES", 1 << 20)
    entries = {"1.png": images.png(0), "2.png": bytes(2 << 20)}
    with pytest.raises(MediaError, match=r"2\.png.*unpacks to more than 1 MiB"):
        open_source(images.zipped(entries)(tmp_path))


def test_a_damaged_entry_is_named(tmp_path: Path) -> None:
    path = images.zipped({"1.png": images.png(0), "2.png": images.png(1)})(tmp_path)
    assert isinstance(path, Path)
    data = bytearray(path.read_bytes())
    data[200:240] = bytes(40)
    path.write_bytes(bytes(data))
    with pytest.raises(MediaError, match=r"frames\.zip/1\.png"):
        list(open_source(path))
