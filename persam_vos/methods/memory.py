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
from ..stages import decode, judge, memory, prompts, targets
from ..structures import Encoded, LabelMap, MaskCandidates, ObjectLogits, Prompts

_RECENT_FRAMES = 4
_DIRECTIONS = 96  # of 384: matches as well as all of them (J&F 78.8 and 78.7), at half the time
_REACH = 12  # cells that an object may move from one frame to the next: 96 input pixels
_DENSE_GAIN = 1.5  # recalled log-odds to the decoder's mask prompt, whose logits are larger
_MIN_SHARE = 0.01  # of a cell; bounds the recalled log-odds to +-4.6
_LOGITS_SIDE = 256


@dataclass(slots=True)
class _Target:
    """What is known of one object for ever: made on its reference frame."""

    appearance: targets.Appearance
    reference: memory.Reference  # shared by the objects of one reference frame
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
            self._targets[object_id] = _Target(appearance, reference)

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
            recalled = self._recall(features, known)
        logits, iou = self._decode(encoded.features, recalled)
        fused = judge.fuse(logits, recalled, decoder_share=self.settings.decoder_share)
        scores = judge.confidence(
            iou,
            judge.agreement(fused.sigmoid(), recalled.sigmoid()),
            targets.likeness(similarities, fused, appearances),
        )
        present = (scores >= self.settings.presence_threshold) & (recalled > 0).flatten(1).any(1)
        trusted = scores >= self.settings.trust_threshold
        kept = torch.where(trusted[:, None, None], fused, recalled)
        self._recent.append(memory.Snapshot(features, _shares(kept, present, features.shape[:2])))
        for target, there in zip(known, present.tolist(), strict=True):
            target.lost = not there
        return self._answer(fused, scores.tolist(), present.tolist())

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
        cells = memory.match_features(
            encoded.features,
            encoded.fine,
            input_hw=encoded.input_hw,
            image_size=self.decoder.network.image_size,
        )
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
        coverage = targets.grid_coverage(masks, input_hw=encoded.input_hw, side=max(height, width))
        given = coverage[:, :height, :width].permute(1, 2, 0)  # (h, w, N)
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
            self._recent[index] = replace(snapshot, masks=F.pad(snapshot.masks, (0, added)))
        for target in self._targets.values():
            added = channels - target.reference.masks.shape[-1]
            if added:
                masks = F.pad(target.reference.masks, (0, added))
                target.reference = replace(target.reference, masks=masks)

    def _recall(self, features: torch.Tensor, known: list[_Target]) -> torch.Tensor:
        """Recall all objects; returns (N, 256, 256) log-odds on the padded square."""
        shares = self._recent[-1].masks
        near = shares[..., 1:].amax(-1) > 0.2
        if any(target.lost for target in known):
            near = torch.ones_like(near)  # it may come back anywhere
        tiles = memory.tiles_near(near, reach=_REACH)
        references = list({id(t.reference): t.reference for t in known}.values())
        recalled = memory.recall(features, references, list(self._recent), tiles)
        shares = recalled[..., 1:].permute(2, 0, 1).clamp(_MIN_SHARE, 1 - _MIN_SHARE)
        return _on_square(torch.logit(shares), torch.logit(torch.tensor(_MIN_SHARE)).item())

    def _decode(
        self, features: torch.Tensor, recalled: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Decode the recalled (N, 256, 256) logits twice; returns the best logits and their IoU.

        Objects that are not recalled anywhere cost nothing and keep their recalled logits.
        """
        somewhere = (recalled > 0).flatten(1).any(1)
        logits, iou = recalled.clone(), recalled.new_zeros(len(recalled))
        if not somewhere.any():
            return logits, iou
        memories = recalled[somewhere]
        points = _inner_points(memories, self.decoder.network.image_size)
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
        """Decode with points, the boxes of some (N, 256, 256) logits, and dense prompts."""
        boxes, valid = decode.logit_boxes(boxes_of, image_size=self.decoder.network.image_size)
        with_box = decode.with_boxes(points, boxes, valid)
        return self.decoder(features, replace(with_box, dense_logits=dense[:, None]))


def _on_square(grid: torch.Tensor, padding: float) -> torch.Tensor:
    """Scale the picture's part of a grid, (N, h, w), to (N, 256, 256) on the padded square."""
    height, width = grid.shape[-2:]
    side = max(height, width)  # the picture's long side is the square's
    square = F.pad(grid, (0, side - width, 0, side - height), value=padding)
    size = (_LOGITS_SIDE, _LOGITS_SIDE)
    return F.interpolate(square[:, None], size, mode="bilinear", align_corners=False)[:, 0]


def _shares(logits: torch.Tensor, present: torch.Tensor, size_hw: tuple[int, ...]) -> torch.Tensor:
    """Let present objects and background compete: (N, 256, 256) logits to (h, w, 1 + N) shares."""
    logits = logits.masked_fill(~present[:, None, None], -torch.inf)
    odds = torch.cat([torch.zeros_like(logits[:1]), logits])  # the background's log-odds are 0
    height, width = size_hw
    cells = F.avg_pool2d(odds.softmax(0), _LOGITS_SIDE // max(size_hw))
    return cells[:, :height, :width].permute(1, 2, 0).contiguous()


def _inner_points(logits: torch.Tensor, image_size: int) -> Prompts:
    """Make one positive point inside each (N, 256, 256) mask, which is nowhere empty."""
    cell = image_size / logits.shape[-1]
    tokens: list[list[prompts.Token]] = []
    for mask in (logits > 0).cpu().numpy():
        inner = prompts.inner_point(mask)
        assert inner is not None, "objects that are not recalled are not decoded"
        x, y = ((edge + 0.5) * cell for edge in inner)
        tokens.append([(x, y, prompts.POSITIVE)])
    return Prompts(*prompts.stack_tokens(tokens, logits.device))
