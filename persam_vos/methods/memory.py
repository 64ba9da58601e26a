"""Memory: masks recalled from remembered frames, decoded jointly, and fused with the memory.

Per frame: recall every object's soft mask by matching features with the reference and the last
frames; prompt the decoder with it (as dense prompt, box and point) and refine; keep the candidate
that agrees best with the memory; fuse both; remember the result as far as it is trusted. An object
that is neither recalled nor looks like itself is absent, and the whole picture is searched for it.
The state is constant in the length of the clip.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

import numpy as np
import torch
import torch.nn.functional as F

from ..config import MethodSettings
from ..sam.geometry import LOGIT_CELL, PATCH
from ..stages import decode, judge, memory, prompts, targets
from ..structures import Encoded, LabelMap, MaskCandidates, ObjectLogits, Prompts

_RECENT_FRAMES = 4
_DIRECTIONS = 96  # of 384: matches as well as all of them (J&F 78.8 and 78.7), at half the time
_REACH = 12  # cells that an object may move from one frame to the next: 96 input pixels
_DENSE_GAIN = 1.5  # recalled log-odds to the decoder's mask prompt, whose logits are larger
_FOUND_LOGIT = 2.2  # log-odds of 0.9: how sure a recall finds a lost object again
_FOUND_CELLS = 8  # of its grid that it then covers, or half of what it covered when shown
_CERTAIN_SHARE = 0.55  # of a mask, recognised: makes a frame a witness, and finds what was lost
_WITNESS_FRAMES = 10  # between two witnesses; drifts are faster, changes of the object slower
_MIN_SHARE = 0.01  # of a cell; bounds the recalled log-odds to +-4.6


@dataclass(slots=True)
class _Target:
    """What is known of one object: made on its reference frame.

    ``witness`` is an older frame in which the object was recognised; ``witness_age`` its age in
    frames.
    """

    appearance: targets.Appearance
    reference: memory.Reference  # shared by the objects of one reference frame
    witness: memory.Snapshot
    witness_age: int = 0
    lost: bool = False


@dataclass(slots=True)
class MemoryMethod:
    """Track objects by a memory of frames; the interface is PersamMethod's.

    Channels of all masks are the background and then the objects in the order they were given.
    """

    decoder: decode.Decoder
    settings: MethodSettings
    _targets: dict[int, _Target] = field(default_factory=dict)
    _recent: deque[memory.Snapshot] = field(default_factory=lambda: deque(maxlen=_RECENT_FRAMES))
    _directions: torch.Tensor | None = None  # (C, D)

    @torch.inference_mode()
    def describe(self, encoded: Encoded, labels: LabelMap, object_ids: tuple[int, ...]) -> None:
        """Learn objects from a reference frame, whose masks enter the memory as truth.

        ``labels`` is (H, W) at image size; every id of ``object_ids`` has a pixel in it. If other
        objects are known already, `step` has answered for this frame before.
        """
        features = encoded.features
        masks = torch.from_numpy(np.stack([labels == i for i in object_ids])).to(features.device)
        looks = targets.describe_appearance(features, masks, input_hw=encoded.input_hw)
        reference = self._remember_truth(encoded, masks, object_ids)
        for object_id, appearance in zip(object_ids, looks, strict=True):
            self._targets[object_id] = _Target(appearance, reference, reference.frame)

    @torch.inference_mode()
    def step(self, encoded: Encoded, previous: LabelMap) -> ObjectLogits:  # noqa: ARG002
        """Answer for every known object on the next frame, from memory alone."""
        known = list(self._targets.values())
        appearances = [target.appearance for target in known]
        similarities = targets.similarity(
            encoded.features, torch.stack([a.vector for a in appearances])
        )
        features = self._features(encoded)
        with self.decoder.clock.part("recall"):
            recalled = self._recall(features, known, encoded.features.shape[-2:])
        logits, iou = self._decode(encoded.features, recalled)
        fused = judge.fuse(logits, recalled, decoder_share=self.settings.decoder_share)
        scores = judge.confidence(
            iou,
            judge.agreement(fused.sigmoid(), recalled.sigmoid()),
            targets.likeness(similarities, fused, appearances),
        )
        shares = self._recognised(features, fused)
        present = scores >= self.settings.presence_threshold
        present &= shares >= self.settings.recognition_threshold
        lost = torch.tensor([target.lost for target in known], device=shares.device)
        present &= ~lost | self._found(features, fused, recalled) & (shares >= _CERTAIN_SHARE)
        trusted = scores >= self.settings.trust_threshold
        kept = torch.where(trusted[:, None, None], fused, recalled)
        self._recent.append(memory.Snapshot(features, _shares(kept, present, features.shape[:2])))
        certain = present & trusted & (shares >= _CERTAIN_SHARE)
        for target, there, sure in zip(known, present.tolist(), certain.tolist(), strict=True):
            target.lost = not there
            target.witness_age += 1
            if sure and target.witness_age >= _WITNESS_FRAMES:
                target.witness, target.witness_age = self._recent[-1], 0
        return self._answer(fused, scores.tolist(), present.tolist())

    def _recognised(self, features: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        """Measure which share of each (N, 4h, 4w) mask older frames take for its object: (N,).

        The last frames confirm whatever they were told; this is what ends a drift. Either the
        reference frame has to know the object, or the witness, since objects change.
        """
        shares = []
        for row, (cells, target) in enumerate(
            zip(_cells_of(logits, features), self._targets.values(), strict=True)
        ):
            frames = {id(frame): frame for frame in (target.reference.frame, target.witness)}
            asked = [memory.recognised(features, cells, f, row + 1) for f in frames.values()]
            shares.append(max(asked))
        return logits.new_tensor(shares)

    def _found(
        self, features: torch.Tensor, logits: torch.Tensor, recalled: torch.Tensor
    ) -> torch.Tensor:
        """Tell which objects are recalled for sure, and on more than a few cells: (N,) bool."""
        sure = recalled.flatten(1).amax(1) > _FOUND_LOGIT
        answers = []
        for row, (cells, target) in enumerate(
            zip(_cells_of(logits, features), self._targets.values(), strict=True)
        ):
            shown = int((target.reference.frame.masks[..., row + 1] >= 0.5).sum())
            enough = int(cells.sum()) >= min(_FOUND_CELLS, shown // 2)
            answers.append(enough)
        return sure & torch.tensor(answers, device=logits.device)

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
        )

    def _features(self, encoded: Encoded) -> torch.Tensor:
        """Make the (h, w, D) features that frames are matched by."""
        cells = memory.match_features(encoded.features, encoded.fine)
        if self._directions is None:
            self._directions = memory.main_directions(cells, _DIRECTIONS)
        return cells @ self._directions

    def _remember_truth(
        self, encoded: Encoded, masks: torch.Tensor, object_ids: tuple[int, ...]
    ) -> memory.Reference:
        """Put true (N, H, W) masks into the memory, beside what it says of the other objects."""
        features = self._features(encoded)
        height, width = features.shape[:2]
        known = [*self._targets, *(i for i in object_ids if i not in self._targets)]
        self._widen(1 + len(known))
        if self._recent:
            shares = self._recent.pop().masks[..., 1:]  # of this very frame
        else:
            shares = features.new_zeros((height, width, len(known)))
        coverage = targets.grid_coverage(
            masks,
            input_hw=encoded.input_hw,
            grid_hw=(height, width),
            cell=PATCH * encoded.features.shape[-1] // width,
        )
        given = coverage.permute(1, 2, 0)  # (h, w, N)
        shares = shares * (1 - given.sum(-1, keepdim=True)).clamp_min(0)
        shares[..., [known.index(i) for i in object_ids]] = given
        background = (1 - shares.sum(-1, keepdim=True)).clamp_min(0)
        snapshot = memory.Snapshot(features, torch.cat([background, shares], dim=-1))
        self._recent.append(snapshot)
        return memory.make_reference(snapshot)

    def _widen(self, channels: int) -> None:
        """Give all remembered masks room for new objects, which are nowhere in them."""
        for index, snapshot in enumerate(self._recent):
            added = channels - snapshot.masks.shape[-1]
            self._recent[index] = memory.pad_objects(snapshot, added)
        for target in self._targets.values():
            added = channels - target.reference.masks.shape[-1]
            if added:
                target.reference = memory.widen(target.reference, added)
                target.witness = memory.pad_objects(target.witness, added)

    def _recall(
        self, features: torch.Tensor, known: list[_Target], grid_hw: tuple[int, ...]
    ) -> torch.Tensor:
        """Recall all objects; returns (N, 4h, 4w) log-odds for a grid of (h, w) cells."""
        shares = self._recent[-1].masks
        near = shares[..., 1:].amax(-1) > 0.2
        if any(target.lost for target in known):
            near = torch.ones_like(near)  # it may come back anywhere
        tiles = memory.tiles_near(near, reach=_REACH)
        references = list({id(t.reference): t.reference for t in known}.values())
        recalled = memory.recall(features, references, list(self._recent), tiles)
        shares = recalled[..., 1:].permute(2, 0, 1).clamp(_MIN_SHARE, 1 - _MIN_SHARE)
        size = [cells * PATCH // LOGIT_CELL for cells in grid_hw]
        return F.interpolate(torch.logit(shares)[:, None], size, mode="bilinear")[:, 0]

    def _decode(
        self, features: torch.Tensor, recalled: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Decode the recalled (N, 4h, 4w) logits twice; returns the best logits and their IoU.

        Objects that are not recalled anywhere cost nothing and keep their recalled logits.
        """
        somewhere = (recalled > 0).flatten(1).any(1)
        logits, iou = recalled.clone(), recalled.new_zeros(len(recalled))
        if not somewhere.any():
            return logits, iou
        memories = recalled[somewhere]
        points = _inner_points(memories)
        first = self._offer(features, points, boxes_of=memories, dense=_DENSE_GAIN * memories)
        best, best_iou = judge.best_candidate(first.low_res_logits, first.predicted_iou, memories)
        more = self._offer(features, points, boxes_of=best, dense=best)
        logits[somewhere], iou[somewhere] = judge.best_candidate(
            torch.cat([best[:, None], more.low_res_logits], dim=1),
            torch.cat([best_iou[:, None], more.predicted_iou], dim=1),
            memories,
        )
        return logits, iou

    def _offer(
        self,
        features: torch.Tensor,
        points: Prompts,
        *,
        boxes_of: torch.Tensor,
        dense: torch.Tensor,
    ) -> MaskCandidates:
        """Decode with points, the boxes of some (N, 4h, 4w) logits, and dense prompts."""
        boxes, valid = decode.logit_boxes(boxes_of)
        with_box = decode.with_boxes(points, boxes, valid)
        return self.decoder(features, replace(with_box, dense_logits=dense[:, None]))


