"""What readers of other formats yield, and how it becomes label maps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from ..errors import MaskError
from ..structures import LabelMap

MOST_PIXELS = 1 << 28
"""Of a picture; more is a damaged file."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A mask of one object on one frame; produced by the readers.

    ``frame`` counts the frames of the video from 0, None where the file does not say; ``name`` is
    that of the image, or empty. ``object_id`` is the object's own, None where it has none: then
    ``label`` tells objects apart. Of the (H, W) mask only what is in its box is held, in bits.
    """

    frame: int | None
    name: str
    label: str
    object_id: int | None
    size_hw: tuple[int, int]
    _box: tuple[int, int, int, int]
    _bits: npt.NDArray[np.uint8]

    @classmethod
    def of_mask(
        cls,
        mask: npt.NDArray[np.bool_],
        *,
        label: str,
        object_id: int | None = None,
        frame: int | None = None,
        name: str = "",
    ) -> Shape:
        """Make a shape of an (H, W) mask."""
        whole = np.ascontiguousarray(mask, dtype=np.bool_)
        x, y, width, height = cv2.boundingRect(whole.view(np.uint8))
        crop = whole[y : y + height, x : x + width]
        size_hw = (mask.shape[0], mask.shape[1])
        box = (x, y, width, height)
        return cls(frame, name, label, object_id, size_hw, box, np.packbits(crop))

    @property
    def place(self) -> tuple[int, str]:
        """What its frame is sorted and told apart by."""
        return (-1 if self.frame is None else self.frame, self.name)

    def draw(self, labels: LabelMap, value: int) -> int:
        """Put it into an (H, W) label map; returns how many pixels of others it covers."""
        x, y, width, height = self._box
        mask = np.unpackbits(self._bits, count=width * height).reshape(height, width) > 0
        part = labels[y : y + height, x : x + width]
        covered = int(np.count_nonzero(part[mask]))
        part[mask] = value
        return covered


@dataclass(frozen=True, slots=True)
class Found:
    """What a file holds; produced by the readers. ``boxes`` counts shapes that are no masks."""

    shapes: Sequence[Shape]
    boxes: int = 0


@dataclass(slots=True)
class Numbering:
    """Ids from 1 to 255 for the objects of shapes: their own where they have them.

    Of shapes without, the n-th one of a label on each frame is taken for one object.
    """

    names: dict[int, str] = field(default_factory=dict)
    """The label of each object, by its id."""
    guessed: bool = False
    """Whether shapes of several frames were matched by their labels."""
    _keys: dict[tuple[str, int], int] = field(default_factory=dict)
    _own: frozenset[int] = frozenset()

    def number(self, shapes: Iterable[Shape]) -> list[int]:
        """Return an id for each shape; raises MaskError for ids that are out of range."""
        shapes = list(shapes)
        own = {one.object_id for one in shapes if one.object_id is not None}
        wrong = sorted(one for one in own if not 1 <= one <= 255)
        if wrong:
            raise MaskError(
                f"object {wrong[0]}", got="an id out of range", expected="ids from 1 to 255"
            )
        self._own = frozenset(own)
        counts: Counter[tuple[tuple[int, str], str]] = Counter()
        ids = [self._one(shape, counts) for shape in shapes]
        anonymous = {one.place for one in shapes if one.object_id is None}
        self.guessed = len(anonymous) > 1
        return ids

    def _one(self, shape: Shape, counts: Counter[tuple[tuple[int, str], str]]) -> int:
        object_id = shape.object_id
        if object_id is None:
            counts[shape.place, shape.label] += 1
            key = (shape.label, counts[shape.place, shape.label])
            object_id = self._keys.setdefault(key, self._free())
        self.names.setdefault(object_id, shape.label)
        return object_id

    def _free(self) -> int:
        taken = {*self._own, *self.names}
        free = next((one for one in range(1, 256) if one not in taken), None)
        if free is None:
            raise MaskError("objects", got="more than 255", expected="255 at most")
        return free


def polygon_mask(
    points_xy: Sequence[tuple[float, float]], size_hw: tuple[int, int]
) -> npt.NDArray[np.bool_]:
    """Return the (H, W) mask of a polygon whose points count from the picture's corner, in pixels.

    Raises MaskError for fewer than three points, or a picture without or with too many pixels.
    """
    check_size(size_hw)
    if len(points_xy) < 3:
        raise MaskError("a polygon", got=f"{len(points_xy)} points", expected="three or more")
    fraction = 4  # bits of a pixel
    centres = (np.array(points_xy, dtype=np.float64) - 0.5) * (1 << fraction)
    bound = 1 << 26  # far outside of any picture
    mask = np.zeros(size_hw, np.uint8)
    corners = np.clip(centres.round(), -bound, bound).astype(np.int32)
    cv2.fillPoly(mask, [corners], 1, shift=fraction)
    return mask > 0


def check_size(size_hw: tuple[int, int]) -> None:
    """Raise MaskError for the size of a picture that cannot be."""
    height, width = size_hw
    if height < 1 or width < 1 or height * width > MOST_PIXELS:
        raise MaskError(
            "the picture's size", got=f"{width} x {height}", expected="1 pixel or more, in reason"
        )
