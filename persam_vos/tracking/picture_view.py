"""A picture, or a window of it at a higher resolution, as the decoder sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from ..geometry import LOGIT_CELL, PATCH, Geometry
from ..stages import decode, prompts, targets
from ..stages.guided_upsample import guided_upsample
from ..structures import Encoded, Frame, MaskCandidates, ObjectLogits, Prompts
from .engine import Engine

_LARGEST_SCALE = 4.0  # input pixels along a picture's pixel: more shows nothing new

BoxXyxy = tuple[float, float, float, float]
Points = Sequence[tuple[float, float, int]]
"""Points (x, y) in pixels of the whole picture, each with a label: 1 on the object, 0 not on it."""


@dataclass(frozen=True, slots=True)
class PictureView:
    """A window of a picture, or all of it, and its embedding.

    ``corner_xy`` is where its first pixel lies in the whole picture, whose size is ``size_hw``.
    Coordinates and masks of all methods are those of the whole picture.
    """

    engine: Engine
    encoded: Encoded
    corner_xy: tuple[int, int]
    size_hw: tuple[int, int]

    @classmethod
    def whole(cls, engine: Engine, encoded: Encoded) -> PictureView:
        """View all of a picture."""
        return cls(engine, encoded, (0, 0), encoded.frame.size_hw)

    @classmethod
    def round_box(
        cls, engine: Engine, frame: Frame, box_xyxy: BoxXyxy, margin: float
    ) -> PictureView:
        """View a box with a margin on each side, a share of its long side; encodes the window."""
        x0, y0, x1, y1 = box_xyxy
        wide = margin * max(x1 - x0, y1 - y0)
        least = engine.settings.image_size / _LARGEST_SCALE
        height, width = frame.size_hw
        left, right = _span(x0 - wide, x1 + wide + 1, least, width)
        top, bottom = _span(y0 - wide, y1 + wide + 1, least, height)
        window = np.ascontiguousarray(frame.image[top:bottom, left:right])
        encoded = engine.encode_window(replace(frame, image=window))
        return cls(engine, encoded, (left, top), frame.size_hw)

    def decode(
        self,
        points: Points,
        box_xyxy: BoxXyxy | None = None,
        dense_logits: torch.Tensor | None = None,
    ) -> MaskCandidates:
        """Decode one object; ``dense_logits`` is (1, 4h, 4w), as `logits_of` makes them."""
        size_hw, (left, top) = self.encoded.frame.size_hw, self.corner_xy
        corners = () if box_xyxy is None else ((*box_xyxy[:2], 2), (*box_xyxy[2:], 3))
        places = [(x - left, y - top, label) for x, y, label in (*points, *corners)]
        xy, labels = prompts.stack_tokens([places], self.encoded.features.device)
        given = Prompts(Geometry(size_hw, self._image_size).points_to_input(xy), labels)
        if box_xyxy is None:
            given = decode.with_boxes(given, xy.new_zeros(1, 4), torch.zeros(1, dtype=torch.bool))
        if dense_logits is not None:
            given = replace(given, dense_logits=dense_logits[None])
        decoder = decode.Decoder(self.engine.network, self.engine.compute)
        return decoder(self.encoded.features, given)

    def masks(self, logits: torch.Tensor) -> torch.Tensor:
        """Scale (K, 4h, 4w) logits to masks of the whole picture, (K, H, W) bool."""
        part = Geometry(self.encoded.frame.size_hw, self._image_size).logits_to_image(logits) > 0
        return self._placed(part)

    def mask(self, logits: torch.Tensor) -> torch.Tensor:
        """Scale (4h, 4w) logits along the picture's edges to a mask of it, (H, W) bool."""
        frame, compute = self.encoded.frame, self.engine.compute
        one = torch.ones(1, device=logits.device)
        given = ObjectLogits(one.byte(), logits[None], one, one.bool(), guided=True)
        weights = Geometry(frame.size_hw, self._image_size).colour_weights(logits.device)
        pixels = self.encoded.pixels
        if pixels is None:
            pixels = compute.upload(frame.image)
        part = torch.zeros((1, *frame.size_hw), dtype=torch.bool, device=logits.device)
        for scaled in guided_upsample(given, self.encoded.colours[0], pixels, weights):
            part[:, scaled.rows, scaled.columns] = scaled.values > 0.5
        return self._placed(part)[0]

    def logits_of(self, mask: torch.Tensor, gain: float) -> torch.Tensor:
        """Make a dense prompt, (1, 4h, 4w), of an (H, W) bool mask: from -``gain`` to ``gain``."""
        (left, top), (height, width) = self.corner_xy, self.encoded.frame.size_hw
        grid = [side * PATCH // LOGIT_CELL for side in self.encoded.features.shape[-2:]]
        coverage = targets.grid_coverage(
            mask[None, top : top + height, left : left + width],
            input_hw=self.encoded.input_hw,
            grid_hw=(grid[0], grid[1]),
            cell=LOGIT_CELL,
        )
        return gain * (2 * coverage - 1)

    @property
    def _image_size(self) -> int:
        return self.engine.settings.image_size

    def _placed(self, part: torch.Tensor) -> torch.Tensor:
        """Put masks of the window, (K, h, w), where they are in the picture."""
        (left, top), (height, width) = self.corner_xy, part.shape[1:]
        masks = part.new_zeros((len(part), *self.size_hw))
        masks[:, top : top + height, left : left + width] = part
        return masks


def _span(start: float, end: float, least: float, limit: int) -> tuple[int, int]:
    """Return first and last pixel of a span of ``least`` pixels or more, as far as there are."""
    grow = max(0.0, (least - (end - start)) / 2)
    first, last = int(max(0, start - grow)), int(min(limit, end + grow))
    if last - first < least:  # at an edge of the picture
        first, last = max(0, int(last - least)), min(limit, int(first + least))
    return first, last
