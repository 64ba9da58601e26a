"""Requests: checked when made, named after their sources."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from persam_vos.errors import UsageError
from persam_vos.media.reference_masks import MaskInput
from persam_vos.request import EngineChoice, TrackRequest

REQUEST = TrackRequest(source="clip.mp4", masks="mask.png")


@pytest.mark.parametrize("alpha", [0, 0.5, 1])
def test_the_ends_of_ranges_are_good(alpha: float) -> None:
    replace(REQUEST, alpha=alpha, start_frame=0, objects=(1, 255))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"alpha": 1.01}, "alpha: got 1.01, expected 0 to 1"),
        ({"alpha": float("nan")}, "alpha: got nan"),
        ({"start_frame": -1}, "start_frame: got -1, expected a frame, counted from 0"),
        ({"direction": "up"}, "direction: got 'up', expected one of both, forward, backward"),
        ({"reader": "vlc"}, "reader: got 'vlc', expected one of pyav, decord"),
        ({"objects": [1, 256]}, "objects: got object id 256, expected ids from 1 to 255"),
        ({"objects": [0]}, "objects: got object id 0"),
    ],
)
def test_what_no_video_could_make_right_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        replace(REQUEST, **changes)


def test_requests_and_choices_do_not_change_and_reach_other_processes() -> None:
    with pytest.raises(FrozenInstanceError):
        REQUEST.alpha = 1  # type: ignore[misc]
    for made in (REQUEST, EngineChoice(device="cpu")):
        assert pickle.loads(pickle.dumps(made)) == made


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("a/clip.mp4", "clip"),
        ("a/clip.1.mp4", "clip.1"),
        ("shots/", "shots"),
        ("shots/*.jpg", "shots"),
        ("a b.mkv", "a b"),
    ],
)
def test_one_of_several_is_named_by_a_stem_or_a_folder(source: str, name: str) -> None:
    later = {40: ["2={name}/{name}.png"]}
    template = replace(REQUEST, masks=["1=m/{name}.png"], later_masks=later, alpha=0.1)
    one = TrackRequest.from_template(template, source)
    assert (one.source, one.masks, one.alpha) == (source, [f"1=m/{name}.png"], 0.1)
    assert one.later_masks == {40: [f"2={name}/{name}.png"]}
    assert one.folder == Path(f"{name}_tracked")
    elsewhere = TrackRequest.from_template(template, source, parent=Path("cuts"))
    assert elsewhere.folder == Path(f"cuts/{name}_tracked")


def test_names_stand_in_paths_of_every_kind_and_arrays_stay() -> None:
    array = np.ones((2, 2), np.uint8)
    cases: tuple[tuple[MaskInput | None, MaskInput | None], ...] = (
        (None, None),
        (Path("{name}.png"), Path("dog.png")),
        ("{name}.png", "dog.png"),
        ({1: "{name}.png", 2: Path("{name}.png")}, {1: "dog.png", 2: Path("dog.png")}),
    )
    for masks, expected in cases:
        assert TrackRequest.from_template(replace(REQUEST, masks=masks), "dog.mp4").masks == (
            expected
        )
    kept = TrackRequest.from_template(replace(REQUEST, masks={1: array}), "dog.mp4").masks
    assert isinstance(kept, dict)
    assert kept[1] is array
    assert TrackRequest.from_template(replace(REQUEST, masks=array), "dog.mp4").masks is array


def test_results_go_where_is_said_or_by_name() -> None:
    assert REQUEST.folder == Path("clip_tracked")
    assert replace(REQUEST, output=Path("cuts")).folder == Path("cuts")
