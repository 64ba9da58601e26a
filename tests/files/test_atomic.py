from __future__ import annotations

import errno
from pathlib import Path

import pytest

from persam_vos.errors import FetchError, OutputError
from persam_vos.files.atomic import (
    TEMPORARY,
    AtomicFile,
    atomic_folder,
    atomic_path,
    make_folder,
    output_error,
    remove_unfinished,
    write_texts,
)


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


def test_an_atomic_file_is_beside_its_place_until_it_is_committed(tmp_path: Path) -> None:
    file = AtomicFile(tmp_path / "a.json")
    assert file.temporary.parent == tmp_path
    assert file.temporary.name.startswith(TEMPORARY)
    assert file.temporary.suffix == ".json"
    file.temporary.write_text("whole")
    file.commit()
    file.discard()
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]
    assert (tmp_path / "a.json").read_text() == "whole"


def test_a_discarded_file_leaves_nothing(tmp_path: Path) -> None:
    file = AtomicFile(tmp_path / "a.json")
    file.discard()
    file.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_can_be_another_error(tmp_path: Path) -> None:
    def refused(path: Path, error: OSError) -> FetchError:
        return FetchError(f"{path.name}: {error.strerror}")

    with pytest.raises(FetchError, match=r"^a\.txt: No such file"):
        AtomicFile(tmp_path / "gone" / "a.txt", refused=refused)
    path = tmp_path / "a.txt"
    with pytest.raises(FetchError, match="No space left"), atomic_path(path, refused=refused):
        raise OSError(errno.ENOSPC, "No space left")


def test_texts_are_written_all_or_none(tmp_path: Path) -> None:
    write_texts(tmp_path / "new", {"a.csv": "1,2\r\n", "b.txt": "\u00e9\n"})
    assert (tmp_path / "new" / "a.csv").read_bytes() == b"1,2\r\n"
    assert (tmp_path / "new" / "b.txt").read_bytes() == "\u00e9\n".encode()
    (tmp_path / "new" / "c.txt").mkdir()
    with pytest.raises(OutputError, match=r"c\.txt: got a folder of that name"):
        write_texts(tmp_path / "new", {"a.csv": "other", "c.txt": "x"})
    assert (tmp_path / "new" / "a.csv").read_bytes() == b"1,2\r\n"
    assert {p.name for p in (tmp_path / "new").iterdir()} == {"a.csv", "b.txt", "c.txt"}


def test_a_folder_appears_whole_and_replaces_the_one_before(tmp_path: Path) -> None:
    for text in ("first", "second"):
        with atomic_folder(tmp_path / "deep" / "out") as folder:
            (folder / "a.txt").write_text(text)
    assert (tmp_path / "deep/out/a.txt").read_text() == "second"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]


def test_a_folder_that_fails_leaves_the_one_before(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "out") as folder:
        (folder / "a.txt").write_text("first")
    with pytest.raises(KeyError), atomic_folder(tmp_path / "out") as folder:
        (folder / "a.txt").write_text("second")
        raise KeyError
    assert (tmp_path / "out/a.txt").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError), atomic_folder(tmp_path / "file" / "out"):
        pass


def test_what_killed_runs_left_unfinished_goes_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / f"{TEMPORARY}0123456789ab.png").write_text("half")
    (tmp_path / f"{TEMPORARY}folder").mkdir()
    (tmp_path / f"{TEMPORARY}folder/a.png").write_text("half")
    (tmp_path / "mine").write_text("mine")
    remove_unfinished(tmp_path)
    remove_unfinished(tmp_path / "none")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
