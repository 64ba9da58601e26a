"""The demo clip: its masks are exact, and it shows what it promises."""

from __future__ import annotations

import itertools
import sys

import numpy as np
import pytest

from persam_vos.demo.render import (
    DEMO_ACTORS,
    DEMO_FRAME_COUNT,
    DEMO_SIZE_HW,
    Pose,
    cut_out,
    load_photo,
    place,
    pose_at,
    render_demo,
)
from persam_vos.errors import DatasetError, UsageError

SMALL_HW = (180, 320)
SMALL_COUNT = 13
SHUTTLE, ASTRONAUT, COFFEE = 1, 2, 3


@pytest.fixture(scope="module")
def clip():
    return list(render_demo(SMALL_COUNT, SMALL_HW))


@pytest.fixture(scope="module")
def alphas():
    """Alpha of every object on every frame of ``clip``, as if it were alone."""
    cutouts = {number: cut_out(actor, SMALL_HW[0]) for number, actor in DEMO_ACTORS.items()}
    return [
        {
            number: place(cutouts[number], pose_at(actor.path, time), SMALL_HW)[..., 3]
            for number, actor in DEMO_ACTORS.items()
        }
        for time in np.linspace(0.0, 1.0, SMALL_COUNT)
    ]


def visible_shares(
    clip: list[tuple[np.ndarray, np.ndarray]],
    alphas: list[dict[int, np.ndarray]],
    object_id: int,
) -> np.ndarray:
    return np.array(
        [
            (labels == object_id).sum() / (layers[object_id] >= 0.5).sum()
            for (_, labels), layers in zip(clip, alphas, strict=True)
        ]
    )


def test_first_frame_at_full_size_is_davis_sized_and_shows_all_objects():
    image, labels = next(render_demo())
    assert image.shape == (*DEMO_SIZE_HW, 3) == (480, 854, 3)
    assert image.dtype == labels.dtype == np.uint8
    assert labels.shape == DEMO_SIZE_HW
    ids, areas = np.unique(labels, return_counts=True)
    assert ids.tolist() == [0, SHUTTLE, ASTRONAUT, COFFEE]
    assert areas.min() > 10_000
    assert DEMO_FRAME_COUNT == 48


def test_every_frame_has_exactly_the_ids_of_the_actors(clip):
    assert len(clip) == SMALL_COUNT
    for _, labels in clip:
        assert np.unique(labels).tolist() == [0, *DEMO_ACTORS]


def test_labels_are_the_front_most_object_covering_half_of_the_pixel(clip, alphas):
    for (_, labels), layers in zip(clip, alphas, strict=True):
        covered = np.stack([layers[number] >= 0.5 for number in reversed(DEMO_ACTORS)])
        front = np.array([*reversed(DEMO_ACTORS)])[covered.argmax(axis=0)]
        assert np.array_equal(labels, np.where(covered.any(axis=0), front, 0))


def test_nothing_is_hidden_and_nothing_touches_on_the_first_frame(clip, alphas):
    for object_id in DEMO_ACTORS:
        assert visible_shares(clip, alphas, object_id)[0] == 1.0
    for first, second in itertools.combinations(alphas[0].values(), 2):
        assert not np.any((first > 0) & (second > 0))


def test_flying_objects_are_whole_on_the_first_frame(alphas):
    for object_id in (SHUTTLE, COFFEE):
        alpha = alphas[0][object_id]
        border = np.concatenate([alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]])
        assert border.max() == 0.0


def test_coffee_hides_most_of_the_shuttle_in_the_middle_and_lets_it_out_again(clip, alphas):
    shares = visible_shares(clip, alphas, SHUTTLE)
    assert 0.1 < shares.min() < 0.35
    assert SMALL_COUNT // 3 <= shares.argmin() <= 2 * SMALL_COUNT // 3
    assert shares[-1] > 0.95
    assert visible_shares(clip, alphas, COFFEE).min() == 1.0


