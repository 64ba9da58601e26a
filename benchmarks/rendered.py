"""Clips that are painted frame by frame from cut-out pictures, with exact labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

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

Poses = tuple[Pose, ...]
Picture = tuple[RgbImage, LabelMap]


@dataclass(frozen=True, slots=True)
class RenderedClip:
    """A clip of ``frame_count`` frames; ``draw`` makes the image and the labels of one."""

    name: str
    frame_count: int
    draw: Callable[[int], Picture]

    def frames(self) -> Iterator[Frame]:
        """Draw the pictures."""
        for index in range(self.frame_count):
            yield Frame(index, f"{index:05d}", self.draw(index)[0], index / 24)

    def true_labels(self) -> Iterator[LabelMap]:
        """Draw the labels."""
        return (self.draw(index)[1] for index in range(self.frame_count))


@dataclass(frozen=True, slots=True)
class Layer:
    """A thing: its picture, or that of each frame, and where it is, or None while it is gone."""

    picture: Cutout | Callable[[int], Cutout]
    pose: Callable[[int], Pose | None]
    label: int = 0


def poses(*values: tuple[float, float, float, float]) -> Poses:
    """Make poses of x, y, scale and degrees each."""
    return tuple(Pose(*value) for value in values)


def along(path: Poses, frame_count: int) -> Callable[[int], Pose]:
    """Pass evenly spaced poses in ``frame_count`` frames."""
    return lambda index: pose_at(path, index / (frame_count - 1))


def away(there: Poses, back: Poses, spans: tuple[int, int, int]) -> Callable[[int], Pose | None]:
    """Pass the poses ``there``, be gone, and pass the poses ``back``, for so many frames each."""
    before, gone, after = spans

    def pose(index: int) -> Pose | None:
        if index < before:
            return pose_at(there, index / (before - 1))
        if index < before + gone:
            return None
        return pose_at(back, (index - before - gone) / (after - 1))

    return pose


def actor(name: str) -> Cutout:
    """Cut one of the demo's actors out of its photograph."""
    return next(cut_out(a, DEMO_SIZE_HW[0]) for a in DEMO_ACTORS.values() if a.name == name)


def photo(name: str) -> Cutout:
    """Make a background of a photograph."""
    return cutout(load_photo(name), None)


def cutout(image: RgbImage, mask: LabelMap | None) -> Cutout:
    """Cut the box round a mask out of a picture; None takes all of it."""
    if mask is None:
        mask = np.ones(image.shape[:2], np.uint8)
    x, y, width, height = cv2.boundingRect(mask)
    box = np.s_[y : y + height, x : x + width]
    alpha = mask[box][..., None].astype(np.float32)
    return Cutout(np.concatenate([image[box] * alpha, alpha], axis=2), 1.0)


def mirrored(picture: Cutout) -> Cutout:
    """Exchange left and right."""
    return replace(picture, rgba=np.ascontiguousarray(picture.rgba[:, ::-1]))


def paint(
    index: int, layers: Iterable[Layer], ground: Callable[[int], Picture] | None = None
) -> Picture:
    """Paint layers from back to front; a pixel belongs to what covers at least half of it.

    Returns (H, W, 3) uint8 RGB and (H, W) uint8 labels. ``ground`` draws what is behind them all,
    black by default.
    """
    picture, labels = ground(index) if ground else _black()
    image = picture.astype(np.float32)
    for layer in layers:
        pose = layer.pose(index)
        if pose is not None:
            shown = layer.picture if isinstance(layer.picture, Cutout) else layer.picture(index)
            placed = place(shown, pose, DEMO_SIZE_HW)
            image = image * (1 - placed[..., 3:]) + placed[..., :3]
            labels = np.where(placed[..., 3] >= 0.5, np.uint8(layer.label), labels)
    return np.rint(image).clip(0, 255).astype(np.uint8), labels


def _black() -> Picture:
    return np.zeros((*DEMO_SIZE_HW, 3), np.uint8), np.zeros(DEMO_SIZE_HW, np.uint8)
