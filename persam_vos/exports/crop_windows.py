"""Windows that follow objects smoothly, and the grid of one crop of each."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from ..structures import RgbImage
from .clip import Clip, ClipFrame

_MARGIN = 0.15  # of the object's longer side, on each side
_SMOOTHING_SECONDS = 0.15  # standard deviation
_SMALLEST = 16  # pixels
_CELL = 320  # pixels of a crop in a grid, at most
_GAP = 4

Windows = npt.NDArray[np.float64]
"""(F, 3) for frames: centre x, centre y and side of a square, in pixels of the picture."""


class CropWindows:
    """The windows of all objects of a clip, from the boxes in its log: no picture is needed."""

    def __init__(self, clip: Clip, *, margin: float = _MARGIN) -> None:
        self._rows = {entry.index: row for row, entry in enumerate(clip.entries)}
        self.windows: dict[int, Windows] = {}
        """By object id; objects that are never visible have none."""
        self.spans: dict[int, tuple[int, int]] = {}
        """Indices of the first and last frame on which each is visible."""
        rate = float(clip.info.frames_per_second)
        for object_id in clip.object_ids:
            boxes = {
                entry.index: one.box_xyxy
                for entry in clip.entries
                for one in entry.objects
                if one.object_id == object_id and one.box_xyxy is not None
            }
            if boxes:
                self.spans[object_id] = (min(boxes), max(boxes))
                rows = np.array([self._rows[index] for index in boxes])
                found = np.array(list(boxes.values()), dtype=np.float64)
                followed = _followed(rows, found, len(clip), rate * _SMOOTHING_SECONDS, margin)
                self.windows[object_id] = _inside(followed, clip.info.size_hw)
        largest = max((self.side(one) for one in self.windows), default=_SMALLEST)
        self._cell = min(_CELL, largest)
        self._columns = math.ceil(math.sqrt(len(self.windows))) or 1

    @property
    def grid_size_hw(self) -> tuple[int, int]:
        """Size of the grid in pixels."""
        rows = math.ceil(len(self.windows) / self._columns) or 1
        pitch = self._cell + _GAP
        return rows * pitch - _GAP, self._columns * pitch - _GAP

    def side(self, object_id: int) -> int:
        """Return the side of an object's largest window in pixels, an even number."""
        return 2 * math.ceil(float(self.windows[object_id][:, 2].max()) / 2)

    def crop(
        self, frame: ClipFrame, image: npt.NDArray[Any], object_id: int, side: int
    ) -> npt.NDArray[Any]:
        """Return what an object's window shows of an (H, W, C) picture, (side, side, C).

        Windows lie in the picture; beyond it, where one is larger, all is black.
        """
        x, y, size = self.windows[object_id][self._rows[frame.index]]
        scale = side / size
        # Centres of pixels: one at p goes to scale * (p - start) - 1/2, half pixels counted in.
        shift = (-scale * (x - size / 2), -scale * (y - size / 2))
        matrix = np.array(
            [
                [scale, 0, shift[0] + scale / 2 - 0.5],
                [0, scale, shift[1] + scale / 2 - 0.5],
            ]
        )
        fits = size <= min(image.shape[:2])
        border = cv2.BORDER_REPLICATE if fits else cv2.BORDER_CONSTANT
        flags = cv2.INTER_LINEAR
        return np.asarray(
            cv2.warpAffine(image, matrix, (side, side), flags=flags, borderMode=border),
            dtype=image.dtype,
        )

    def row(self, frame: ClipFrame, object_id: int) -> str:
        """Return a line of CSV: frame, object, left, top and side of its window."""
        x, y, size = self.windows[object_id][self._rows[frame.index]].tolist()
        place = f"{x - size / 2:.2f},{y - size / 2:.2f},{size:.2f}"
        return f"{frame.index},{object_id},{place}\n"

    def grid(self, frame: ClipFrame) -> RgbImage:
        """Return a grid with the crop of each object, in the order of their ids."""
        height, width = self.grid_size_hw
        sheet = np.zeros((height, width, 3), np.uint8)
        pitch = self._cell + _GAP
        for place, object_id in enumerate(self.windows):
            top, left = place // self._columns * pitch, place % self._columns * pitch
            crop = self.crop(frame, frame.image, object_id, self._cell)
            sheet[top : top + self._cell, left : left + self._cell] = crop
        return sheet


def _followed(
    rows: npt.NDArray[np.int64],
    boxes: npt.NDArray[np.float64],
    count: int,
    sigma: float,
    margin: float,
) -> Windows:
    """Return smooth windows for ``count`` frames of the boxes, (n, 4), on some rows."""
    x0, y0, x1, y1 = boxes.T
    side = np.maximum(np.maximum(x1 - x0, y1 - y0) + 1, _SMALLEST)
    known = np.stack([(x0 + x1 + 1) / 2, (y0 + y1 + 1) / 2, side], axis=1)
    every = np.arange(count)
    whole = np.stack([np.interp(every, rows, column) for column in known.T], axis=1)
    smooth = gaussian_filter1d(whole, max(sigma, 0.1), axis=0, mode="nearest")
    # Wide enough for the object wherever the smoothed centre lags behind it.
    lag = np.abs(smooth[:, :2] - whole[:, :2]).max(axis=1)
    needed = whole[:, 2] + 2 * lag
    smooth[:, 2] = gaussian_filter1d(
        np.maximum(needed, smooth[:, 2]), max(sigma, 0.1), axis=0, mode="nearest"
    ) * (1 + 2 * margin)
    return np.asarray(smooth)


def _inside(windows: Windows, size_hw: tuple[int, int]) -> Windows:
    """Move windows into the picture; one that is larger has it in its middle."""
    for axis, length in enumerate(reversed(size_hw)):
        half = np.minimum(windows[:, 2], length) / 2
        windows[:, axis] = np.clip(windows[:, axis], half, length - half)
    return windows
