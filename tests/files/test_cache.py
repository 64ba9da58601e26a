"""The cache: where it is, one process at a time, whole files, room on the disk."""

from __future__ import annotations

import errno
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from persam_vos.errors import FetchError
from persam_vos.files.cache import CACHE_VARIABLE, cache_dir, cache_path, locked, require_space
from persam_vos.files.progress import silent


def test_the_variable_says_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "here"))
    assert cache_dir() == tmp_path / "here"
    monkeypatch.setenv(CACHE_VARIABLE, "")
    assert cache_dir().name == "persam-vos"


def test_a_locked_folder_is_made_and_free_again_afterwards(tmp_path: Path) -> None:
    told: list[str] = []
    for _ in range(2):
        with locked(tmp_path / "a" / "b", lambda what, *_: told.append(what)):
            assert (tmp_path / "a" / "b").is_dir()
    assert told == []


HOLD = """
import sys
from pathlib import Path
from persam_vos.files.cache import locked
from persam_vos.files.progress import silent
with locked(Path(sys.argv[1]), silent):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_another_process_is_waited_for_and_that_is_told(tmp_path: Path) -> None:
    told: list[str] = []
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"

        def on_progress(what: str, *_: int | None) -> None:
            told.append(what)
            assert other.stdin is not None
            threading.Timer(0.05, other.stdin.close).start()

        with locked(tmp_path, on_progress):
            assert other.wait(20) == 0
    assert told == ["waiting for another process that fetches the same"]


def test_a_cache_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    message = f"expected a folder we may write to; set {CACHE_VARIABLE}"
    with pytest.raises(FetchError, match=message), locked(tmp_path / "file" / "x", silent):
        pass


def test_too_little_room_is_told_in_megabytes(tmp_path: Path) -> None:
    require_space(tmp_path, 1)
    with pytest.raises(FetchError, match=r"got \d+ MB free, expected 1000000000 MB; make room"):
        require_space(tmp_path, 10**15)


def test_a_file_of_the_cache_is_whole_or_not_there(tmp_path: Path) -> None:
    with cache_path(tmp_path / "a.bin") as temporary:
        temporary.write_bytes(b"whole")
    with pytest.raises(KeyError), cache_path(tmp_path / "a.bin") as temporary:
        temporary.write_bytes(b"half")
        raise KeyError
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]
    assert (tmp_path / "a.bin").read_bytes() == b"whole"


def test_a_refusal_of_the_disk_is_a_fetch_error(tmp_path: Path) -> None:
    with (
        pytest.raises(FetchError, match=r"cannot write .*a\.bin: got No space left"),
        cache_path(tmp_path / "a.bin"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(FetchError, match="No such file"), cache_path(tmp_path / "gone" / "a.bin"):
        pass
    assert list(tmp_path.iterdir()) == []
