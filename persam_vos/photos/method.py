"""What finds objects in photos: learned from references once, then asked photo by photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from ..structures import LabelMap, RgbImage

Mask = npt.NDArray[np.bool_]
BoxXyxy = tuple[float, float, float, float]
Point = tuple[float, float, int]
"""x, y in pixels of the photo, and 1 if it is on the object or 0 if it is not."""


class PhotoReference(NamedTuple):
    """A picture, (H, W, 3) uint8 RGB, and the labels (H, W) uint8 of its objects, 0 elsewhere."""

    image: RgbImage
    labels: LabelMap


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance of an object: mask (H, W) bool, and how sure it is, in [0, 1]."""

    mask: Mask
    score: float


@dataclass(frozen=True, slots=True)
class PhotoObject:
    """What a photo shows of one object; produced by a `PhotoMethod`.

    ``mask`` is (H, W) bool, of all its instances, and empty if it is not there. ``score`` in [0, 1]
    is the confidence in the mask, ``presence`` in [0, 1] how sure it is that the object is in the
    photo; ``present`` says whether that is enough. ``confidence`` is (h, w) float32 in [0, 1]: how
    alike the cells of the picture and the object are. ``points`` and ``box_xyxy`` (pixels,
    inclusive) were shown to the decoder. ``instances`` has a mask for each instance, the surest
    first.
    """

    object_id: int
    mask: Mask
    score: float
    presence: float
    present: bool
    confidence: npt.NDArray[np.float32]
    points: tuple[Point, ...]
    box_xyxy: BoxXyxy | None
    instances: tuple[Instance, ...]


class PhotoMethod(Protocol):
    """Finds objects in photos, each by itself."""

    @property
    def object_ids(self) -> tuple[int, ...]:
        """The objects that were learned, ascending."""

    def learn(self, references: Sequence[tuple[RgbImage, LabelMap]]) -> None:
        """Learn objects from pictures and their labels, in place of what was learned before.

        Each is a `PhotoReference`, or a tuple of the same two. The same id in several pictures is
        the same object. Raises UsageError for references without an object.
        """

    def segment(self, image: RgbImage) -> tuple[PhotoObject, ...]:
        """Find all objects in a photo, (H, W, 3) uint8 RGB; in ascending order of their ids."""


def merged_labels(objects: Sequence[PhotoObject], size_hw: tuple[int, int]) -> LabelMap:
    """Put masks together as labels (H, W); where two meet, the surer object wins."""
    labels = np.zeros(size_hw, np.uint8)
    for one in sorted(objects, key=lambda one: one.score):
        labels[one.mask] = one.object_id
    return labels
