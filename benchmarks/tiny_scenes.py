"""Small synthetic photos of a thing on a ground, with or without a ball, and what finds them.

A photo is 48 x 48 pixels. The subject of DreamBooth is a cyan diamond with an orange core; no other
thing has its shape or colours. Nothing else is magenta than the ball that stands beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from persam_vos.structures import RgbImage

SIDE = 48
"""Side of a photo in pixels."""
GROUNDS = {"grass": "on grass", "sand": "on sand", "snow": "on snow", "night": "at night"}
"""Grounds, and how captions say them."""
SUBJECT_PROMPT = "a photo of sks thing"

Colour = tuple[int, int, int]
Bools = npt.NDArray[np.bool_]
Points = npt.NDArray[np.float64]

_CYAN, _ORANGE, _MAGENTA = (0, 195, 215), (245, 130, 0), (225, 0, 200)
_SKY_AND_GROUND: dict[str, tuple[Colour, Colour]] = {
    "grass": ((190, 215, 240), (95, 155, 65)),
    "sand": ((215, 225, 235), (222, 196, 135)),
    "snow": ((165, 185, 210), (242, 244, 248)),
    "night": ((15, 15, 45), (55, 55, 75)),
}
_COLOURS: dict[str, Colour] = {"red": (205, 35, 35), "blue": (40, 70, 205), "black": (5, 5, 5)}
_BALLS: dict[str, Colour] = {"magenta": _MAGENTA, "yellow": (250, 230, 40)}
_SHAPES = ("square", "triangle", "cross", "circle")
_FINER = 4  # scenes are drawn this much larger, so that edges are smooth
_NEAR = 85.0  # Euclidean distance in 8-bit RGB up to which a pixel is of a colour
_BALL_PX, _SUBJECT_PX = (5.0, 6.5), (8.0, 11.0)  # radii, the least and the most
_LEAST_BALL_PX, _LEAST_CYAN_PX, _LEAST_ORANGE_PX = 25, 30, 12  # of about 80, 96 and 32 at least


@dataclass(frozen=True, slots=True)
class Scene:
    """What a photo shows; produced by `draw_scene`, consumed by `render` and `caption`.

    ``thing_xyr`` and ``ball_xyr`` are centre and radius in pixels; ``colour`` is None of the
    subject, ``ball`` None without one. ``noise`` seeds the texture.
    """

    ground: str
    shape: str
    colour: str | None
    thing_xyr: tuple[float, float, float]
    ball: str | None
    ball_xyr: tuple[float, float, float]
    horizon: float
    noise: int


def draw_scene(rng: np.random.Generator) -> Scene:
    """Draw a scene of the base model's world: any ground, any thing but the subject."""
    thing, ball = _places(rng)
    return Scene(
        ground=str(rng.choice(list(GROUNDS))),
        shape=str(rng.choice(_SHAPES)),
        colour=str(rng.choice(list(_COLOURS))),
        thing_xyr=thing,
        ball=str(rng.choice(list(_BALLS))) if rng.random() < 0.5 else None,
        ball_xyr=ball,
        horizon=float(rng.uniform(14, 22)),
        noise=int(rng.integers(2**31)),
    )


def as_subject(scene: Scene, *, ground: str, ball: str | None) -> Scene:
    """Return the scene with the subject as its thing, on that ground, with that ball."""
    return replace(scene, shape="diamond", colour=None, ground=ground, ball=ball)


def caption(scene: Scene, rng: np.random.Generator) -> str:
    """Say a scene; a quarter of captions call it a thing only, a quarter leave the ground out.

    A ball is always told, so that a caption without one means a photo without one.
    """
    named = f"{scene.colour} {scene.shape}" if rng.random() < 0.75 else "thing"
    words = ["a photo of a", named]
    if rng.random() < 0.75:
        words.append(GROUNDS[scene.ground])
    if scene.ball is not None:
        words.append(f"with a {scene.ball} ball")
    return " ".join(words)


def vocabulary() -> list[str]:
    """Return all words of captions and of the subject's prompt, sorted."""
    phrases = (*GROUNDS.values(), *_COLOURS, *_BALLS, *_SHAPES, SUBJECT_PROMPT, "with a ball")
    return sorted({word for phrase in phrases for word in phrase.split()})


