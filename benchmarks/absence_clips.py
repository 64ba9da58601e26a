"""Clips in which an object leaves for 20 frames and comes back, with exact labels.

Cut-outs of scikit-image's photographs fly over other photographs (see `datasets.demo`), or an
annotated object of one development clip is pasted over another clip. In the labels 1 is the object
to track and 2, where there is one, a look-alike that stays in the picture all the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from benchmarks.clips import Clip, find_clips
from persam_vos.demo.render import (
    DEMO_ACTORS,
    DEMO_SIZE_HW,
    Cutout,
    Pose,
    cut_out,
    load_photo,
    place,
    pose_at,
)
from persam_vos.structures import Frame, LabelMap, RgbImage

OBJECT, LOOKALIKE = 1, 2
BEFORE, GONE, AFTER = 14, 20, 18
FRAME_COUNT = BEFORE + GONE + AFTER

Poses = tuple[Pose, ...]
Picture = tuple[RgbImage, LabelMap]


@dataclass(frozen=True, slots=True)
class AbsenceClip:
    """A clip of ``FRAME_COUNT`` frames; ``draw`` makes the image and the labels of one."""

    name: str
    draw: Callable[[int], Picture]

    def frames(self) -> Iterator[Frame]:
        """Draw the pictures."""
        for index in range(FRAME_COUNT):
            yield Frame(index, f"{index:05d}", self.draw(index)[0], index / 24)

    def true_labels(self) -> Iterator[LabelMap]:
        """Draw the labels."""
        return (self.draw(index)[1] for index in range(FRAME_COUNT))


@dataclass(frozen=True, slots=True)
class Layer:
    """A thing that moves along ``path``, or along ``path``, then is gone, then along ``back``.

    ``picture`` makes its picture of each frame.
    """

    picture: Callable[[int], Cutout]
    path: Poses
    back: Poses = ()
    label: int = 0

    def pose(self, index: int) -> Pose | None:
        """Return where it is on a frame, or None while it is gone."""
        if not self.back:
            return pose_at(self.path, index / (FRAME_COUNT - 1))
        if index < BEFORE:
            return pose_at(self.path, index / (BEFORE - 1))
        if index < BEFORE + GONE:
            return None
        return pose_at(self.back, (index - BEFORE - GONE) / (AFTER - 1))


def photo_clips() -> list[AbsenceClip]:
    """Make the clips that need nothing but the installed photographs."""
    coffee, astronaut, shuttle = (_actor(name) for name in ("coffee", "astronaut", "shuttle"))
    garage = _still(_photo("motorcycle_left.png"), (0.5, 0.5, 1.4, 0), (0.46, 0.52, 1.45, 1))
    dusk = _still(_photo("rocket.jpg"), (0.5, 0.5, 1.55, 0), (0.45, 0.47, 1.6, -1))
    in_front = _still(astronaut, (0.6, 0.6, 1.15, 0), (0.61, 0.6, 1.17, 1))
    blue_cup = _still(_recoloured(coffee), (0.72, 0.72, 0.5, 10), (0.64, 0.66, 0.54, 4))
    blue_woman = _still(_recoloured(astronaut), (0.74, 0.7, 0.66, 0), (0.72, 0.69, 0.7, 2))
    cup = Layer(
        lambda _: coffee,
        _poses(
            (0.38, 0.4, 0.58, -8), (0.5, 0.5, 0.56, 0), (0.74, 0.5, 0.54, 8), (1.1, 0.4, 0.52, 14)
        ),
        _poses(
            (0.02, 0.72, 0.5, 10), (0.2, 0.62, 0.54, 2), (0.28, 0.5, 0.58, -5), (0.3, 0.42, 0.6, -9)
        ),
        OBJECT,
    )
    woman = Layer(
        lambda _: astronaut,
        _poses(
            (0.4, 0.68, 0.7, 2), (0.36, 0.7, 0.72, 0), (0.2, 0.68, 0.72, -2), (-0.15, 0.7, 0.7, -3)
        ),
        _poses(
            (1.0, 0.7, 0.66, -3), (0.86, 0.68, 0.68, 0), (0.72, 0.67, 0.7, 2), (0.7, 0.68, 0.71, 3)
        ),
        OBJECT,
    )
    rising = _poses((0.25, 1.0, 0.66, -3), (0.28, 0.68, 0.7, 0), (0.3, 0.66, 0.7, 2))
    scenes = {
        "edge-coffee": [garage, cup],
        "edge-astronaut": [dusk, woman],
        "lookalike-coffee": [garage, replace(blue_cup, label=LOOKALIKE), cup],
        "lookalike-astronaut": [
            dusk,
            replace(blue_woman, label=LOOKALIKE),
            replace(woman, back=rising),
        ],
        "hidden-coffee": [garage, _passing(coffee, y=0.78, scale=0.32, edge=0.335), in_front],
        "hidden-shuttle": [dusk, _passing(shuttle, y=0.76, scale=0.8, edge=0.315), in_front],
    }
    return [AbsenceClip(name, partial(_paint, layers=layers)) for name, layers in scenes.items()]


def pasted_clips(root: Path) -> list[AbsenceClip]:
    """Make the clips whose objects are pasted from one development clip over another.

    The background clip's own object is the look-alike where the name says so.
    """
    clips = {clip.name: clip for clip in find_clips(root)}
    coming = _poses(
        (0.0, 0.6, 0.7, 0), (0.15, 0.58, 0.75, 0), (0.2, 0.55, 0.8, 0), (0.2, 0.55, 0.8, 0)
    )
    return [
        AbsenceClip(
            f"{kind}-{front}-over-{behind}",
            partial(
                _paint,
                layers=[Layer(partial(_annotated, clips[front]), _leaving(edge), coming, OBJECT)],
                ground=partial(_ground, clips[behind], LOOKALIKE if kind == "lookalike" else 0),
            ),
        )
        for kind, front, behind, edge in (
            ("edge", "dog-agility", "kite-walk", 1.14),
            ("edge", "horsejump-low", "scooter-gray", 1.1),
            ("lookalike", "rollerblade", "hockey", 1.04),
            ("lookalike", "scooter-gray", "motocross-bumps", 1.07),
        )
    ]


def _poses(*poses: tuple[float, float, float, float]) -> Poses:
    return tuple(Pose(*pose) for pose in poses)


def _leaving(edge: float) -> Poses:
    """Go to the right until the centre is at ``edge``, where the last of the object shows."""
    return _poses(*((x, 0.55, 0.7, 0) for x in (0.7, 0.74, 0.85, edge)))


def _actor(name: str) -> Cutout:
    return next(cut_out(a, DEMO_SIZE_HW[0]) for a in DEMO_ACTORS.values() if a.name == name)


def _photo(name: str) -> Cutout:
    """Make a background of a photograph."""
    return _cutout(load_photo(name), None)


def _cutout(image: RgbImage, mask: LabelMap | None) -> Cutout:
    """Cut the box round a mask out of a picture; None takes all of it."""
    if mask is None:
        mask = np.ones(image.shape[:2], np.uint8)
    x, y, width, height = cv2.boundingRect(mask)
    box = np.s_[y : y + height, x : x + width]
    alpha = mask[box][..., None].astype(np.float32)
    return Cutout(np.concatenate([image[box] * alpha, alpha], axis=2), 1.0)


def _still(picture: Cutout, *poses: tuple[float, float, float, float]) -> Layer:
    return Layer(lambda _: picture, _poses(*poses))


def _recoloured(cutout: Cutout) -> Cutout:
    """Make a look-alike: mirrored, with red and blue exchanged."""
    return replace(cutout, rgba=np.ascontiguousarray(cutout.rgba[:, ::-1, [2, 1, 0, 3]]))


def _passing(picture: Cutout, *, y: float, scale: float, edge: float) -> Layer:
    """Let a picture go behind what stands in the middle, gone from ``edge`` on, and come out."""
    into = _poses((0.1, y, scale, 0), (0.14, y, scale, 0), (0.24, y, scale, 4), (edge, y, scale, 8))
    out = _poses(
        (0.76, y, scale, 4), (0.86, y, scale, 0), (0.88, y, scale, -4), (0.89, y, scale, 0)
    )
    return Layer(lambda _: picture, into, out, OBJECT)


def _annotated(clip: Clip, index: int) -> Cutout:
    """Cut the object out of a frame of a clip, which plays forth and back."""
    last = len(clip.images) - 1
    turning = last - abs(last - index % (2 * last))
    return _cutout(clip.frame(turning).image, clip.labels(turning))


def _ground(clip: Clip, label: int, index: int) -> Picture:
    """Show a frame of a clip, its objects labelled ``label``."""
    return clip.frame(index).image, (clip.labels(index) > 0) * np.uint8(label)


def _black(index: int) -> Picture:  # noqa: ARG001
    return np.zeros((*DEMO_SIZE_HW, 3), np.uint8), np.zeros(DEMO_SIZE_HW, np.uint8)


def _paint(index: int, layers: list[Layer], ground: Callable[[int], Picture] = _black) -> Picture:
    """Paint layers from back to front; a pixel belongs to what covers at least half of it."""
    picture, labels = ground(index)
    image = picture.astype(np.float32)
    for layer in layers:
        pose = layer.pose(index)
        if pose is not None:
            placed = place(layer.picture(index), pose, DEMO_SIZE_HW)
            image = image * (1 - placed[..., 3:]) + placed[..., :3]
            labels = np.where(placed[..., 3] >= 0.5, np.uint8(layer.label), labels)
    return np.rint(image).clip(0, 255).astype(np.uint8), labels
