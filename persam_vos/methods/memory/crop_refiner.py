"""Look closer at small objects: one more encoding a frame, of a window round them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F

from ...geometry import COLOUR_CELL, LOGIT_CELL, PATCH
from ...stages import mask_selection, targets
from ...stages.crop import cut, place_window
from ...stages.thin_structures import Thinness, measure_thinness, restore_thin
from ...structures import CloseLogits, Encoded
from .crop_memory import Closeups, enlarged, new_closeups, sharpen
from .features import Basis, Cells, extract_features, fit_projection
from .memory_bank import Memory, with_truth
from .object_states import renewed
from .readout import Matched

Layers = Callable[[torch.Tensor], tuple[torch.Tensor, ...]]
"""As ``SamNetwork.encode_layers``."""

_LEAST_DETAIL = 1.5  # pixels along an input pixel: with less, a close-up has nothing to add
_WINDOW_SHARE = 5  # input pixels of the largest object for a window's cell of 8: 1.6 times as large


@dataclass(slots=True)
class Closer:
    """Close-ups of a clip's small objects, as long as one window has room for all of them.

    ``small_side`` is the long side, in input pixels, of the box round the objects that are small:
    those that were shown so. Close-ups are made of frames in which the box is no larger; the window
    is 1.6 times as large. There are none of pictures that have hardly more pixels than the encoder
    is shown anyway. ``encode`` answers as ``SamNetwork.encode_layers``.
    """

    encode: Layers
    small_side: int
    closeups: Closeups | None = None
    _small: list[bool] = field(default_factory=list)
    _marks: torch.Tensor | None = None  # the same on the device, (N,) bool
    _basis: Basis | None = None
    _thinness: Thinness | None = None
    _seen: tuple[tuple[torch.Tensor, Cells], torch.Tensor, torch.Tensor] | None = None

    def learn(
        self,
        encoded: Encoded,
        memory: Memory,
        row: int,
        masks: torch.Tensor,
        channels: list[int],
    ) -> None:
        """Learn objects from a reference frame, which the memory keeps in ``row``.

        ``masks`` (N, H, W) bool are true, of the memory's channels 1 + ``channels``.
        """
        if max(encoded.frame.size_hw) < _LEAST_DETAIL * max(encoded.input_hw):
            return
        height, width = memory.grid_hw
        coverage = targets.grid_coverage(
            masks,
            input_hw=encoded.input_hw,
            grid_hw=(2 * LOGIT_CELL * height, 2 * LOGIT_CELL * width),
            cell=COLOUR_CELL,
        )
        known = memory.room
        self._small += [False] * (known - len(self._small))
        for channel, one in zip(channels, coverage, strict=True):
            _, side = self._window(one > 0, COLOUR_CELL, memory)
            self._small[channel] = 0 < int(side) <= self.small_side
        marks = torch.tensor(self._small, device=masks.device)
        self._marks = renewed(self._marks, marks)
        newest = memory.newest_masks.T[1:].reshape(known, 4 * height, 4 * width)
        corner, side = self._window(self._of_small(newest > 0.5), LOGIT_CELL, memory)
        if not any(self._small) or int(side) > self.small_side:
            self.closeups = None
            return
        cells = self._look(encoded, corner, memory)
        if self.closeups is None:
            self.closeups = new_closeups(cells, memory)
        self.closeups.make_room(memory)
        given = _windowed(coverage, corner, cells.grid_hw)
        self._measure(given, channels, known)
        others = enlarged(newest, corner, cells.grid_hw).flatten(1).T
        everything = with_truth(others, given, channels)
        newest_row = memory.recent[0]
        self.closeups.put(newest_row, (corner, cells), everything, side > 0)
        self.closeups.keep(row, newest_row)

    def look(
        self,
        encoded: Encoded,
        memory: Memory,
        matched: Matched | None,
        logits: torch.Tensor,
        present: torch.Tensor,
    ) -> CloseLogits | None:
        """Look closer at the frame that the memory was asked about, and is going to be told.

        ``logits`` are the objects' (N, 4h, 4w), ``present`` (N,) bool. None if there is nothing to
        look at, where shapes may depend on that.
        """
        self._seen = None
        if self.closeups is None:
            return None
        shown = (logits > 0) & present[:, None, None]
        corner, side = self._window(self._of_small(shown), LOGIT_CELL, memory)
        made = (side > 0) & (side <= self.small_side)
        if matched is None or not (memory.fixed or bool(made)):
            return None
        cells = self._look(encoded, corner, memory)
        close = sharpen(logits, (corner, cells), self.closeups, memory, matched)
        self._seen = ((corner, cells), mask_selection.compete(close, present), made)
        assert self._thinness is not None
        drawn = restore_thin(close, self._thinness)
        return CloseLogits(drawn, corner * (PATCH // 2 // COLOUR_CELL), made)

    def remember(self, memory: Memory) -> None:
        """Remember what was seen last as the close-up of the memory's newest frame."""
        if self.closeups is None:
            return
        if self._seen is None:
            self.closeups.put_none(memory.recent[0])
        else:
            self.closeups.put(memory.recent[0], *self._seen)

    def _measure(self, given: torch.Tensor, channels: list[int], known: int) -> None:
        """Measure how thin objects are seen closer, by (16 h w, N) true masks of some of them.

        For others that were never seen so nothing is given back.
        """
        assert self.closeups is not None
        height, width = (4 * side for side in self.closeups.window_hw)
        new = measure_thinness(given.T.reshape(-1, height, width))
        old, none = self._thinness, given.new_zeros(known)
        before = (none, none) if old is None else (old.parts, old.gaps)
        parts, gaps = (F.pad(of, (0, known - len(of))) for of in before)
        parts[channels], gaps[channels] = new.parts, new.gaps
        self._thinness = renewed(old, Thinness(parts, gaps))

    def _window(
        self, marks: torch.Tensor, cell: int, memory: Memory
    ) -> tuple[torch.Tensor, torch.Tensor]:
        height, width = (2 * side for side in memory.grid_hw)
        return place_window(marks, cell, self._window_hw(memory), (height, width))

    def _window_hw(self, memory: Memory) -> tuple[int, int]:
        side = 2 * (self.small_side // (2 * _WINDOW_SHARE))
        height, width = (min(side, 2 * cells) for cells in memory.grid_hw)
        return height, width

    def _of_small(self, marks: torch.Tensor) -> torch.Tensor:
        """Put the (N, H, W) marks of small objects together: (H, W)."""
        assert self._marks is not None
        return (marks & self._marks[:, None, None]).any(0)

    def _look(self, encoded: Encoded, corner: torch.Tensor, memory: Memory) -> Cells:
        assert encoded.pixels is not None
        image = cut(encoded.pixels, encoded.input_hw, corner, self._window_hw(memory))
        features, *layers = self.encode(image)
        colours = F.avg_pool2d(image, COLOUR_CELL)
        input_hw = (image.shape[2], image.shape[3])
        fine, finest = layers or (None, None)
        seen = Encoded(encoded.frame, features.float(), input_hw, colours, fine, finest)
        if self._basis is None:
            self._basis = fit_projection(seen, memory.coarse.dtype)
        return extract_features(seen, self._basis)


def _windowed(
    grids: torch.Tensor, corner: torch.Tensor, window_hw: tuple[int, int]
) -> torch.Tensor:
    """Cut a window of (h, w) middle cells out of (N, 8h, 8w) grids: (16 h w, N)."""
    (y, x), (height, width) = (4 * corner).tolist(), window_hw
    window = grids[:, y : y + 4 * height, x : x + 4 * width]
    return window.flatten(1).T
