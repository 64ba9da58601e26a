"""What a run depends on: which changes are named, which are allowed, which are corrections."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from demo_clip import RememberingEngine
from PIL import Image

from persam_vos import Prompt, TrackRequest
from persam_vos.errors import CheckpointError
from persam_vos.tracking.plan import plan_request
from persam_vos.tracking.run_identity import changed_frames, read_identity, run_identity


@pytest.fixture
def request_(tmp_path: Path) -> TrackRequest:
    """Three small pictures."""
    (tmp_path / "clip").mkdir()
    for index in range(3):
        image = np.full((24, 32, 3), 50 * index, np.uint8)
        Image.fromarray(image).save(tmp_path / f"clip/{index}.png")
    return TrackRequest(source=tmp_path / "clip", masks=mask())


def mask(width: int = 10) -> np.ndarray:
    labels = np.zeros((24, 32), np.uint8)
    labels[5:15, 5 : 5 + width] = 1
    return labels


def identity(request: TrackRequest, engine: RememberingEngine) -> dict[str, Any]:
    return run_identity(request, plan_request(request)[0], engine)


def test_the_same_request_has_the_same_identity_wherever_its_files_are(
    request_: TrackRequest, engine: RememberingEngine, tmp_path: Path
) -> None:
    first = identity(request_, engine)
    assert first == json.loads(json.dumps(first))
    moved = (tmp_path / "clip").rename(tmp_path / "moved")
    again = identity(replace(request_, source=moved, output=tmp_path / "out"), engine)
    assert again == first


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"end": 1, "stride": 2}, "range"),
        ({"direction": "backward", "start_frame": 1}, "start_frame"),
        ({"keep_alpha": True}, "keep_alpha: got True, expected False"),
        ({"deinterlace": False}, "reading (deinterlace)"),
    ],
    ids=str,
)
def test_another_request_is_named_and_refused(
    request_: TrackRequest, engine: RememberingEngine, changes: dict[str, Any], words: str
) -> None:
    before, now = identity(request_, engine), identity(replace(request_, **changes), engine)
    for anyway in (False, True):
        with pytest.raises(CheckpointError) as caught:
            changed_frames(before, now, anyway=anyway)
        assert words in str(caught.value) and "overwrite=True" in str(caught.value)


def test_another_input_of_the_same_name_is_refused(
    request_: TrackRequest, engine: RememberingEngine, tmp_path: Path
) -> None:
    before = identity(request_, engine)
    Image.fromarray(np.zeros((24, 32, 3), np.uint8)).save(tmp_path / "clip/2.png")
    with pytest.raises(CheckpointError, match="differs in the content of the input"):
        changed_frames(before, identity(request_, engine), anyway=True)


def test_other_settings_are_named_and_refused(
    request_: TrackRequest, engine: RememberingEngine
) -> None:
    before = identity(request_, engine)
    other = replace(engine, settings=replace(engine.settings, image_size=512))
    with pytest.raises(CheckpointError, match=r"settings \(image_size\): got 512, expected 1024"):
        changed_frames(before, identity(request_, other), anyway=True)


@pytest.mark.parametrize("name", ["version", "code", "libraries", "threads", "encoder"])
def test_what_changes_last_digits_only_may_change_if_one_says_so(
    request_: TrackRequest, engine: RememberingEngine, name: str
) -> None:
    now = identity(request_, engine)
    before = now | {name: {"torch": "0"} if name == "libraries" else "other"}
    with pytest.raises(CheckpointError, match="add resume='anyway' to go on all the same"):
        changed_frames(before, now, anyway=False)
    assert changed_frames(before, now, anyway=True) == frozenset()


def test_masks_and_prompts_that_changed_are_frames_and_no_error(
    request_: TrackRequest, engine: RememberingEngine
) -> None:
    before = identity(request_, engine)
    corrected = replace(request_, later_masks={2: mask(12)}, exports=["coco"], overlay=False)
    assert changed_frames(before, identity(corrected, engine), anyway=False) == {2}
    assert changed_frames(identity(corrected, engine), before, anyway=False) == {2}
    prompted = replace(request_, prompts={1: [Prompt(object_id=2, box_xyxy=(1, 1, 9, 9))]})
    other = replace(request_, prompts={1: [Prompt(object_id=2, box_xyxy=(1, 1, 9, 8))]})
    one, two = identity(prompted, engine), identity(other, engine)
    assert changed_frames(one, two, anyway=False) == {1}
    assert changed_frames(before, identity(replace(request_, masks=mask(9)), engine), anyway=False)


def test_an_identity_is_read_if_there_is_one(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    assert read_identity(path) is None
    path.write_text('{"identity": {"a": 1}}')
    assert read_identity(path, "identity") == {"a": 1}
    for wrong in ("{", "[]", '{"identity": 1}', "[" * 10_000):
        path.write_text(wrong)
        assert read_identity(path, "identity") is None
