"""One run at a time; a run that was killed holds nothing."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from persam_vos.errors import OutputError
from persam_vos.files.output_lock import output_lock


def test_a_second_run_is_refused_and_touches_nothing(tmp_path: Path) -> None:
    with output_lock(tmp_path / "out", "state"):
        before = sorted(tmp_path.rglob("*"))
        with (
            pytest.raises(OutputError, match="got a folder that another run is writing to"),
            output_lock(tmp_path / "out", "state"),
        ):
            pass
        assert sorted(tmp_path.rglob("*")) == before
    assert list(tmp_path.iterdir()) == []


def test_folders_that_were_there_or_got_something_stay(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with output_lock(tmp_path / "out", "state"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    with output_lock(tmp_path / "out", "state"):
        (tmp_path / "out/state/kept").write_text("")
    assert [path.name for path in (tmp_path / "out/state").iterdir()] == ["kept"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_what_a_killed_run_held_is_free(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        with output_lock(tmp_path, "state"):
            (tmp_path / "held").write_text("")
            time.sleep(60)
        os._exit(0)
    try:
        while not (tmp_path / "held").exists():
            time.sleep(0.01)
        with pytest.raises(OutputError), output_lock(tmp_path, "state"):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    with output_lock(tmp_path, "state"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["held"]


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with (
        pytest.raises(OutputError, match="got a file where a folder is needed"),
        output_lock(tmp_path / "out", "state"),
    ):
        pass
    assert (tmp_path / "out").read_text() == "mine"
