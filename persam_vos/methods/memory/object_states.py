"""What the memory knows of its objects: a row for each, in the order in which they were given.

Vacant rows may follow, all zeros: objects that cover nothing, resemble nothing and are not lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import torch

from ...stages.targets import Appearance
from ...stages.thin_structures import Thinness
from .pieces import spread, sums
from .templates import Templates, look_alikes, make_templates

DECIDED = 1.5  # frames in which a region moved with the object, or apart from it, more often
_MOST = 4.0  # such frames that are counted

T = TypeVar("T")
"""A dataclass of tensors whose first axis counts objects."""


@dataclass(frozen=True, slots=True)
class ObjectStates:
    """The state of N objects; all tensors are on the device, and are written in place.

    ``appearance``, ``reference_templates``, ``reference_cells`` (how many s8 cells each object
    filled) and ``thinness`` are of the objects' reference frames. ``updated_templates`` are of
    older frames in which they were recognised, ``template_ages`` how many frames ago. An object is
    ``lost`` until it is found again. ``low_confidence_streak`` counts the frames in a row in which
    only a fragment of it was left, with a low score. ``propagated`` (N, 2h, 2w) is the reference
    mask moved from frame to frame, at s8 cells, ``propagated_slowly`` the same over four frames at
    a time, ``evidence`` of the same shape in how many more frames regions moved with the object
    than apart from it, ``usual_area`` how many s8 cells an object covers, ``reference_gap`` how far
    apart its pieces were, in its sizes; see `distractors`. ``trusted`` (N, K) are the decoder's
    candidates that may offer new parts, ``offered`` (N, 2h, 2w) the cells that they offered last;
    see `new_parts`. ``places`` (N, 2h, 2w) bool are the cells where
    objects were seen last; see `look_alikes`. Ages, counts, areas and flags are (N,).
    """

    ids: torch.Tensor  # uint8; 0 where vacant
    appearance: Appearance
    reference_templates: Templates
    updated_templates: Templates
    reference_cells: torch.Tensor
    thinness: Thinness
    template_ages: torch.Tensor
    lost: torch.Tensor
    low_confidence_streak: torch.Tensor
    propagated: torch.Tensor
    propagated_slowly: torch.Tensor
    evidence: torch.Tensor
    usual_area: torch.Tensor
    reference_gap: torch.Tensor
    trusted: torch.Tensor
    offered: torch.Tensor
    places: torch.Tensor

    def add_evidence(
        self, votes: torch.Tensor, labels: torch.Tensor, areas: torch.Tensor
    ) -> torch.Tensor:
        """Add the (N, B) votes of a frame's regions; returns the mean evidence for each, (N, B).

        ``labels`` (N, 2h, 2w) number the regions' cells, and ``areas`` (N, B) count them.
        """
        self.evidence.add_(spread(votes, labels)).clamp_(-_MOST, _MOST)
        return sums(labels, self.evidence, areas.shape[1]) / areas.clamp_min(1)

    def update_templates(
        self,
        chosen: torch.Tensor,
        s8: torch.Tensor,
        mask_probs: torch.Tensor,
        alike: torch.Tensor,
    ) -> None:
        """Make new templates of the ``chosen`` objects, (N,) bool, from a frame.

        ``s8`` are its (n, D) features, ``mask_probs`` (N, n) the objects' soft masks.
        """
        self.template_ages.masked_fill_(chosen, 0)
        new, old = make_templates(s8, mask_probs, alike), self.updated_templates
        for own, other in ((old.foreground, new.foreground), (old.background, new.background)):
            own.features.copy_(torch.where(chosen[:, None, None], other.features, own.features))
            own.valid.copy_(torch.where(chosen[:, None], other.valid, own.valid))


def new_object_states(
    ids: tuple[int, ...],
    appearance: Appearance,
    s8: torch.Tensor,
    mask_probs: torch.Tensor,
    thinness: Thinness,
    coverage: torch.Tensor,
    reference_gap: torch.Tensor,
    trusted: torch.Tensor,
) -> ObjectStates:
    """Make the states of N objects from their reference frame.

    ``s8`` are its (n, D) features, ``mask_probs`` (N, n) the objects' soft masks, ``coverage``
    (N, 2h, 2w) the same in raster order. ``trusted`` (N, K) says which candidates may offer parts.
    """
    device = s8.device
    alike = look_alikes(make_templates(s8, mask_probs).foreground)
    templates = make_templates(s8, mask_probs, alike)
    zeros = torch.zeros(len(ids), dtype=torch.int64, device=device)
    return ObjectStates(
        ids=torch.tensor(ids, dtype=torch.uint8, device=device),
        appearance=appearance,
        reference_templates=templates,
        updated_templates=templates,
        reference_cells=(mask_probs >= 0.5).sum(1),
        thinness=thinness,
        template_ages=zeros,
        lost=zeros > 0,
        low_confidence_streak=zeros,
        propagated=coverage.clone(),
        propagated_slowly=coverage.clone(),
        evidence=torch.zeros_like(coverage),
        usual_area=coverage.sum((1, 2)),
        reference_gap=reference_gap,
        trusted=trusted,
        offered=coverage < 0,
        places=coverage < 0,
    )


def select_rows(old: T | None, new: T, rows: Sequence[int], capacity: int) -> T:
    """Concatenate two batches of objects, and select ``rows`` of the result.

    Padded with zeros to ``capacity`` rows. The result is a copy.
    """

    def part(old: Any, new: Any) -> Any:
        if isinstance(new, torch.Tensor):
            selected = (new if old is None else torch.cat([old, new]))[list(rows)]
            vacant = selected.new_zeros((capacity - len(rows), *selected.shape[1:]))
            return torch.cat([selected, vacant])
        names = [field.name for field in fields(new)]
        return type(new)(*(part(old and getattr(old, n), getattr(new, n)) for n in names))

    together: T = part(old, new)
    return together
