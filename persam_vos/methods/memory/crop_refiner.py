"""Refine small objects: each frame is encoded once more, in a high-resolution crop round them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import torch
import torch.nn.functional as F

from ...geometry import COLOUR_CELL, LOGIT_CELL, PATCH
from ...runtime.state_tree import StateTree, from_tree, to_tree
from ...runtime.tensor_tree import tensors_of, update_in_place
from ...stages import mask_selection, targets
from ...stages.crop import CropScaling, place_window
from ...stages.thin_structures import Thinness, measure_thinness, restore_thin
from ...structures import CropLogits, Encoded
from .crop_memory import Crop, CropMemory, refine_readout, upsample_window
from .features import FeatureProjection, extract_features, fit_projection
from .memory_bank import MemoryBank, with_reference
from .readout import Matches, MemoryReader

T = TypeVar("T")

EncodeLayers = Callable[[torch.Tensor], tuple[torch.Tensor, ...]]
"""As ``SamNetwork.encode_layers``."""

MIN_DETAIL = 1.5
"""Image pixels per input pixel from which on there are crops: with fewer they show nothing more."""
_PIXELS_PER_CELL = 5  # of the largest object per s8 cell of 8: windows are 1.6 x as large


@dataclass(slots=True)
class CropRefiner:
    """Crops round a clip's small objects, as long as one window can hold all of them.

    An object is small if the long side of its box is at most ``small_side`` input pixels on its
    reference frame. A frame gets a crop if the box round all of its small objects is no larger
    either; the window is 1.6 times as large. Pictures with hardly more pixels than the encoder's
    input get none. ``encode_layers`` does what ``SamNetwork.encode_layers`` does.
    """

    encode_layers: EncodeLayers
    small_side: int
    crop_memory: CropMemory | None = None
    _small: list[bool] = field(default_factory=list)
    _is_small: torch.Tensor | None = None  # the same on the device, (N,) bool
    _projection: FeatureProjection | None = None
    _scaling: CropScaling | None = None
    _thinness: Thinness | None = None
    _newest: tuple[Crop, torch.Tensor, torch.Tensor] | None = None  # crop, masks, whether valid

    def state(self) -> Iterator[torch.Tensor]:
        """Yield the tensors that `refine` depends on."""
        parts = (self.crop_memory, self._is_small, self._projection, self._scaling, self._thinness)
        return tensors_of(parts)

    def state_dict(self) -> StateTree:
        """Return what is remembered of crops; how pictures are scaled is found out anew."""
        return {
            "memory": to_tree(self.crop_memory),
            "small": self._small,
            "is_small": self._is_small,
            "projection": to_tree(self._projection),
            "thinness": to_tree(self._thinness),
        }

    def load_state_dict(self, tree: StateTree) -> None:
        """Take over what another refiner remembers."""
        self.crop_memory = _optional(CropMemory, tree["memory"])
        self._small = from_tree(list[bool], tree["small"])
        self._is_small = _optional(torch.Tensor, tree["is_small"])
        self._projection = _optional(FeatureProjection, tree["projection"])
        self._thinness = _optional(Thinness, tree["thinness"])

    def add_reference(
        self,
        encoded: Encoded,
        memory: MemoryReader,
        row: int,
        masks: torch.Tensor,
        channels: list[int],
    ) -> None:
        """Learn objects from a reference frame, which is in ``row`` of the bank.

        ``masks`` (N, H, W) bool are those of the bank's channels 1 + ``channels``.
        """
        if max(encoded.frame.size_hw) < MIN_DETAIL * max(encoded.input_hw):
            return
        bank = memory.bank
        height, width = bank.grid_hw
        coverage = targets.grid_coverage(
            masks,
            input_hw=encoded.input_hw,
            grid_hw=(2 * LOGIT_CELL * height, 2 * LOGIT_CELL * width),
            cell=COLOUR_CELL,
        )
        known = bank.capacity
        self._small += [False] * (known - len(self._small))
        for channel, one in zip(channels, coverage, strict=True):
            _, side = self._place_window(one > 0, COLOUR_CELL, bank)
            self._small[channel] = 0 < int(side) <= self.small_side
        is_small = torch.tensor(self._small, device=masks.device)
        self._is_small = update_in_place(self._is_small, is_small)
        newest = bank.newest_masks_s4.T[1:].reshape(known, 4 * height, 4 * width)
        corner, side = self._place_window(self._small_ones(newest > 0.5), LOGIT_CELL, bank)
        if not any(self._small) or int(side) > self.small_side:
            self.crop_memory = None
            return
        crop = self._crop(encoded, corner, bank)
        if self.crop_memory is None:
            self.crop_memory = CropMemory.new(crop.features, bank)
        self.crop_memory.reserve(bank)
        given = _cut(coverage, corner, crop.features.grid_hw)
        self._measure_thinness(given, channels, known)
        others = upsample_window(newest, corner, crop.features.grid_hw).flatten(1).T
        all_masks, newest_row = with_reference(others, given, channels), bank.recent_rows[0]
        self.crop_memory.put(bank, newest_row, crop, all_masks, side > 0)
        self.crop_memory.make_reference(bank, row, newest_row)

    def keep_objects(self, rows: list[int]) -> None:
        """Keep the objects of some rows, in this order."""
        if self._is_small is None:
            return
        self._small = [self._small[row] for row in rows]
        self._is_small = self._is_small[rows]
        if self._thinness is not None:
            self._thinness = Thinness(self._thinness.parts[rows], self._thinness.gaps[rows])
        if self.crop_memory is not None:
            self.crop_memory.keep_objects([1 + row for row in rows])
            if not any(self._small):
                self.crop_memory = None

    def refine(
        self,
        encoded: Encoded,
        memory: MemoryReader,
        matches: Matches | None,
        logits: torch.Tensor,
        present: torch.Tensor,
    ) -> CropLogits | None:
        """Read the memory at twice the resolution in a crop of a frame, before it is remembered.

        ``matches`` and ``logits``, (N, 4h, 4w), are those of the whole frame, ``present`` is (N,)
        bool. Returns None if there is nothing to refine, unless shapes are static.
        """
        self._newest = None
        if self.crop_memory is None:
            return None
        visible = (logits > 0) & present[:, None, None]
        corner, side = self._place_window(self._small_ones(visible), LOGIT_CELL, memory.bank)
        valid = (side > 0) & (side <= self.small_side)
        if matches is None or not memory.strategy.any(valid):
            return None
        crop = self._crop(encoded, corner, memory.bank)
        refined = refine_readout(logits, crop, self.crop_memory, memory, matches)
        self._newest = (crop, mask_selection.compete(refined, present), valid)
        assert self._thinness is not None
        drawn = restore_thin(refined, self._thinness)
        return CropLogits(drawn, corner * (PATCH // 2 // COLOUR_CELL), valid)

    def remember(self, bank: MemoryBank) -> None:
        """Remember the crop that was made last as that of the bank's newest frame."""
        if self.crop_memory is None:
            return
        if self._newest is None:
            self.crop_memory.put_none(bank, bank.recent_rows[0])
        else:
            self.crop_memory.put(bank, bank.recent_rows[0], *self._newest)

    def _measure_thinness(self, given: torch.Tensor, channels: list[int], known: int) -> None:
        """Measure how thin objects are in crops, by (16 h w, N) known masks of some of them.

        Of objects without such a mask no thin structure is restored.
        """
        assert self.crop_memory is not None
        height, width = (4 * side for side in self.crop_memory.window_hw)
        new = measure_thinness(given.T.reshape(-1, height, width))
        old, none = self._thinness, given.new_zeros(known)
        before = (none, none) if old is None else (old.parts, old.gaps)
        parts, gaps = (F.pad(of, (0, known - len(of))) for of in before)
        parts[channels], gaps[channels] = new.parts, new.gaps
        self._thinness = update_in_place(old, Thinness(parts, gaps))

    def _place_window(
        self, mask: torch.Tensor, cell: int, bank: MemoryBank
    ) -> tuple[torch.Tensor, torch.Tensor]:
        height, width = (2 * side for side in bank.grid_hw)
        return place_window(mask, cell, self._window_hw(bank), (height, width))

    def _window_hw(self, bank: MemoryBank) -> tuple[int, int]:
        side = 2 * (self.small_side // (2 * _PIXELS_PER_CELL))
        height, width = (min(side, 2 * cells) for cells in bank.grid_hw)
        return height, width

    def _small_ones(self, masks: torch.Tensor) -> torch.Tensor:
        """Unite the (N, H, W) masks of small objects: (H, W)."""
        assert self._is_small is not None
        return (masks & self._is_small[:, None, None]).any(0)

    def _crop(self, encoded: Encoded, corner: torch.Tensor, bank: MemoryBank) -> Crop:
        assert encoded.pixels is not None
        if self._scaling is None:
            self._scaling = CropScaling.new(encoded.pixels, encoded.input_hw)
        image = self._scaling.cut(encoded.pixels, corner, self._window_hw(bank))
        features, *layers = self.encode_layers(image)
        colours = F.avg_pool2d(image, COLOUR_CELL)
        input_hw = (image.shape[2], image.shape[3])
        layer_s8, layer_s4 = layers or (None, None)
        encoded_crop = Encoded(
            encoded.frame, features.float(), input_hw, colours, layer_s8, layer_s4
        )
        if self._projection is None:
            self._projection = fit_projection(encoded_crop, bank.s16.dtype)
        return Crop(corner, extract_features(encoded_crop, self._projection))


def _optional(kind: type[T], tree: StateTree) -> T | None:
    return None if tree is None else from_tree(kind, tree)


def _cut(grids: torch.Tensor, corner: torch.Tensor, window_hw: tuple[int, int]) -> torch.Tensor:
    """Cut a window of (h, w) s8 cells out of (N, 8h, 8w) grids: (16 h w, N)."""
    (y, x), (height, width) = (4 * corner).tolist(), window_hw
    window = grids[:, y : y + 4 * height, x : x + 4 * width]
    return window.flatten(1).T
