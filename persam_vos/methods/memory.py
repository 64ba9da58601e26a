"""Memory: masks recalled from remembered frames, decoded jointly, and fused with the memory.

Per frame: recall every object's soft mask by matching cells with the reference and earlier
frames; prompt the decoder with it (as dense prompt, box and point); keep the candidate that agrees
best with the memory; fuse both; remember the result as far as it is trusted. An object that is
neither recalled nor looks like itself is absent, and the whole picture is searched for it. The
state is constant in the length of the clip.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import torch
import torch.nn.functional as F

from ..config import MethodSettings
from ..memory.cells import Basis, Cells, by_quads, describe_cells, find_basis
from ..memory.portraits import Portrait, make_portrait, recognised
from ..memory.recall import cells_near, recall
from ..memory.tables import Memory, new_memory
from ..sam.geometry import LOGIT_CELL, PATCH
from ..stages import decode, judge, prompts, targets
from ..stages.thin import Thinness, measure_thinness, restore_thin
from ..stages.windows import decode_round
from ..structures import Encoded, LabelMap, ObjectLogits, Prompts

_REACH = 6  # coarse cells that an object may move from one frame to the next: 96 input pixels
_PULL = 1e-4  # of similarity per squared coarse cell: tells look-alikes apart by their places
_DENSE_GAIN = 1.5  # recalled log-odds to the decoder's mask prompt, whose logits are larger
_FOUND_LOGIT = 2.2  # log-odds of 0.9: how sure a recall finds a lost object again
_FOUND_CELLS = 8  # middle cells that it then covers, or half of what it covered when shown
_CERTAIN_SHARE = 0.55  # of a mask, recognised: makes a witness, and finds what was lost
_REMNANT = 0.1  # of the cells that an object covered when shown: fewer are a remnant
_DOUBTED_FRAMES = 6  # of a remnant, and the object is searched for everywhere
_WITNESS_FRAMES = 10  # between two witnesses; drifts are faster, changes of the object slower


@dataclass(slots=True)
class _Target:
    """What is known of one object: made on its reference frame, a row of the memory.

    ``shown_cells`` is how many middle cells it filled there, and ``thinness`` how thin it was.
    ``witness`` is a portrait of an older frame in which the object was recognised, and
    ``witness_age`` that frame's age. ``doubted`` frames in a row had only a remnant of it that
    nobody but the memory saw.
    """

    appearance: targets.Appearance
    reference: int
    portrait: Portrait
    shown_cells: int
    thinness: Thinness
    witness: Portrait
    witness_age: int = 0
    lost: bool = False
    doubted: int = 0


@dataclass(slots=True)
class MemoryMethod:
    """Track objects by a memory of frames; the interface is PersamMethod's.

    Channels of all masks are the background and then the objects in the order they were given.
    """

    decoder: decode.Decoder
    settings: MethodSettings
    _targets: dict[int, _Target] = field(default_factory=dict)
    _basis: Basis | None = None
    _memory: Memory | None = None

    @torch.inference_mode()
    def describe(self, encoded: Encoded, labels: LabelMap, object_ids: tuple[int, ...]) -> None:
        """Learn objects from a reference frame, whose masks enter the memory as truth.

        ``labels`` is (H, W) at image size; every id of ``object_ids`` has a pixel in it. If other
        objects are known already, `step` has answered for this frame before.
        """
        features = encoded.features
        masks = torch.from_numpy(np.stack([labels == i for i in object_ids])).to(features.device)
        looks = targets.describe_appearance(features, masks, input_hw=encoded.input_hw)
        cells = self._cells(encoded)
        known = [*self._targets, *(i for i in object_ids if i not in self._targets)]
        channels = [known.index(i) for i in object_ids]
        memory = self._remember_truth(encoded, cells, masks, channels, len(known))
        row = memory.make_reference()
        for object_id, channel, appearance in zip(object_ids, channels, looks, strict=True):
            share = memory.shares[row, :, 1 + channel]
            portrait = make_portrait(cells.middle, share)
            shown = int((share >= 0.5).sum())
            thinness = measure_thinness(memory.mask(row, 1 + channel))
            self._targets[object_id] = _Target(appearance, row, portrait, shown, thinness, portrait)
        used = {target.reference for target in self._targets.values()}
        for unused in memory.references.keys() - used:
            memory.forget(unused)

    @torch.inference_mode()
    def step(self, encoded: Encoded, previous: LabelMap) -> ObjectLogits:  # noqa: ARG002
        """Answer for every known object on the next frame, from memory alone."""
        assert self._memory is not None, "describe comes first"
        known = list(self._targets.values())
        appearances = [target.appearance for target in known]
        similarities = targets.similarity(
            encoded.features, torch.stack([a.vector for a in appearances])
        )
        with self.decoder.clock.part("recall"):
            cells = self._cells(encoded)
            astray = self._astray()
            near = self._near(self._memory, anywhere=astray)
            recalled = recall(cells, self._memory, near, pull=0.0 if astray else _PULL)
        logits, iou, seen_alike = self._decode(encoded.features, recalled)
        fused = judge.fuse(logits, recalled, decoder_share=self.settings.decoder_share)
        looks = targets.likeness(similarities, fused, appearances)
        agreed = judge.agreement(fused.sigmoid(), recalled.sigmoid())
        scores = judge.confidence(iou, agreed, looks)
        covered = _covered(fused)
        shares = self._recognised(cells, covered)
        present = self._present(scores, shares, covered, recalled)
        trusted = scores >= self.settings.trust_threshold
        kept = torch.where(trusted[:, None, None], fused, recalled)
        self._memory.add(cells, _compete(kept, present))
        certain = present & trusted & (shares >= _CERTAIN_SHARE)
        self._note(cells, present.tolist(), certain.tolist())
        remnant = self._remnants(covered)
        scores = torch.where(remnant, judge.confidence(iou, seen_alike, looks), scores)
        believed = self._believed((remnant & (scores < self.settings.remnant_threshold)).tolist())
        shown = [there and seen for there, seen in zip(present.tolist(), believed, strict=True)]
        drawn = restore_thin(fused, [target.thinness for target in known])
        return self._answer(drawn, scores.tolist(), shown)

    def _astray(self) -> bool:
        """Tell whether an object is gone, which may come back anywhere."""
        known = self._targets.values()
        return any(target.lost or target.doubted >= _DOUBTED_FRAMES for target in known)

    def _near(self, memory: Memory, *, anywhere: bool) -> torch.Tensor:
        """Mark the coarse cells that an object can be in: (h, w) bool."""
        if anywhere:
            return torch.ones(memory.grid_hw, dtype=torch.bool, device=memory.masks.device)
        return cells_near(memory.newest_masks, memory.grid_hw, reach=_REACH)

    def _recognised(self, cells: Cells, covered: torch.Tensor) -> torch.Tensor:
        """Measure which share of each mask's (N, 4 h w) middle cells older frames recognise: (N,).

        Either the reference frame has to know the object, or the witness, since objects change.
        """
        shares = [
            recognised(cells.middle[mask], (target.portrait, target.witness))
            for mask, target in zip(covered, self._targets.values(), strict=True)
        ]
        return cells.middle.new_tensor(shares)

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
        known = list(self._targets.values())
        lost = torch.tensor([target.lost for target in known], device=scores.device)
        enough = covered.sum(1) >= covered.new_tensor(
            [min(_FOUND_CELLS, target.shown_cells // 2) for target in known], dtype=torch.int64
        )
        sure = recalled.flatten(1).amax(1) > _FOUND_LOGIT
        found = sure & enough & (shares >= _CERTAIN_SHARE)
        seen = scores >= self.settings.presence_threshold
        seen &= shares >= self.settings.recognition_threshold
        return seen & (~lost | found)

    def _remnants(self, covered: torch.Tensor) -> torch.Tensor:
        """Tell which (N, 4 h w) masks are but a remnant of what was shown: (N,) bool."""
        shown = [target.shown_cells for target in self._targets.values()]
        return covered.sum(1) < _REMNANT * covered.new_tensor(shown, dtype=torch.int64)

    def _believed(self, doubtful: list[bool]) -> list[bool]:
        """Count for how long each object was doubtful; it is not believed the second time.

        The memory goes on with it: it may be a small part of an object behind something.
        """
        for target, doubt in zip(self._targets.values(), doubtful, strict=True):
            target.doubted = target.doubted + 1 if doubt else 0
        return [target.doubted < 2 for target in self._targets.values()]

    def _note(self, cells: Cells, present: list[bool], certain: list[bool]) -> None:
        """Note who is lost, and take new witnesses where the old ones are old enough."""
        assert self._memory is not None
        newest = self._memory.shares[self._memory.recent[0]]
        for channel, target in enumerate(self._targets.values(), 1):
            target.lost = not present[channel - 1]
            target.witness_age += 1
            if certain[channel - 1] and target.witness_age >= _WITNESS_FRAMES:
                target.witness = make_portrait(cells.middle, newest[:, channel])
                target.witness_age = 0

    def _answer(
        self, logits: torch.Tensor, scores: list[float], present: list[bool]
    ) -> ObjectLogits:
        """Put the objects in ascending order of their ids."""
        order = sorted(range(len(scores)), key=list(self._targets).__getitem__)
        return ObjectLogits(
            object_ids=tuple(sorted(self._targets)),
            low_res_logits=logits[order],
            scores=tuple(scores[row] for row in order),
            present=tuple(present[row] for row in order),
            outlined=True,
        )

    def _cells(self, encoded: Encoded) -> Cells:
        """Describe a frame by the cells that frames are matched by."""
        if self._basis is None:
            self._basis = find_basis(encoded)
        return describe_cells(encoded, self._basis)

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
            self._memory = new_memory(cells, 1 + object_count)
            shares = given.new_zeros((len(given), object_count))
        else:
            self._memory.widen(object_count - len(self._targets))
            shares = self._memory.newest_masks[:, 1:]  # of this very frame
        shares = shares * (1 - given.sum(-1, keepdim=True)).clamp_min(0)
        shares[:, channels] = given
        background = (1 - shares.sum(-1, keepdim=True)).clamp_min(0)
        everything = torch.cat([background, shares], dim=-1)
        if self._targets:
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
        somewhere = (recalled > 0).flatten(1).any(1)
        logits = recalled.clone()
        iou, agree = recalled.new_zeros(2, len(recalled))
        if not somewhere.any():
            return logits, iou, agree
        memories = recalled[somewhere]
        boxes, valid = decode.logit_boxes(memories)
        with_boxes = decode.with_boxes(_inner_points(memories), boxes, valid)
        dense = _DENSE_GAIN * memories[:, None]
        height, width = features.shape[-2:]
        positions = self.decoder.network.grid_positions((height, width))
        prompted = replace(with_boxes, dense_logits=dense)
        offered = decode_round(self.decoder, features, positions, prompted, boxes)
        logits[somewhere], iou[somewhere], agree[somewhere] = judge.best_candidate(
            offered.low_res_logits, offered.predicted_iou, memories
        )
        return logits, iou, agree


def _covered(logits: torch.Tensor) -> torch.Tensor:
    """Mark the middle cells that (N, 4h, 4w) masks cover: (N, 4 h w) bool, by quads."""
    coverage = F.avg_pool2d((logits > 0).float(), 2)  # (N, 2h, 2w)
    most = coverage.amax((1, 2), keepdim=True).clamp(1e-6, 0.5)  # thin masks fill no cell
    rows = (coverage >= most).flatten(1).T  # (4 h w, N)
    return by_quads(rows, (coverage.shape[1], coverage.shape[2])).T


def _compete(logits: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
    """Let present objects and background compete: (N, 4h, 4w) logits to (16 h w, 1 + N) shares."""
    logits = logits.masked_fill(~present[:, None, None], -torch.inf)
    odds = torch.cat([torch.zeros_like(logits[:1]), logits])  # the background's log-odds are 0
    return odds.softmax(0).flatten(1).T


def _inner_points(logits: torch.Tensor) -> Prompts:
    """Make one positive point inside each (N, 4h, 4w) mask, which is nowhere empty."""
    tokens: list[list[prompts.Token]] = []
    for mask in (logits > 0).cpu().numpy():
        inner = prompts.inner_point(mask)
        assert inner is not None, "objects that are not recalled are not decoded"
        x, y = ((edge + 0.5) * LOGIT_CELL for edge in inner)
        tokens.append([(x, y, prompts.POSITIVE)])
    return Prompts(*prompts.stack_tokens(tokens, logits.device))
