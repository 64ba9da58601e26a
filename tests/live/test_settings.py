"""What can be asked of live sources, and where files go."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from persam_vos import Prompt, TrackRequest
from persam_vos.errors import UsageError
from persam_vos.live import LiveSettings, RawFormat
from persam_vos.live.settings import check_live


def request(**given: Any) -> TrackRequest:
    return TrackRequest(**{"source": "rtsp://h/1", "masks": "m.png", **given})


def test_files_go_to_a_folder_unless_masks_go_elsewhere() -> None:
    named = request(output=Path("out"))
    assert LiveSettings().folder(request()) == Path("live_tracked")
    assert LiveSettings(window=True).folder(request()) is None
    assert LiveSettings(pipe=os.pipe()[1]).folder(request()) is None
    assert LiveSettings(window=True).folder(named) == LiveSettings().folder(named) == Path("out")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"stall_timeout": 0}, "stall_timeout: got 0, expected seconds above 0"),
        ({"stall_timeout": float("nan")}, "stall_timeout: got nan"),
        ({"rate": 0}, "rate: got 0, expected frames per second above 0"),
        ({"rate": float("inf")}, "rate: got inf"),
    ],
)
def test_values_that_are_always_wrong_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        LiveSettings(**settings)
    assert str(caught.value).startswith(words)


BOX = Prompt(box_xyxy=(1, 1, 9, 9))
WRONG: dict[str, tuple[Mapping[str, Any], LiveSettings, str]] = {
    "a file": ({"source": "a.mp4"}, LiveSettings(), "source: got 'a.mp4'"),
    "raw frames of a camera": (
        {"source": "0"},
        LiveSettings(raw=RawFormat(2, 2, "gray")),
        "raw: got source=0, expected source='-'",
    ),
    "the rate of an address": ({}, LiveSettings(rate=5), "rate: got source='rtsp://h/1'"),
    "a later start": ({"start_frame": 3}, LiveSettings(), "objects on frame 3: got source"),
    "backwards": ({"direction": "backward"}, LiveSettings(), "direction: got source"),
    "a later mask": (
        {"later_masks": {4: "m.png"}},
        LiveSettings(),
        "objects on frame 4: got source",
    ),
    "a later box": ({"prompts": {4: [BOX]}}, LiveSettings(), "objects on frame 4: got source"),
    "a later box by name": (
        {"prompts": {"name:4": [BOX]}},
        LiveSettings(),
        "objects on frame name:4",
    ),
    "a part of the time": ({"end": "1:00"}, LiveSettings(), "end: got source"),
    "every second frame": ({"stride": 2}, LiveSettings(), "stride: got source"),
    "exports": ({"exports": ["coco"]}, LiveSettings(), "exports: got source"),
    "a profile": ({"profile": True}, LiveSettings(), "profile: got source"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_no_live_source_can_do_is_refused(case: str) -> None:
    given, settings, words = WRONG[case]
    with pytest.raises(UsageError) as caught:
        check_live(request(**given), settings)
    assert str(caught.value).startswith(words)


def test_boxes_on_the_first_frame_are_fine() -> None:
    for frame in (0, "start"):
        check_live(request(masks=None, prompts={frame: [BOX]}), LiveSettings())


def test_terminals_are_no_streams() -> None:
    leader, terminal = os.openpty()
    try:
        with pytest.raises(UsageError, match="pipe: got a terminal on standard output"):
            LiveSettings(pipe=terminal)
        with pytest.raises(UsageError, match="got a terminal on standard input"):
            check_live(request(source="-"), LiveSettings(stdin=terminal))
    finally:
        os.close(leader)
        os.close(terminal)
