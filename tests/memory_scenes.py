"""Pictures of random textures that move, and a memory that sees one after the other."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from persam_vos.methods.memory.correspondences import Correspondences, correspondences
from persam_vos.methods.memory.distractors import distractors
from persam_vos.methods.memory.features import FrameFeatures, to_quad_order
from persam_vos.methods.memory.new_parts import new_parts, watched_cells
from persam_vos.methods.memory.object_states import ObjectStates, new_object_states
from persam_vos.methods.memory.pieces import reference_gaps
from persam_vos.methods.memory.readout import MemoryReader, new_reader
from persam_vos.methods.memory.strategy import Strategy
from persam_vos.stages.targets import Appearance
from persam_vos.stages.thin_structures import Thinness

GRID_HW = (12, 16)  # s16 cells
HW = (24, 32)  # s8 cells
Box = tuple[int, int, int, int]
"""Top, left, bottom, right, in s8 cells."""


def masks_of(*objects: list[Box]) -> torch.Tensor:
    """Return (N, 24, 32) masks, each of some boxes."""
    masks = torch.zeros(len(objects), *HW)
    for mask, boxes in zip(masks, objects, strict=True):
        for top, left, bottom, right in boxes:
            mask[top:bottom, left:right] = 1
    return masks


def texture(seed: int) -> torch.Tensor:
    """Return a picture, (24, 32, 32): features of s8 cells, each unlike all others."""
    return torch.randn(*HW, 32, generator=torch.Generator().manual_seed(seed))


def drawn(ground: torch.Tensor, thing: torch.Tensor, x: int, y: int = 8) -> torch.Tensor:
    """Draw a thing of 8 x 8 cells over a picture; what is beyond its edge is left out."""
    grid = ground.clone()
    part = grid[y : y + 8, x : x + 8]
    part.copy_(thing[: part.shape[0], : part.shape[1]])
    return grid


def features_of(grid: torch.Tensor) -> FrameFeatures:
    """Return the features of a picture of s8 cells."""
    s8 = to_quad_order(F.normalize(grid.flatten(0, 1), dim=1), HW)
    s16 = F.normalize(s8.view(-1, 4, s8.shape[1]).mean(1), dim=1)
    return FrameFeatures(s16, s8, torch.zeros(16 * len(s16), 4), GRID_HW)


def large(masks: torch.Tensor) -> torch.Tensor:
    """Return masks of s8 cells at s4 cells."""
    return masks.repeat_interleave(2, 1).repeat_interleave(2, 2)


@dataclass
class Scene:
    """A memory of one frame after the other, as the tracker has it."""

    memory: MemoryReader
    states: ObjectStates

    @classmethod
    def of(cls, masks: torch.Tensor, grid: torch.Tensor, strategy: Strategy) -> Scene:
        """Begin with (N, 24, 32) masks of a reference frame."""
        features, count = features_of(grid), len(masks)
        zeros, given = torch.zeros(count), masks.flatten(1)
        states = new_object_states(
            tuple(range(1, count + 1)),
            Appearance(torch.zeros(count, 3), zeros, zeros),
            features.s8,
            to_quad_order(given.T, HW).T,
            Thinness(zeros, zeros),
            masks,
            reference_gaps(masks, strategy),
            torch.ones(count, 1, dtype=torch.bool),
        )
        scene = cls(new_reader(strategy, features, 1 + count), states)
        scene.remember(masks, features)
        scene.memory.bank.begin_references(list(range(count)), masks)
        return scene

    def remember(self, masks: torch.Tensor, features: FrameFeatures) -> None:
        """Add a frame to the memory."""
        objects = large(masks).flatten(1).T
        background = 1 - objects.amax(1, keepdim=True)
        self.memory.bank.add(features, torch.cat([background, objects], 1))
        self.memory.bank.note_references(self.states.propagated_slowly)

    def moved(self, features: FrameFeatures) -> Correspondences:
        """Find the cells of the next frame again."""
        everywhere = torch.ones(GRID_HW, dtype=torch.bool)
        _, matches = self.memory(features, everywhere, watched=watched_cells(self.states))
        return correspondences(matches, self.memory.bank)

    def see(
        self, masks: torch.Tensor, grid: torch.Tensor, offer: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return what is left of (N, 24, 32) masks of the next frame, and remember that.

        With new parts of what the decoder offers, (N, 24, 32) masks, where there are any.
        """
        features, logits = features_of(grid), 8 * large(masks) - 4
        bank, strategy, moved = self.memory.bank, self.memory.strategy, self.moved(features)
        gone = distractors(logits, moved, bank, self.states, strategy)
        logits = logits.masked_fill(gone, -4)
        offered = logits if offer is None else 8 * large(offer) - 4
        logits = logits.masked_fill(new_parts(offered, logits, moved, self.states, strategy), 4)
        kept = F.max_pool2d((logits > 0).float()[None], 2)[0]
        self.remember(kept, features)
        return kept
