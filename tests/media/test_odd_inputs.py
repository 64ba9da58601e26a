"""Inputs of every kind that people have: each comes out right, or is refused in one clear line."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest
from odd_inputs import CASES, REFUSED, Cut

from persam_vos.errors import MediaError, UsageError
from persam_vos.media.reader import open_source
from persam_vos.structures import Frame

pytestmark = pytest.mark.usefixtures("no_thread_is_left")


def read(source: Path | str, seen: list[Frame]) -> tuple[str, ...]:
    """Read all frames into a list; returns the warnings."""
    opened = open_source(source)
    for frame in opened.frames():
        seen.append(frame)
    return opened.warnings


@pytest.mark.parametrize("kind", CASES)
def test_what_can_be_read_comes_out_right(tmp_path: Path, kind: str) -> None:
    case, seen = CASES[kind], list[Frame]()
    source = case.make(tmp_path)
    if isinstance(case, Cut):
        with pytest.raises(MediaError, match=r"got \d+ frames .*the frames before it are good"):
            read(source, seen)
        assert seen
        return
    warnings = read(source, seen)
    assert len(seen) == case.count
    assert tuple(frame.index for frame in seen) == tuple(range(case.count))
    assert tuple(frame.index for frame in seen if frame.damaged) == case.damaged
    if case.names:
        assert tuple(frame.name for frame in seen) == case.names
    if case.warning:
        assert len(warnings) == 1
        assert re.search(case.warning, warnings[0])
    else:
        assert warnings == ()
    if case.off is None or case.damaged:
        return
    for frame in seen:
        expected = case.pixels(frame.index, frame.size_hw)
        off = float(np.median(np.abs(frame.image.astype(float) - expected)))
        assert off <= case.off + 0.5


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_read_is_refused_in_one_line(tmp_path: Path, kind: str) -> None:
    make, message = REFUSED[kind]
    with pytest.raises((MediaError, UsageError), match=message) as caught:
        list(open_source(make(tmp_path)))
    told = str(caught.value)
    assert "\n" not in told
    assert "expected" in told


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(MediaError, match=r"got a pipe or a device.*write it to a file first"):
        open_source(tmp_path / "pipe")


def test_there_are_sixty_kinds_and_more() -> None:
    assert len(CASES) + len(REFUSED) >= 100
