"""What is measured of the objects in a label map: areas, pieces, specks, holes, edges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from ..scoring.label_files import present_ids
from ..structures import Box, LabelMap

Edge = Literal["top", "bottom", "left", "right"]
Pieces = tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]
"""Pieces by number, (H, W), 0 for none; and for each, 0 too, its x, y, width, height and area."""

SPECK_SHARE = 1e-4
"""A piece or hole is a speck below this fraction of the picture: 41 pixels of 854 x 480."""
LEAST_SPECK_PX = 4
_SPECK_OF_OBJECT = 0.1  # nothing is a speck that is a larger part of its object
_PIECE_OF_OBJECT = 0.1  # smaller ones count for nothing where pieces are far apart


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """One object of a label map; produced by `measure_objects`.

    Areas are in pixels; ``picture_share`` is the fraction of the picture that it has. ``pieces``
    counts connected parts that are no specks, ``piece_gap_px`` is how far the most remote large one
    lies from the others, by their boxes. ``edges`` are those of the picture that it touches.
    """

    object_id: int
    area_px: int
    picture_share: float
    box_xyxy: Box
    pieces: int
    piece_gap_px: int
    specks: int
    speck_area_px: int
    holes: int
    hole_area_px: int
    edges: tuple[Edge, ...]

    @property
    def side_px(self) -> int:
        """The long side of its box."""
        x0, y0, x1, y1 = self.box_xyxy
        return max(x1 - x0, y1 - y0) + 1


def default_speck_px(size_hw: tuple[int, int]) -> int:
    """Return the area in pixels below which pieces and holes are specks in a picture."""
    return max(LEAST_SPECK_PX, round(SPECK_SHARE * size_hw[0] * size_hw[1]))


def measure_objects(label_map: LabelMap, speck_px: int) -> tuple[ObjectFacts, ...]:
    """Measure the objects of an (H, W) label map, in ascending order of id.

    ``speck_px`` is the area below which pieces and holes are specks.
    """
    return tuple(_measure(label_map, i, speck_px) for i in sorted(present_ids(label_map)))


def speck_mask(mask: npt.NDArray[np.bool_], speck_px: int) -> npt.NDArray[np.bool_]:
    """Return which pixels of an object's (H, W) mask are specks: small pieces of it."""
    numbers, stats = _pieces(mask)
    return np.isin(numbers, _specks(stats, speck_px))


def hole_mask(label_map: LabelMap, object_id: int, speck_px: int) -> npt.NDArray[np.bool_]:
    """Return which pixels of background are small holes in an object, which it encloses."""
    outside = (label_map != object_id).astype(np.uint8)
    _, numbers, stats, _ = cv2.connectedComponentsWithStats(outside, connectivity=4)
    border = (numbers[0], numbers[-1], numbers[:, 0], numbers[:, -1])
    others = numbers[(label_map > 0) & (outside > 0)]
    small = stats[:, cv2.CC_STAT_AREA] < speck_px
    small[np.unique(np.concatenate([[0], *border, others]))] = False
    return np.asarray(small[numbers])


def _measure(label_map: LabelMap, object_id: int, speck_px: int) -> ObjectFacts:
    mask = label_map == object_id
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    lines = {"top": mask[0], "bottom": mask[-1], "left": mask[:, 0], "right": mask[:, -1]}
    box = (int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1]))
    part = np.pad(label_map[box[1] : box[3] + 1, box[0] : box[2] + 1], 1)
    _, stats = _pieces(part == object_id)
    areas = stats[1:, cv2.CC_STAT_AREA]
    area = int(areas.sum())
    specks = _specks(stats, speck_px)
    large = list(stats[1:][areas >= _PIECE_OF_OBJECT * area])
    holes = hole_mask(part, object_id, speck_px)
    edges: tuple[Edge, ...] = ("top", "bottom", "left", "right")
    return ObjectFacts(
        object_id=object_id,
        area_px=area,
        picture_share=area / mask.size,
        box_xyxy=box,
        pieces=len(areas) - len(specks),
        piece_gap_px=max((_gap(row, large) for row in large), default=0),
        specks=len(specks),
        speck_area_px=int(stats[specks, cv2.CC_STAT_AREA].sum()),
        holes=cv2.connectedComponents(holes.astype(np.uint8), connectivity=4)[0] - 1,
        hole_area_px=int(np.count_nonzero(holes)),
        edges=tuple(edge for edge in edges if lines[edge].any()),
    )


def _pieces(mask: npt.NDArray[np.bool_]) -> Pieces:
    _, numbers, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    return numbers, stats


def _specks(stats: npt.NDArray[np.int32], speck_px: int) -> npt.NDArray[np.intp]:
    """Return the numbers of the pieces that are specks; never of all of them."""
    areas = stats[1:, cv2.CC_STAT_AREA]
    small = (areas < speck_px) & (areas < _SPECK_OF_OBJECT * areas.sum())
    return 1 + np.flatnonzero(small)


def _gap(row: npt.NDArray[np.int32], others: list[npt.NDArray[np.int32]]) -> int:
    """Return how far a piece's box is from the nearest other one, in pixels."""
    gaps = [_box_gap(row, other) for other in others if other is not row]
    return min(gaps, default=0)


def _box_gap(one: npt.NDArray[np.int32], other: npt.NDArray[np.int32]) -> int:
    x = max(one[0], other[0]) - min(one[0] + one[2], other[0] + other[2])
    y = max(one[1], other[1]) - min(one[1] + one[3], other[1] + other[3])
    return max(0, int(x), int(y))
