"""The photos of the benchmark of backgrounds: what they show is told and found."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from benchmarks.tiny_scenes import (
    GROUNDS,
    SIDE,
    as_subject,
    caption,
    draw_scene,
    has_ball,
    has_subject,
    render,
    seen_ground,
    vocabulary,
    write_subject_photos,
)


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("ball", [None, "magenta", "yellow"])
def test_the_detectors_find_what_was_drawn(ground, ball):
    rng = np.random.default_rng(3)
    for _ in range(10):
        scene = as_subject(draw_scene(rng), ground=ground, ball=ball)
        photo, mask = render(scene)
        assert has_ball(photo) == (ball == "magenta")
        assert has_subject(photo)
        assert seen_ground(photo) == ground
        assert 100 < mask.sum() < 300


def test_other_things_are_no_subject():
    rng = np.random.default_rng(4)
    assert not any(has_subject(render(draw_scene(rng))[0]) for _ in range(50))


def test_a_thing_and_its_ball_do_not_overlap():
    rng = np.random.default_rng(5)
    for _ in range(50):
        scene = draw_scene(rng)
        (x, _, radius), (ball_x, _, ball_radius) = scene.thing_xyr, scene.ball_xyr
        assert abs(x - ball_x) > radius + ball_radius
        assert radius <= x <= SIDE - radius and ball_radius <= ball_x <= SIDE - ball_radius


def test_captions_are_made_of_the_vocabulary_and_tell_each_ball():
    rng = np.random.default_rng(6)
    for _ in range(100):
        scene = draw_scene(rng)
        said = caption(scene, rng)
        assert set(said.split()) <= set(vocabulary())
        assert ("ball" in said) == (scene.ball is not None)


def test_all_photos_of_the_subject_show_the_ball(tmp_path):
    folder = write_subject_photos(tmp_path, ["grass", "sand"], seed=0)
    photos = [np.asarray(Image.open(path)) for path in sorted(folder.iterdir())]
    assert [seen_ground(one) for one in photos] == ["grass", "sand"]
    assert all(has_ball(one) and has_subject(one) for one in photos)
    masks = [np.asarray(Image.open(path)) for path in sorted((tmp_path / "masks").iterdir())]
    assert [np.unique(mask).tolist() for mask in masks] == [[0, 255], [0, 255]]