def _cells_of(logits: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
    """Mark the cells of (h, w, D) features that (N, H, W) masks cover: (N, h, w) bool."""
    coverage = F.avg_pool2d((logits > 0).float(), logits.shape[-1] // features.shape[1])
    most = coverage.amax((1, 2), keepdim=True).clamp(1e-6, 0.5)  # thin masks fill no cell
    return coverage >= most


def _shares(logits: torch.Tensor, present: torch.Tensor, size_hw: tuple[int, ...]) -> torch.Tensor:
    """Let present objects and background compete: (N, 4h, 4w) logits to (h, w, 1 + N) shares."""
    logits = logits.masked_fill(~present[:, None, None], -torch.inf)
    odds = torch.cat([torch.zeros_like(logits[:1]), logits])  # the background's log-odds are 0
    cells = F.avg_pool2d(odds.softmax(0), logits.shape[-1] // size_hw[1])
    return cells.permute(1, 2, 0).contiguous()


def _inner_points(logits: torch.Tensor) -> Prompts:
    """Make one positive point inside each (N, 4h, 4w) mask, which is nowhere empty."""
    tokens: list[list[prompts.Token]] = []
    for mask in (logits > 0).cpu().numpy():
        inner = prompts.inner_point(mask)
        assert inner is not None, "objects that are not recalled are not decoded"
        x, y = ((edge + 0.5) * LOGIT_CELL for edge in inner)
        tokens.append([(x, y, prompts.POSITIVE)])
    return Prompts(*prompts.stack_tokens(tokens, logits.device))
