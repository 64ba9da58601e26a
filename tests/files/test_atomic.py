from __future__ import annotations

import errno
from pathlib import Path

import pytest

from persam_vos.errors import OutputError
from persam_vos.files.atomic import atomic_path, make_folder, output_error


def test_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    with atomic_path(target) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".txt"
        temporary.write_text("whole")
        assert not target.exists()
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert target.read_text() == "whole"


def test_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert target.read_text() == "old"


def test_interrupt_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), atomic_path(tmp_path / "a.txt"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_full_disk_is_explained(tmp_path: Path) -> None:
    message = r"full disk.*expected.*free some space"
    with pytest.raises(OutputError, match=message), atomic_path(tmp_path / "a.txt"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("make", "name", "message"),
    [
        (lambda _: None, "gone/a.txt", "no such folder"),
        (lambda p: (p / "f").write_text("x"), "f/a.txt", "a file where a folder is needed"),
        (lambda p: (p / "d").mkdir(), "d", "a folder of that name"),
        (lambda _: None, "n" * 300, "too long|no such folder"),
    ],
    ids=["missing folder", "file as folder", "folder as file", "long name"],
)
def test_impossible_targets_are_explained(tmp_path: Path, make, name, message) -> None:
    make(tmp_path)
    with pytest.raises(OutputError, match=message), atomic_path(tmp_path / name) as temporary:
        temporary.write_text("x")


def test_folder_over_a_file_is_explained(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    with pytest.raises(OutputError, match="a file where a folder is needed"):
        make_folder(tmp_path / "f")
    with pytest.raises(OutputError, match="a file where a folder is needed"):
        make_folder(tmp_path / "f" / "sub")


def test_unknown_refusals_keep_the_words_of_the_system() -> None:
    message = str(output_error(Path("x"), OSError(errno.EIO, "Input/output error")))
    assert "Input/output error" in message
    assert "\n" not in message


def test_files_get_ordinary_permissions(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("x")
    with atomic_path(tmp_path / "a.txt") as temporary:
        temporary.write_text("x")
    assert (tmp_path / "a.txt").stat().st_mode == plain.stat().st_mode
