"""Checks of an output folder before anything is done."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from persam_vos.errors import OutputError
from persam_vos.files.output import (
    check_file,
    inside,
    refuse_unwritable,
    remove_files,
    replaceable,
)


def make(folder: Path, name: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine")
    return path


def test_what_is_not_there_is_in_nobodys_way(tmp_path: Path) -> None:
    there = [tmp_path / "a.png", tmp_path / "gone" / "b.png"]
    assert replaceable(tmp_path, there, own=(), overwrite=False) == ()


def test_files_of_an_earlier_run_are_replaced_if_that_is_wanted(tmp_path: Path) -> None:
    files = [make(tmp_path, "masks/00000.png"), make(tmp_path, "track.json")]
    with pytest.raises(OutputError) as caught:
        replaceable(tmp_path, files, own=files, overwrite=False, expected="a new folder")
    assert str(caught.value) == (
        f"output='{tmp_path}': got a folder that already holds masks, track.json, "
        "expected a new folder; choose another folder, or add overwrite=True to replace them"
    )
    assert replaceable(tmp_path, files, own=files, overwrite=True) == tuple(files)


@pytest.mark.parametrize("overwrite", [False, True])
def test_files_that_no_run_lists_are_never_replaced(tmp_path: Path, overwrite: bool) -> None:
    files = [make(tmp_path, f"masks/{name}.png") for name in "abcd"]
    with pytest.raises(OutputError) as caught:
        replaceable(tmp_path, files, own=files[:1], overwrite=overwrite)
    told = str(caught.value)
    assert "no earlier run lists as its own: masks/b.png, masks/c.png, masks/d.png, exp" in told
    assert "overwrite" not in told


def linked(path: Path, to: Path) -> Path:
    path.symlink_to(to)
    return path


def hard_linked(path: Path, to: Path) -> Path:
    path.hardlink_to(to)
    return path


@pytest.mark.parametrize(
    "spell",
    [
        lambda path: path,
        lambda path: path.parent / ".." / path.parent.name / path.name,
        lambda path: Path(os.path.relpath(path)),
        lambda path: linked(path.parent.parent / "link.png", path),
        lambda path: linked(path.parent.parent / "folder", path.parent) / path.name,
        lambda path: hard_linked(path.parent.parent / "hard.png", path),
    ],
    ids=["same", "dots", "relative", "link", "linked folder", "hard link"],
)
def test_inputs_are_never_replaced_however_they_are_spelled(tmp_path: Path, spell) -> None:
    mine = make(tmp_path, "out/masks/00000.png")
    with pytest.raises(OutputError, match=r"masks/00000\.png is an input of this run"):
        replaceable(tmp_path / "out", [mine], own=[mine], overwrite=True, inputs=[spell(mine)])


def test_a_listing_does_not_lead_out_of_its_folder(tmp_path: Path) -> None:
    names = ["a.png", "b/c.png", "../d.png", "b/../../e.png", "/etc/passwd"]
    assert inside(tmp_path, names) == {tmp_path / "a.png", tmp_path / "b/c.png"}


def test_a_folder_that_is_or_can_be_made_is_fine(tmp_path: Path) -> None:
    refuse_unwritable(tmp_path)
    refuse_unwritable(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path / "file", tmp_path / "file" / "out"):
        with pytest.raises(OutputError, match="got a file where a folder is needed"):
            refuse_unwritable(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="no permission"):
        refuse_unwritable(tmp_path / "out")


def test_a_file_is_replaced_only_if_asked_for_and_never_if_it_is_read(tmp_path: Path) -> None:
    photo, link, new = (tmp_path / name for name in ("photo.png", "link.png", "new.png"))
    photo.write_bytes(b"mine")
    link.hardlink_to(photo)
    check_file(new, overwrite=False, inputs=[photo])
    check_file(photo, overwrite=True, inputs=[new])
    with pytest.raises(OutputError, match=r"got a file that is there already.*overwrite=True"):
        check_file(photo, overwrite=False)
    for path in (photo, link):
        with pytest.raises(OutputError, match=r"preview=.*got a file that is an input"):
            check_file(path, overwrite=True, inputs=[photo], name="preview")
    assert photo.read_bytes() == b"mine"


def test_only_what_is_named_is_removed(tmp_path):
    (tmp_path / "a").touch()
    (tmp_path / "b").touch()
    remove_files([tmp_path / "a", tmp_path / "gone"])
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="cannot write"):
        remove_files([tmp_path / "folder"])
