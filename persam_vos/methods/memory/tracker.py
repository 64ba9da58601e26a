"""Memory: masks recalled from remembered frames, decoded jointly, and fused with the memory.

Per frame: recall every object's soft mask by matching cells with the reference and earlier
frames; prompt the decoder with it (as dense prompt, box and point); keep the candidate that agrees
best with the memory; fuse both; remember the result as far as it is trusted. An object that is
neither recalled nor looks like itself is absent, and the whole picture is searched for it. The
state is constant in the length of the clip.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F

from ...config import MethodSettings
from ...geometry import LOGIT_CELL, PATCH, extents
from ...stages import decode, mask_selection, prompts, targets
from ...stages.thin_structures import measure_thinness, restore_thin
from ...stages.windowed_decode import windowed_decode
from ...structures import CloseLogits, Encoded, LabelMap, MaskCandidates, ObjectLogits, Prompts
from .crop_refiner import Closer
from .features import Basis, Cells, by_quads, extract_features, fit_projection
from .memory_bank import Memory, new_memory, with_truth
from .object_states import Roster, joined, new_roster, renewed, tensors_of
from .readout import Matched, cells_near, recall
from .templates import pick, recognised, trimmed

_REACH = 6  # coarse cells that an object may move from one frame to the next: 96 input pixels
_PULL = 1e-4  # of similarity per squared coarse cell: tells look-alikes apart by their places
_DENSE_GAIN = 1.5  # recalled log-odds to the decoder's mask prompt, whose logits are larger
_SOLID = 0.25  # of a coarse cell: where an object fills less, it may be a crumb
_FOUND_LOGIT = 2.2  # log-odds of 0.9: how sure a recall finds a lost object again
_FOUND_CELLS = 8  # middle cells that it then covers, or half of what it covered when shown
_CERTAIN_SHARE = 0.55  # of a mask, recognised: makes a witness, and finds what was lost
_REMNANT = 0.1  # of the cells that an object covered when shown: fewer are a remnant
_DOUBTED_TWICE = 2  # frames of a remnant in a row, and the object is no longer shown
_DOUBTED_FRAMES = 6  # and it is searched for everywhere
_WITNESS_FRAMES = 10  # between two witnesses; drifts are faster, changes of the object slower


@dataclass(slots=True)
class MemoryMethod:
    """Track objects by a memory of frames; the interface is PersamMethod's.

    Channels of all masks are the background and then the objects in the order they were given.
    With ``fixed`` shapes `step` never asks the device for anything: it can be recorded by a GPU
    once it is ``settled``, for as long as its ``tables`` stay where they are. Answers may then have
    vacant rows behind the objects. Without, it leaves out what is not needed.
    """

    uses_previous: ClassVar[bool] = False
    decoder: decode.Decoder
    settings: MethodSettings
    closer: Closer
    fixed: bool = False
    _ids: list[int] = field(default_factory=list)
    _references: list[int] = field(default_factory=list)
    _ascending: torch.Tensor | None = None
    _roster: Roster | None = None
    _basis: Basis | None = None
    _memory: Memory | None = None

    @property
    def settled(self) -> bool:
        """Whether every step from now on does the same, with other numbers."""
        return self.fixed and self._memory is not None and self._memory.settled

    @property
    def tables(self) -> list[tuple[int, torch.Size]]:
        """Where all that steps go on from lies, and its sizes; `describe` may move it."""
        state = (self._memory, self._roster, self._ascending, self._basis, self.closer)
        return [(t.data_ptr(), t.shape) for part in state for t in tensors_of(part)]

    @torch.inference_mode()
    def describe(self, encoded: Encoded, labels: LabelMap, object_ids: tuple[int, ...]) -> None:
        """Learn objects from a reference frame, whose masks enter the memory as truth.

        ``labels`` is (H, W) at image size; every id of ``object_ids`` has a pixel in it. If other
        objects are known already, `step` has answered for this frame before.
        """
        features = encoded.features
        masks = torch.from_numpy(np.stack([labels == i for i in object_ids])).to(features.device)
        looks = targets.describe_appearance(features, masks, input_hw=encoded.input_hw)
        cells = self.see(encoded)
        known = [*self._ids, *(i for i in object_ids if i not in self._ids)]
        channels = [known.index(i) for i in object_ids]
        memory = self._remember_truth(encoded, cells, masks, channels, len(known))
        room = memory.room
        row = memory.make_reference()
        self.closer.learn(encoded, memory, row, masks, channels)
        in_tables = [1 + channel for channel in channels]
        thinness = measure_thinness(memory.pictures(row, in_tables))
        shares = memory.shares[row][:, in_tables].T.float()
        given = new_roster(object_ids, looks, cells.middle, shares, thinness)
        before = 0 if self._roster is None else len(self._roster.ids)
        rows = [
            before + object_ids.index(i) if i in object_ids else at for at, i in enumerate(known)
        ]
        self._roster = renewed(self._roster, joined(self._roster, given, rows, room))
        self._references = [row if at >= before else self._references[at] for at in rows]
        self._ids = known
        order = sorted(range(len(known)), key=known.__getitem__)
        ascending = torch.tensor([*order, *range(len(known), room)], device=features.device)
        self._ascending = renewed(self._ascending, ascending)
        for unused in memory.references.keys() - set(self._references):
            memory.forget(unused)

    @torch.inference_mode()
    def step(self, encoded: Encoded, previous: LabelMap | None = None) -> ObjectLogits:  # noqa: ARG002
        """Answer for every known object on the next frame, from memory alone."""
        with self.decoder.timer.part("recall"):
            cells = self.see(encoded)
        return self.answer(cells, encoded)

    @torch.inference_mode()
    def see(self, encoded: Encoded) -> Cells:
        """Describe a frame by the cells that frames are matched by; a step begins so."""
        if self._basis is None:
            self._basis = fit_projection(encoded, self.decoder.compute.bank_dtype)
        return extract_features(encoded, self._basis)

    @torch.inference_mode()
    def answer(self, cells: Cells, encoded: Encoded) -> ObjectLogits:
        """Do what is left of a step, which reads the frame's features and pixels."""
        assert self._memory is not None and self._roster is not None, "describe comes first"
        roster, features = self._roster, encoded.features
        with self.decoder.timer.part("recall"):
            recalled, matched = self._recall(cells, self._memory, roster)
        logits, iou, seen_alike = self._decode(features, recalled)
        fused = mask_selection.fuse(logits, recalled, decoder_share=self.settings.decoder_share)
        similarities = targets.similarity(features, roster.appearance.vectors)
        looks = targets.appearance_score(similarities, fused, roster.appearance)
        agreed = mask_selection.agreement(fused.sigmoid(), recalled.sigmoid())
        scores = mask_selection.confidence(iou, agreed, looks)
        covered = _covered(fused)
        shares = self._recognised(cells, covered, roster)
        present = self._present(scores, shares, covered, recalled)
        trusted = scores >= self.settings.trust_threshold
        kept = torch.where(trusted[:, None, None], fused, recalled)
        with self.decoder.timer.part("look closer"):
            close = self.closer.look(encoded, self._memory, matched, fused, present)
        self._memory.add(cells, mask_selection.compete(kept, present))
        self.closer.remember(self._memory)
        self._note(cells, ~present, present & trusted & (shares >= _CERTAIN_SHARE))
        remnant = covered.sum(1) < _REMNANT * roster.shown_cells
        scores = torch.where(remnant, mask_selection.confidence(iou, seen_alike, looks), scores)
        # The memory goes on with what is doubted: it may be a part of an object behind something.
        doubtful = remnant & (scores < self.settings.remnant_threshold)
        roster.doubted.copy_((roster.doubted + 1) * doubtful)
        shown = present & (roster.doubted < _DOUBTED_TWICE)
        return self._answer(fused, close, scores, shown)

    def _recall(
        self, cells: Cells, memory: Memory, roster: Roster
    ) -> tuple[torch.Tensor, Matched | None]:
        """Recall where the objects can be: near where they were, or anywhere what is gone."""
        astray = roster.lost | (roster.doubted >= _DOUBTED_FRAMES)
        near = cells_near(memory.newest_masks, memory.grid_hw, reach=_REACH)
        return recall(cells, memory, near, astray, pull=_PULL)

    def _recognised(self, cells: Cells, covered: torch.Tensor, roster: Roster) -> torch.Tensor:
        """Measure which share of each mask's (N, 4 h w) middle cells older frames recognise: (N,).

        Either the reference frame has to know the object, or the witness, since objects change.
        """
        asked = pick(cells.middle, covered)
        known = [roster.portraits, roster.witnesses]
        if not self.fixed:
            asked = trimmed(asked)
            known = [replace(portraits, own=trimmed(portraits.own)) for portraits in known]
        return recognised(asked, known)

    def _present(
        self,
        scores: torch.Tensor,
        shares: torch.Tensor,
        covered: torch.Tensor,
        recalled: torch.Tensor,
    ) -> torch.Tensor:
        """Tell which objects are in the picture: (N,) bool.

        What was lost has to be found: recalled for sure, on more than a few cells, and recognised.
        """
        assert self._roster is not None
        enough = covered.sum(1) >= (self._roster.shown_cells // 2).clamp_max(_FOUND_CELLS)
        sure = recalled.flatten(1).amax(1) > _FOUND_LOGIT
        found = sure & enough & (shares >= _CERTAIN_SHARE)
        seen = scores >= self.settings.presence_threshold
        seen &= shares >= self.settings.recognition_threshold
        return seen & (~self._roster.lost | found)

    def _note(self, cells: Cells, lost: torch.Tensor, certain: torch.Tensor) -> None:
        """Note who is lost, and take new witnesses where the old ones are old enough."""
        assert self._memory is not None and self._roster is not None
        self._roster.lost.copy_(lost & (self._roster.ids > 0))
        ages = self._roster.witness_ages.add_(1)
        witnessed = certain & (ages >= _WITNESS_FRAMES)
        if self.fixed or bool(witnessed.any()):
            shares = self._memory.newest_shares[:, 1:].T
            self._roster.witness(witnessed, cells.middle, shares)

    def _answer(
        self,
        logits: torch.Tensor,
        close: CloseLogits | None,
        scores: torch.Tensor,
        present: torch.Tensor,
    ) -> ObjectLogits:
        """Give thin parts back, and put the objects in ascending order of their ids."""
        assert self._ascending is not None and self._roster is not None
        roster = self._roster
        drawn = restore_thin(logits, roster.thinness)
        ids, drawn, scores, present = (
            part.index_select(0, self._ascending) for part in (roster.ids, drawn, scores, present)
        )
        if close is not None:
            close = replace(close, logits=close.logits.index_select(0, self._ascending))
        return ObjectLogits(ids, drawn, scores, present, close, outlined=True)

    def _remember_truth(
        self,
        encoded: Encoded,
        cells: Cells,
        masks: torch.Tensor,
        channels: list[int],
        object_count: int,
    ) -> Memory:
        """Put true (N, H, W) masks into the memory, beside what it says of the other objects.

        ``channels`` says which of the ``object_count`` objects they are of.
        """
        height, width = (PATCH // LOGIT_CELL * side for side in cells.grid_hw)
        coverage = targets.grid_coverage(
            masks, input_hw=encoded.input_hw, grid_hw=(height, width), cell=LOGIT_CELL
        )
        given = coverage.flatten(1).T  # (16 h w, N)
        if self._memory is None:
            self._memory = new_memory(cells, 1 + object_count, fixed=self.fixed)
            shares = given.new_zeros((len(given), object_count))
        else:
            self._memory.make_room(object_count)
            shares = self._memory.newest_masks[:, 1:]  # of this very frame
        everything = with_truth(shares, given, channels)
        if self._ids:
            self._memory.correct(everything)
        else:
            self._memory.add(cells, everything)
        return self._memory

    def _decode(
        self, features: torch.Tensor, recalled: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Decode the recalled (N, 4h, 4w) logits.

        Returns the best logits, their predicted IoU (N,) and their agreement with the recalled ones
        (N,). Objects that are not recalled anywhere cost nothing and keep their recalled logits.
        """
        somewhere = recalled.flatten(1).amax(1) > 0
        if self.fixed:
            logits, iou, agree = self._decode_all(features, recalled)
            logits = torch.where(somewhere[:, None, None], logits, recalled)
            return logits, iou * somewhere, agree * somewhere
        logits = recalled.clone()
        iou, agree = recalled.new_zeros(2, len(recalled))
        if somewhere.any():
            found = self._decode_all(features, recalled[somewhere])
            logits[somewhere], iou[somewhere], agree[somewhere] = found
        return logits, iou, agree

    def _decode_all(
        self, features: torch.Tensor, memories: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Decode (N, 4h, 4w) logits that are positive somewhere; what is returned is the same."""
        boxes, valid = decode.logit_boxes(memories)
        points = _inner_points(memories, fixed=self.fixed)
        with_boxes = decode.with_boxes(points, boxes, valid)
        prompted = replace(with_boxes, dense_logits=_DENSE_GAIN * memories[:, None])
        offered = self._offered(features, prompted, memories)
        return mask_selection.best_candidate(
            offered.low_res_logits, offered.predicted_iou, memories
        )

    def _offered(
        self, features: torch.Tensor, prompted: Prompts, memories: torch.Tensor
    ) -> MaskCandidates:
        """Decode windows round the masks; where shapes are fixed, the whole picture."""
        if self.fixed:
            return self.decoder(features, prompted)
        height, width = features.shape[-2:]
        positions = self.decoder.network.grid_positions((height, width))
        return windowed_decode(self.decoder, features, positions, prompted, _solid_boxes(memories))


def _solid_boxes(logits: torch.Tensor) -> torch.Tensor:
    """Box the coarse cells that (N, 4h, 4w) masks fill as far as any: (N, 4) xyxy in input pixels.

    Crumbs far away leave no trace: without them windows are half as large.
    """
    coverage = F.avg_pool2d((logits > 0).float(), PATCH // LOGIT_CELL)  # (N, h, w)
    least = coverage.amax((1, 2), keepdim=True).clamp_max(_SOLID)
    return extents((coverage >= least) & (coverage > 0))[:, [2, 0, 3, 1]].float() * PATCH


def _covered(logits: torch.Tensor) -> torch.Tensor:
    """Mark the middle cells that (N, 4h, 4w) masks cover: (N, 4 h w) bool, by quads."""
    coverage = F.avg_pool2d((logits > 0).float(), 2)  # (N, 2h, 2w)
    most = coverage.amax((1, 2), keepdim=True).clamp(1e-6, 0.5)  # thin masks fill no cell
    rows = (coverage >= most).flatten(1).T  # (4 h w, N)
    return by_quads(rows, (coverage.shape[1], coverage.shape[2])).T


def _inner_points(logits: torch.Tensor, *, fixed: bool) -> Prompts:
    """Make one positive point inside each (N, 4h, 4w) mask, which is nowhere empty."""
    inside = logits > 0
    if fixed:
        xy = prompts.inner_points(inside)
    else:
        points = [prompts.inner_point(mask) for mask in inside.cpu().numpy()]
        xy = torch.tensor(points, device=logits.device)
    labels = torch.full((len(logits), 1), prompts.POSITIVE, device=logits.device)
    return Prompts((xy[:, None] + 0.5) * LOGIT_CELL, labels)
