"""What a run will take is counted right, whichever way it goes; a benchmark says how near it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from demo_clip import RememberingEngine
from PIL import Image

from persam_vos import MethodSettings, TrackRequest
from persam_vos.checking.estimate import Estimate, estimate
from persam_vos.demo.render import render_demo
from persam_vos.structures import LabelMap
from persam_vos.tracking.plan import plan_request

SIZE_HW = (60, 96)
COUNT = 12


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[LabelMap]]:
    """A folder of pictures, and the labels of each, three objects."""
    folder, labels = tmp_path_factory.mktemp("frames"), []
    for index, (image, truth) in enumerate(render_demo(COUNT, SIZE_HW)):
        Image.fromarray(image).save(folder / f"{index:02d}.png")
        labels.append(truth)
    return folder, labels


@pytest.fixture(scope="module")
def small(engine: RememberingEngine) -> RememberingEngine:
    return replace(engine, settings=MethodSettings(image_size=256, small_side=0))


@pytest.fixture(autouse=True)
def _few_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("persam_vos.checking.estimate.MEASURED_FRAMES", 2)


def estimated(small: RememberingEngine, request: TrackRequest, total: int = COUNT) -> Estimate:
    plan, _ = plan_request(request)
    found = estimate(plan, small, total=total, overlay=request.overlay)
    assert min(found.start_seconds, found.frame_seconds) > 0
    assert found.memory_bytes > 50e6
    assert found.device == "cpu, float32"
    return found


def test_the_whole_takes_its_start_its_frames_and_what_comes_late() -> None:
    whole = Estimate(101, 2, 6, 3.0, 0.5, 7.0, 10**9, "cpu")
    assert whole.seconds == 3 + 100 * 0.5 + 7


def test_forwards_from_the_first_frame(
    small: RememberingEngine, clip: tuple[Path, list[LabelMap]]
) -> None:
    folder, labels = clip
    found = estimated(small, TrackRequest(source=folder, masks=labels[0]), total=1000)
    assert (found.frame_count, found.object_count, found.measured_frames) == (1000, 3, 3)
    assert found.late_seconds == 0


def test_both_ways_all_frames_count_once(
    small: RememberingEngine, clip: tuple[Path, list[LabelMap]]
) -> None:
    folder, labels = clip
    for start in (3, 9):
        request = TrackRequest(source=folder, masks=labels[start], start_frame=start)
        found = estimated(small, request)
        assert found.frame_count == COUNT
        assert found.late_seconds > 0


@pytest.mark.parametrize(("direction", "count"), [("forward", 5), ("backward", 8)])
def test_one_way_counts_the_frames_on_it(
    small: RememberingEngine, clip: tuple[Path, list[LabelMap]], direction: str, count: int
) -> None:
    folder, labels = clip
    request = TrackRequest(
        source=folder,
        masks=labels[7],
        start_frame=7,
        direction=direction,  # type: ignore[arg-type]  # one of the two
        overlay=False,
    )
    assert estimated(small, request).frame_count == count


def test_objects_of_later_frames_are_measured_too(
    small: RememberingEngine, clip: tuple[Path, list[LabelMap]]
) -> None:
    folder, labels = clip
    request = TrackRequest(
        source=folder,
        masks=(labels[0] == 1),
        later_masks={8: {2: labels[8] == 2}, 10: {1: labels[10] == 1}},
    )
    found = estimated(small, request)
    assert (found.object_count, found.measured_frames) == (2, 3)


def test_a_part_of_the_frames_and_of_the_picture_counts_alone(
    small: RememberingEngine, clip: tuple[Path, list[LabelMap]]
) -> None:
    from persam_vos.media.region import Region

    folder, labels = clip
    request = TrackRequest(
        source=folder, masks=labels[2], start=2, stride=3, roi=Region(0, 0, 96, 48)
    )
    found = estimated(small, request, total=4)
    assert (found.frame_count, found.measured_frames) == (4, 2)


def test_a_single_frame_can_be_measured(
    small: RememberingEngine, clip: tuple[Path, list[LabelMap]]
) -> None:
    folder, labels = clip
    found = estimated(small, TrackRequest(source=folder / "00.png", masks=labels[0]), total=1)
    assert (found.frame_count, found.measured_frames) == (1, 1)
    assert found.seconds == pytest.approx(found.start_seconds)


def test_nothing_of_the_trial_is_left(
    small: RememberingEngine,
    clip: tuple[Path, list[LabelMap]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, labels = clip
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    estimated(small, TrackRequest(source=folder / "00.png", masks=labels[0]), total=1)
    assert list(tmp_path.iterdir()) == []
    assert np.unique(labels[0]).tolist() == [0, 1, 2, 3]