@pytest.mark.parametrize(
    ("object_id", "least_growth", "least_turn_degrees"),
    [(SHUTTLE, 1.2, 30.0), (ASTRONAUT, 1.1, 10.0), (COFFEE, 1.3, 40.0)],
)
def test_objects_grow_and_turn(object_id, least_growth, least_turn_degrees):
    path = DEMO_ACTORS[object_id].path
    first, last = pose_at(path, 0.0), pose_at(path, 1.0)
    assert last.scale / first.scale > least_growth
    assert abs(last.angle_degrees - first.angle_degrees) > least_turn_degrees


def test_no_object_jumps():
    for object_id in DEMO_ACTORS:
        path = DEMO_ACTORS[object_id].path
        poses = [pose_at(path, time) for time in np.linspace(0.0, 1.0, DEMO_FRAME_COUNT)]
        centres = np.array([(pose.x, pose.y) for pose in poses]) * DEMO_SIZE_HW[::-1]
        assert np.linalg.norm(np.diff(centres, axis=0), axis=1).max() < 16.0


def test_pose_passes_through_the_given_poses():
    path = (Pose(0.1, 0.2, 1.0, 0.0), Pose(0.3, 0.9, 2.0, 5.0), Pose(0.5, 0.1, 1.5, -9.0))
    for time, pose in zip((0.0, 0.5, 1.0), path, strict=True):
        got = pose_at(path, time)
        assert (got.x, got.y, got.scale, got.angle_degrees) == pytest.approx(
            (pose.x, pose.y, pose.scale, pose.angle_degrees)
        )


def test_placed_cutout_lies_where_its_pose_says():
    cutout = cut_out(DEMO_ACTORS[COFFEE], DEMO_SIZE_HW[0])
    alpha = place(cutout, Pose(0.5, 0.5, 0.5, 0.0), DEMO_SIZE_HW)[..., 3]
    rows, columns = np.nonzero(alpha >= 0.5)
    assert (rows.min() + rows.max()) / 2 == pytest.approx(239.5, abs=1.0)
    assert (columns.min() + columns.max()) / 2 == pytest.approx(426.5, abs=1.0)
    assert np.ptp(columns) == pytest.approx(400 * 0.5, abs=3.0)


def test_inside_an_object_the_picture_is_the_photograph(clip):
    cutout = cut_out(DEMO_ACTORS[COFFEE], SMALL_HW[0])
    layer = place(cutout, DEMO_ACTORS[COFFEE].path[0], SMALL_HW)
    inside = layer[..., 3] > 0.999
    difference = clip[0][0][inside] - layer[..., :3][inside]
    assert inside.sum() > 1_000
    assert np.abs(difference).max() <= 0.8


def test_the_same_call_gives_the_same_bytes(clip):
    for (image, labels), (again, labels_again) in zip(
        clip, render_demo(SMALL_COUNT, SMALL_HW), strict=True
    ):
        assert image.tobytes() == again.tobytes()
        assert labels.tobytes() == labels_again.tobytes()


@pytest.mark.parametrize("frame_count", [1, 2])
def test_short_clips_start_at_the_first_frame(clip, frame_count):
    frames = list(render_demo(frame_count, SMALL_HW))
    assert len(frames) == frame_count
    assert np.array_equal(frames[0][0], clip[0][0])


@pytest.mark.parametrize("size_hw", [(32, 32), (97, 61), (40, 300)])
def test_any_shape_of_frame_can_be_rendered(size_hw):
    for image, labels in render_demo(2, size_hw):
        assert image.shape == (*size_hw, 3)
        assert labels.shape == size_hw


@pytest.mark.parametrize(
    ("frame_count", "size_hw", "message"),
    [
        (0, SMALL_HW, "got 0 frames, expected at least 1"),
        (-3, SMALL_HW, "got -3 frames"),
        (1, (31, 320), "got 320x31 pixels, expected at least 32"),
        (1, (320, 0), "got 0x320 pixels"),
    ],
)
def test_impossible_clips_are_refused_before_rendering(frame_count, size_hw, message):
    with pytest.raises(UsageError, match=message):
        render_demo(frame_count, size_hw)


def test_missing_scikit_image_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(DatasetError, match=r"pip install 'persam-vos\[demo\]'"):
        render_demo()


def test_missing_photograph_names_the_file():
    with pytest.raises(DatasetError, match=r"no_such_photo\.png.*reinstall"):
        load_photo("no_such_photo.png")
