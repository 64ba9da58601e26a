"""What `track` and `check` share becomes a request."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from persam_vos_cli.check_command import AS_TRACK, check
from persam_vos_cli.input_options import InputOptions
from persam_vos_cli.prompt_options import PromptOptions
from persam_vos_cli.request_options import RequestOptions
from persam_vos_cli.track_command import track

from persam_vos import TrackRequest
from persam_vos.errors import MaskError


def options(*arguments: str) -> RequestOptions:
    """Parse arguments of `check` into what it shares with `track`."""
    given = check.make_context("check", ["v.mp4", *arguments]).params
    groups = {
        "prompts": PromptOptions(**_fields(PromptOptions, given)),
        "reading": InputOptions(**_fields(InputOptions, given)),
    }
    return RequestOptions(**_fields(RequestOptions, given | groups))


def _fields(kind: type, given: dict[str, Any]) -> dict[str, Any]:
    return {field.name: given[field.name] for field in fields(kind)}


def test_flags_become_the_fields_of_a_request() -> None:
    given = options(
        *("--first-mask", "m.png", "--start-frame", "3", "--mask", "9:2=d.png", "--objects", "1,2"),
        *("--rough", "5:4=r.png", "--direction", "forward", "--stride", "2", "--no-overlay"),
    )
    assert given.request("v.mp4") == TrackRequest(
        source="v.mp4",
        masks=("m.png",),
        start_frame=3,
        later_masks={9: ["2=d.png"]},
        rough_masks={5: ["4=r.png"]},
        direction="forward",
        objects=(1, 2),
        stride=2,
        overlay=False,
    )
    assert given.rough_masks == [(5, "4=r.png")]


def test_several_masks_of_a_frame_need_ids() -> None:
    with pytest.raises(MaskError, match=r"9:1=a\.png 9:2=b\.png"):
        options("--mask", "9=a.png", "--mask", "9=b.png").request("v.mp4")


def test_options_that_both_have_are_described_once() -> None:
    shared = {option.name for option in check.params if option in track.params}
    assert shared == {*AS_TRACK}
    names = [option.name for option in check.params]
    assert len(names) == len({*names})
