"""What is worth a look before anything is trained: a subject that is missing, tiny or cut off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ..stages.prompts import box_of
from .transforms import LATENT_CELL_PX

Side = Literal["left", "top", "right", "bottom"]
Gate = Literal["not found", "unsure", "tiny", "cut off"]

TINY_CELLS = 64
"""Cells of the latent, 8 x 8 of 64 x 64 at 512 pixels, below which little is learned."""
SURE = 0.95
"""How sure it should be that the subject is in a photo."""
_EDGE_SHARE = 0.005  # of the short side, on which outlines may end before the photo does
_CUT_SHARE = 0.1  # of the subject's box, along which it lies at the edge

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class SubjectFacts:
    """What a photo shows of the subject; produced by `subject_facts`.

    ``coverage`` is the share of the photo, in [0, 1]; ``latent_cells`` how many cells of the latent
    that is when the photo's short side is the resolution that is trained at. ``cut_sides`` are the
    edges that the subject is cut off by. ``presence`` in [0, 1] is how sure it is that it is there;
    of a photo whose mask was ``given`` it is 1.
    """

    coverage: float
    latent_cells: float
    cut_sides: tuple[Side, ...]
    presence: float
    given: bool

    @property
    def gates(self) -> tuple[Gate, ...]:
        """What is worth a look, the worst first; without a subject nothing else counts."""
        if not self.coverage:
            return ("not found",)
        noticed: dict[Gate, bool] = {
            "unsure": self.presence < SURE,
            "tiny": self.latent_cells < TINY_CELLS,
            "cut off": bool(self.cut_sides),
        }
        return tuple(gate for gate, is_so in noticed.items() if is_so)

    def describe(self, gate: Gate) -> str:
        """Say a gate in words, with what was measured.

        >>> SubjectFacts(0.004, 17.2, ("left",), 0.97, given=False).describe("tiny")
        'tiny: 17 cells of the latent'
        """
        return {
            "not found": "not found",
            "unsure": f"unsure: {self.presence:.0%}",
            "tiny": f"tiny: {self.latent_cells:.0f} cells of the latent",
            "cut off": f"cut off: {', '.join(self.cut_sides)}",
        }[gate]


def subject_facts(mask: Mask, resolution: int, *, presence: float, given: bool) -> SubjectFacts:
    """Measure the subject's (H, W) mask in a photo that is trained on at ``resolution``."""
    scale = resolution / min(mask.shape)
    return SubjectFacts(
        coverage=float(mask.mean()),
        latent_cells=float(mask.sum()) * scale**2 / LATENT_CELL_PX**2,
        cut_sides=cut_sides(mask),
        presence=presence,
        given=given,
    )


def cut_sides(mask: Mask) -> tuple[Side, ...]:
    """Return the edges of a photo that its subject, an (H, W) mask, lies at.

    That is along a tenth of its box at least: what merely touches an edge is not cut off.
    """
    box = box_of(mask)
    if box is None:
        return ()
    x0, y0, x1, y1 = box
    depth = max(1, round(_EDGE_SHARE * min(mask.shape)))
    height, width = y1 - y0 + 1, x1 - x0 + 1
    along: dict[Side, tuple[int, int]] = {
        "left": (int(mask[:, :depth].any(axis=1).sum()), height),
        "top": (int(mask[:depth].any(axis=0).sum()), width),
        "right": (int(mask[:, -depth:].any(axis=1).sum()), height),
        "bottom": (int(mask[-depth:].any(axis=0).sum()), width),
    }
    return tuple(side for side, (edge, extent) in along.items() if edge > _CUT_SHARE * extent)
