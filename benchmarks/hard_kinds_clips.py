"""Clips of the kinds that fail on unseen material, with exact labels.

Everything is made of scikit-image's photographs. In the labels 1 is the object and 2, where there
is one, its look-alike; what is given is what the labels of frame 0 show.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np

from benchmarks.hard_kinds_bodies import (
    Box,
    boxes,
    branches,
    cylinder,
    horse,
    kite,
    motorcycle,
    parachute,
    shrunk,
    tinted,
    truck,
    twin_of,
    walking,
)
from benchmarks.rendered import (
    Layer,
    Poses,
    RenderedClip,
    actor,
    along,
    cutout,
    mirrored,
    paint,
    poses,
)
from persam_vos.demo.render import Cutout, load_photo
from persam_vos.structures import RgbImage

OBJECT, TWIN = 1, 2
FRAME_COUNT = 40

Scenes = dict[str, list[Layer]]

_GREEN, _BROWN, _RED = (0.62, 0.9, 0.36), (1.05, 0.9, 0.72), (1.3, 0.72, 0.55)
_WARMER, _COOLER = (1.0, 0.92, 0.8), (0.88, 0.97, 1.06)
_COAT, _DARK_COAT = (20, 120), (200, 0)  # on the cat: its light cheek, its striped forehead


def hard_clips() -> list[RenderedClip]:
    """Make all clips; a name is its kind, a hyphen and what it shows."""
    scenes = _uncovered() | _twins() | _crossing() | _emerging() | _turning() | _lines() | _small()
    return [
        RenderedClip(name, FRAME_COUNT, partial(paint, layers=layers))
        for name, layers in scenes.items()
    ]


def kind_of(name: str) -> str:
    """Return the kind of a clip by its name."""
    return name.partition("-")[0]


def _uncovered() -> Scenes:
    """An equal thing stands still behind the object, which moves on."""
    cup, woman = actor("coffee"), actor("astronaut")
    back = mirrored(twin_of(cup, _COOLER))
    return {
        "uncovered-coffee": [
            _ground(tinted("brick.png", _BROWN), 1.9, pan=0.03),
            _moving(back, poses((0.3, 0.52, 0.42, 0), (0.27, 0.52, 0.42, 0)), TWIN),
            _moving(cup, poses((0.3, 0.5, 0.5, 0), (0.46, 0.56, 0.5, 4), (0.72, 0.48, 0.52, -3))),
        ],
        "uncovered-horse": [
            _ground(tinted("grass.png", _GREEN), 1.9, pan=0.04),
            _moving(
                twin_of(horse(_DARK_COAT), _WARMER),
                poses((0.34, 0.5, 0.8, 0), (0.3, 0.5, 0.8, 0)),
                TWIN,
            ),
            _moving(
                partial(walking, horse(_COAT)),
                poses((0.34, 0.5, 0.8, 0), (0.45, 0.5, 0.8, 0), (0.72, 0.52, 0.82, 0)),
            ),
        ],
        "uncovered-astronaut": [
            _ground(load_photo("rocket.jpg"), 1.6, pan=-0.03),
            _moving(
                twin_of(woman, _WARMER),
                poses((0.68, 0.68, 0.7, 0), (0.71, 0.68, 0.7, 0)),
                TWIN,
            ),
            _moving(woman, poses((0.68, 0.68, 0.7, 0), (0.56, 0.69, 0.7, 1), (0.27, 0.68, 0.7, 0))),
        ],
    }


def _twins() -> Scenes:
    """An equal thing moves out from behind the object, and beside it."""
    cup, woman, bike = actor("coffee"), actor("astronaut"), shrunk(motorcycle(), 0.6)
    return {
        "twin-coffee": [
            _ground(tinted("grass.png", _GREEN), 1.9, pan=0.02),
            _moving(
                mirrored(twin_of(cup, _WARMER)),
                poses(*_row((0.38, 0.41, 0.56, 0.72, 0.76), 0.5, 0.42)),
                TWIN,
            ),
            _moving(cup, poses(*_row((0.38, 0.4, 0.38, 0.34, 0.32), 0.48, 0.5))),
        ],
        "twin-motorcycle": [
            _ground(tinted("gravel.png", _BROWN), 1.9, pan=0.04),
            _moving(
                twin_of(bike, _COOLER),
                poses(*_row((0.6, 0.62, 0.48, 0.32, 0.24), 0.5, 0.58)),
                TWIN,
            ),
            _moving(bike, poses(*_row((0.6, 0.62, 0.66, 0.7, 0.72), 0.5, 0.58))),
        ],
        "twin-astronaut": [
            _ground(load_photo("motorcycle_left.png"), 1.4, pan=0.02),
            _moving(
                twin_of(woman, _COOLER),
                poses(*_row((0.34, 0.35, 0.5, 0.66, 0.74), 0.68, 0.7)),
                TWIN,
            ),
            _moving(woman, poses(*_row((0.34, 0.35, 0.33, 0.29, 0.26), 0.68, 0.7))),
        ],
    }


def _crossing() -> Scenes:
    """A look-alike, given as object 2, passes behind the object and leaves on the other side."""
    bike = shrunk(motorcycle(), 0.6)
    other_horse = mirrored(twin_of(horse(_DARK_COAT), _WARMER))
    return {
        "crossing-horse": [
            _ground(tinted("grass.png", _GREEN), 1.9, pan=-0.03),
            _moving(
                partial(walking, other_horse),
                poses(*_row((0.86, 0.7, 0.5, 0.28, 0.1), 0.46, 0.66)),
                TWIN,
            ),
            _moving(
                partial(walking, horse(_COAT)),
                poses(*_row((0.32, 0.4, 0.47, 0.54, 0.6), 0.53, 0.76)),
            ),
        ],
        "crossing-motorcycle": [
            _ground(tinted("gravel.png", _BROWN), 1.9, pan=0.03),
            _moving(
                mirrored(twin_of(bike, _WARMER)),
                poses(*_row((0.16, 0.34, 0.54, 0.74, 0.92), 0.44, 0.5)),
                TWIN,
            ),
            _moving(bike, poses(*_row((0.62, 0.58, 0.54, 0.5, 0.46), 0.54, 0.56))),
        ],
    }


def _emerging() -> Scenes:
    """The object comes out from behind a wall that hides its rear half at first."""
    bike, wall = shrunk(motorcycle(), 0.7), cutout(tinted("brick.png", _RED)[:420], None)
    side = boxes(truck(), 80)
    return {
        "emerge-horse": [
            _ground(tinted("grass.png", _GREEN), 1.9, pan=0.02),
            _moving(
                partial(walking, horse(_COAT, rear=0.35)),
                poses(*_row((0.36, 0.4, 0.5, 0.62, 0.72), 0.5, 0.9)),
            ),
            _moving(wall, poses((0.0, 0.5, 1.2, 0), (-0.02, 0.5, 1.2, 0)), 0),
        ],
        "emerge-motorcycle": [
            _ground(tinted("gravel.png", _BROWN), 1.9, pan=0.02),
            _moving(bike, poses(*_row((0.37, 0.42, 0.52, 0.62, 0.7), 0.52, 0.66))),
            _moving(wall, poses((0.01, 0.5, 1.2, 0), (-0.01, 0.5, 1.2, 0)), 0),
        ],
        "emerge-truck": [
            _ground(tinted("gravel.png", _BROWN), 1.9, pan=-0.02),
            _moving(side, poses(*_row((0.6, 0.56, 0.46, 0.36, 0.28), 0.52, 1.2))),
            _moving(wall, poses((0.96, 0.5, 1.2, 0), (0.98, 0.5, 1.2, 0)), 0),
        ],
    }


def _turning() -> Scenes:
    """A body with another texture on each side turns, by 130 degrees or more.

    Some of the sides look like what is behind them.
    """
    cat, coffee = load_photo("chelsea.png"), load_photo("coffee.png")
    page, garage = tinted("page.png", (1.0, 0.95, 0.6)), load_photo("motorcycle_left.png")
    sky, stars = load_photo("rocket.jpg")[40:300, 60:320], load_photo("hubble_deep_field.jpg")
    gravel, flag = tinted("gravel.png", (0.95, 0.8, 0.62)), load_photo("astronaut.png")[:260, :260]
    cube = Box((cat[40:300, 60:320], stars[:400, :400], coffee, sky, sky[:120]), (1.5, 1.5, 1.5))
    labels = _wrapped(cat[:, 60:400], gravel[:300, :300], coffee[:, 80:500])
    stripes = _wrapped(page, flag, garage[20:480, 60:420], coffee[:, 80:500])
    return {
        "turn-cube": _turned(
            _ground(load_photo("rocket.jpg"), 1.6, pan=0.03),
            lambda degrees: boxes([cube], degrees),
            (-20, 125),
        ),
        "turn-truck": _turned(
            _ground(tinted("gravel.png", _BROWN), 1.9, pan=-0.02),
            partial(boxes, truck()),
            (-10, 150),
        ),
        "turn-tin": _turned(
            _ground(tinted("gravel.png", _BROWN), 1.9, pan=0.02),
            lambda degrees: cylinder(labels, degrees),
            (0, 200),
        ),
        "turn-drum": _turned(
            _ground(garage, 1.4, pan=-0.03),
            lambda degrees: cylinder(stripes, degrees),
            (40, -140),
        ),
    }


def _lines() -> Scenes:
    """Lines two or three pixels wide belong to the object."""
    return {
        "lines-kite": [
            _ground(load_photo("rocket.jpg"), 1.6, pan=0.03),
            _moving(
                lambda index: kite(14 * np.sin(index / 6)),
                poses((0.3, 0.5, 1, -8), (0.42, 0.48, 1, 4), (0.55, 0.49, 1, 9), (0.7, 0.5, 1, -4)),
            ),
        ],
        "lines-parachute": [
            _ground(tinted("grass.png", (0.8, 0.85, 0.5)), 1.9, pan=-0.02),
            _moving(
                lambda index: parachute(16 * np.sin(index / 7)),
                poses(
                    (0.72, 0.46, 1, 6), (0.64, 0.47, 1, -5), (0.56, 0.5, 1, 5), (0.46, 0.53, 1, -4)
                ),
            ),
        ],
    }


def _small() -> Scenes:
    """A small object passes behind branches, which hide parts of it."""
    cup, bike = shrunk(actor("coffee"), 0.28), shrunk(motorcycle(), 0.12)
    return {
        "branches-coffee": [
            _ground(tinted("grass.png", _GREEN), 1.9, pan=0.01),
            _moving(
                cup, poses((0.2, 0.48, 0.15, 0), (0.45, 0.58, 0.15, 20), (0.75, 0.62, 0.15, 0))
            ),
            _moving(branches(3), poses((0.5, 0.5, 1, 0), (0.48, 0.5, 1, 0)), 0),
        ],
        "branches-motorcycle": [
            _ground(tinted("gravel.png", _BROWN), 1.9, pan=0.01),
            _moving(
                bike, poses((0.16, 0.5, 0.115, 0), (0.48, 0.56, 0.115, -8), (0.82, 0.58, 0.115, 4))
            ),
            _moving(branches(8), poses((0.5, 0.5, 1, 0), (0.48, 0.5, 1, 0)), 0),
        ],
    }


def _moving(picture: Cutout | Callable[[int], Cutout], path: Poses, label: int = OBJECT) -> Layer:
    """Pass ``path`` during the whole clip."""
    return Layer(picture, along(path, FRAME_COUNT), label)


def _ground(image: RgbImage, scale: float, *, pan: float) -> Layer:
    """Show a photo that moves to the left by ``pan`` frame widths, half of it before the middle."""
    return _moving(
        cutout(image, None),
        poses((0.5 + pan / 2, 0.5, scale, 0), (0.5 - pan / 2, 0.5, scale, 0)),
        0,
    )


def _row(xs: tuple[float, ...], y: float, scale: float) -> list[tuple[float, float, float, float]]:
    """Make upright poses at one height."""
    return [(x, y, scale, 0) for x in xs]


def _turned(
    ground: Layer, body: Callable[[float], Cutout], degrees: tuple[float, float]
) -> list[Layer]:
    """Turn a body from the first to the last of ``degrees`` while it moves a little."""
    turn = np.linspace(*degrees, FRAME_COUNT)
    path = poses((0.42, 0.52, 1.0, 0), (0.48, 0.5, 1.05, 0), (0.55, 0.52, 1.1, 0))
    return [ground, _moving(lambda index: body(float(turn[index])), path)]


def _wrapped(*photos: RgbImage) -> RgbImage:
    """Put photos side by side, to go round a cylinder: (380, 960, 3)."""
    height, width = 380, 960 // len(photos)
    return np.concatenate(
        [cv2.resize(one, (width, height), interpolation=cv2.INTER_AREA) for one in photos], axis=1
    )