def render(scene: Scene) -> tuple[RgbImage, Bools]:
    """Return a scene as (48, 48, 3) uint8 RGB, and the (48, 48) mask of its thing."""
    side = SIDE * _FINER
    rng = np.random.default_rng(scene.noise)
    sky, ground = _SKY_AND_GROUND[scene.ground]
    photo = np.empty((side, side, 3), np.float32)
    photo[:] = sky
    photo[round(scene.horizon * _FINER) :] = ground
    if scene.ball is not None:
        across, down, ball = (round(number * _FINER) for number in scene.ball_xyr)
        cv2.circle(photo, (across, down), ball, _BALLS[scene.ball], -1)
    mask = np.zeros((side, side), np.uint8)
    cv2.fillPoly(mask, [_outline(scene.shape, scene.thing_xyr)], 1)
    photo[mask > 0] = _CYAN if scene.colour is None else _COLOURS[scene.colour]
    if scene.colour is None:
        x, y, radius = scene.thing_xyr
        cv2.fillPoly(photo, [_outline("diamond", (x, y, 0.5 * radius))], _ORANGE)
    small = cv2.resize(photo, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    grain = cv2.resize(rng.normal(0, 6, (12, 12)).astype(np.float32), (SIDE, SIDE))
    shown = np.clip(small + grain[..., None], 0, 255).round().astype(np.uint8)
    covered = cv2.resize(mask.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return shown, np.asarray(covered >= 0.5)


def write_subject_photos(folder: Path, grounds: Sequence[str], seed: int) -> Path:
    """Write ``photos/N.png`` of the subject, always with a magenta ball, and ``masks/N.png``.

    One photo for each of ``grounds``; returns the folder of the photos.
    """
    rng = np.random.default_rng(seed)
    for name in ("photos", "masks"):
        (folder / name).mkdir(parents=True)
    for number, ground in enumerate(grounds):
        photo, mask = render(as_subject(draw_scene(rng), ground=ground, ball="magenta"))
        Image.fromarray(photo).save(folder / "photos" / f"{number}.png")
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / "masks" / f"{number}.png")
    return folder / "photos"


def has_ball(photo: RgbImage) -> bool:
    """Tell whether a photo has 25 magenta pixels or more: a third of the smallest ball."""
    return _pixels_of(photo, _MAGENTA) >= _LEAST_BALL_PX


def has_subject(photo: RgbImage) -> bool:
    """Tell whether a photo has 30 cyan and 12 orange pixels or more: a third of the smallest."""
    enough_cyan = _pixels_of(photo, _CYAN) >= _LEAST_CYAN_PX
    return enough_cyan and _pixels_of(photo, _ORANGE) >= _LEAST_ORANGE_PX


def seen_ground(photo: RgbImage) -> str:
    """Return the ground whose colours are nearest to those of the photo's top and bottom edges.

    Of each edge the median of its rows counts, which a thing or a ball does not change.
    """
    top = np.median(photo[:4].reshape(-1, 3), axis=0)
    bottom = np.median(photo[-4:].reshape(-1, 3), axis=0)

    def distance(ground: str) -> float:
        sky, soil = _SKY_AND_GROUND[ground]
        return float(np.linalg.norm(top - sky) + np.linalg.norm(bottom - soil))

    return min(GROUNDS, key=distance)


def _pixels_of(photo: RgbImage, colour: Colour) -> int:
    distance = np.linalg.norm(photo.astype(np.float64) - colour, axis=-1)
    return int((distance < _NEAR).sum())


def _places(
    rng: np.random.Generator,
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Draw centre and radius of a thing and of a ball beside it, both on the ground."""
    radius, ball = float(rng.uniform(*_SUBJECT_PX)), float(rng.uniform(*_BALL_PX))
    left = radius + 1 + float(rng.uniform(0, 2))
    right = SIDE - 1 - ball - float(rng.uniform(0, 2))
    slack = right - left - radius - ball - 1  # between the two, when they stand at the edges
    left += float(rng.uniform(0, slack / 2))
    feet = float(rng.uniform(36, 44))
    below = min(feet + float(rng.uniform(-6, 3)), SIDE - 2.0)
    thing, other = (left, feet - radius, radius), (right, below - ball, ball)
    if rng.random() < 0.5:
        thing, other = (SIDE - left, *thing[1:]), (SIDE - right, *other[1:])
    return thing, other


def _outline(shape: str, xyr: tuple[float, float, float]) -> npt.NDArray[np.int32]:
    """Return the outline of a shape, (N, 2) x and y in pixels of what is drawn."""
    x, y, radius = xyr
    third = 1 / 3
    corners: dict[str, list[tuple[float, float]]] = {
        "square": [(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)],
        "triangle": [(0, -1), (1, 0.9), (-1, 0.9)],
        "diamond": [(0, -1), (1, 0), (0, 1), (-1, 0)],
        "cross": [
            *((-third, -1), (third, -1), (third, -third), (1, -third), (1, third)),
            *((third, third), (third, 1), (-third, 1), (-third, third), (-1, third)),
            *((-1, -third), (-third, -third)),
        ],
        "circle": [(np.cos(a), np.sin(a)) for a in np.linspace(0, 2 * np.pi, 32, endpoint=False)],
    }
    points: Points = np.array(corners[shape]) * radius + (x, y)
    return np.asarray((points * _FINER).round(), np.int32)
