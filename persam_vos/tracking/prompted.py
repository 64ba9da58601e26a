"""Masks of one frame, made from boxes, points and rough masks: PerSAM's table 6.

SAM proposes masks of three scales. A box is looked at in windows round it, where the decoder sees
more than in the whole picture; of all masks the one is taken that SAM predicts to be best, that is
most stable, and that fits what was shown. Points alone find their object in the whole picture
first. The mask of an object that is there already changes only where a point says so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt
import torch

from ..errors import MaskError
from ..media.reference_prompts import FramePrompts, Prompt, Scale
from ..stages.candidate_scores import box_fit, drawn_fit, point_fit, stability
from ..stages.drawn_masks import change_at, is_scribble, spread_points
from ..stages.prompts import box_of
from ..structures import Encoded, Frame, LabelMap
from .engine import Engine
from .picture_view import BoxXyxy, PictureView, Points

_log = logging.getLogger(__name__)

Mask = npt.NDArray[np.bool_]
Fit = Callable[[torch.Tensor], torch.Tensor]
"""How well (K, H, W) masks fit what was shown: (K,), to be added to predicted IoU and stability."""

SCALES: tuple[Scale, ...] = ("subpart", "part", "whole")  # SAM's masks 1 to 3
_MARGINS = (0.25, 0.5)  # of windows round a box, on each side: shares of its long side
_CLOSER_LOOKS = 2  # at what points show: each sees the whole of it better, J + 5 and + 1
WHOLE_BONUS = torch.tensor([0.0, 0.0, 0.2])  # of a point: more often the whole thing is meant
_DRAWN_WEIGHT = 0.5  # of the IoU with what was drawn, against predicted IoU and stability
_KNOWN_WEIGHT = 2.0  # the same of a finished mask
_KNOWN_GAIN = 1.0  # its logit as a mask prompt: at 3 the decoder made J 0.60 of 0.83
_POINT_WEIGHT = 5.0  # of the share of points that a mask agrees with: nearly a condition


@dataclass(frozen=True, slots=True)
class Candidate:
    """A mask (H, W) that SAM made of one scale, its predicted IoU and its stability in [0, 1]."""

    scale: Scale
    mask: Mask
    predicted_iou: float
    stability: float


@dataclass(frozen=True, slots=True)
class MadeMask:
    """The mask (H, W) of an object, and the candidates that it was ``taken`` from.

    ``before_iou`` is its IoU with the mask that was drawn, or that was there before; None if there
    was none.
    """

    object_id: int
    mask: Mask
    taken: Candidate
    candidates: tuple[Candidate, ...]
    before_iou: float | None = None


@dataclass(frozen=True, slots=True)
class FrameMasks:
    """What was made of the prompts of a frame; ``label_map`` (H, W) has given masks as well."""

    frame: Frame
    label_map: LabelMap
    made: tuple[MadeMask, ...]
    prompts: FramePrompts


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """One of the decoder's masks, where it was seen and how it scores."""

    view: PictureView
    scale: Scale
    logits: torch.Tensor
    predicted_iou: float
    stability: float
    score: float

    def candidate(self) -> Candidate:
        mask = self.view.mask(self.logits).cpu().numpy()
        return Candidate(self.scale, mask, min(1.0, self.predicted_iou), self.stability)


def label_prompts(
    engine: Engine,
    prompts: FramePrompts,
    given: LabelMap | None,
    encoded: Encoded,
    tracked: LabelMap | None = None,
) -> LabelMap:
    """Return the labels (H, W) that `make_masks` makes."""
    return make_masks(engine, prompts, given, encoded, tracked).label_map


@torch.inference_mode()
def make_masks(
    engine: Engine,
    prompts: FramePrompts,
    given: LabelMap | None,
    encoded: Encoded,
    tracked: LabelMap | None = None,
) -> FrameMasks:
    """Make the masks of what is shown on a frame, and put them together with ``given`` labels.

    ``given`` (H, W) are the finished masks of the frame, ``tracked`` what tracking found there.
    Points alone refine a mask of either. Where masks overlap, see `put_together`. Raises MaskError
    for prompts of which no mask can be made.
    """
    whole = PictureView.whole(engine, encoded)
    made = []
    for object_id in sorted(prompts.object_ids):
        prompt = prompts.by_id.get(object_id)
        drawn = _mask_of(object_id, prompts.rough)
        before = _mask_of(object_id, given)
        if before is None and drawn is None:
            before = _mask_of(object_id, tracked)
        if drawn is not None:
            one = _from_drawn(whole, object_id, drawn, prompt)
        elif before is not None and prompt is not None and prompt.box_xyxy is None:
            one = _refined(whole, object_id, before, prompt)
        else:
            assert prompt is not None, "an object is shown somehow"
            one = _from_prompt(whole, object_id, prompt)
        if not one.mask.any():
            raise MaskError(
                f"object {object_id} on frame {encoded.frame.index}",
                got="no mask that fits its box and points",
                expected="prompts that show an object",
                remedy="move them, or draw a box round it",
            )
        _log.info(
            "object %s on frame %s: %s pixels, predicted IoU %.2f, stability %.2f, %s",
            object_id,
            encoded.frame.index,
            int(one.mask.sum()),
            one.taken.predicted_iou,
            one.taken.stability,
            one.taken.scale,
        )
        made.append(one)
    labels = put_together(made, given, encoded.frame.size_hw)
    return FrameMasks(encoded.frame, labels, tuple(made), prompts)


def put_together(
    made: Sequence[MadeMask], given: LabelMap | None, size_hw: tuple[int, int]
) -> LabelMap:
    """Return labels (H, W) in which masks do not overlap.

    Of two made masks the smaller wins: what is shown beside something that holds it is meant apart
    from it. Given masks of other objects stay as they are, unless most of a made one lies in them.
    """
    labels = np.zeros(size_hw, np.uint8)
    made = sorted(made, key=lambda one: int(one.mask.sum()), reverse=True)
    for one in made:
        labels[one.mask] = one.object_id
    if given is None:
        return labels
    kept = np.where(np.isin(given, [one.object_id for one in made]), 0, given)
    for one in made:
        if 2 * np.count_nonzero(kept[one.mask]) > np.count_nonzero(one.mask):
            kept[one.mask] = 0
    return np.where(kept > 0, kept, labels).astype(np.uint8)


def _from_prompt(whole: PictureView, object_id: int, prompt: Prompt) -> MadeMask:
    """Make a mask of a box, or points, or both."""
    points, box, scale = _points(prompt), prompt.box_xyxy, prompt.scale
    found = _from_points(whole, points, scale) if box is None else _in_box(whole, points, box)
    return _taken(object_id, found, scale)


def _in_box(whole: PictureView, points: Points, box: BoxXyxy) -> list[_Found]:
    """Decode a box, and points if any, in windows round the box."""
    found = []
    for margin in _MARGINS:
        view = _round_box(whole, box, margin)
        found += _decode(view, points, box, partial(box_fit, box_xyxy=box))
    return found


def _from_points(whole: PictureView, points: Points, scale: Scale | None) -> list[_Found]:
    """Decode points in the whole picture, and what is taken again in windows round it.

    There its box is a prompt too. If a scale was asked for, the later masks keep to the box.
    """
    found = _decode(whole, points, None, lambda masks: WHOLE_BONUS.to(masks.device))
    first = best = _best(found, scale)
    for _ in range(_CLOSER_LOOKS):
        box = box_of(best.candidate().mask)
        if box is None:
            break
        fit = _no_fit if scale is None else partial(box_fit, box_xyxy=box)
        closer = _best(_decode(_round_box(whole, box, _MARGINS[-1]), points, box, fit), None)
        if not closer.score > -torch.inf:
            break
        best = closer
    taken = replace(best, scale=first.scale, score=first.score)
    return [taken if one is first else one for one in found]


def _from_drawn(whole: PictureView, object_id: int, drawn: Mask, prompt: Prompt | None) -> MadeMask:
    """Snap a rough mask to the object: by points in it and, unless it is a scribble, by its box.

    Nobody knows whether a coarse mask is too large or too small: masks that are decoded with its
    box and without it compete.
    """
    points, box, scale = [(*xy, 1) for xy in spread_points(drawn)], None, None
    if prompt is not None:
        points, box, scale = [*points, *_points(prompt)], prompt.box_xyxy, prompt.scale
    if not is_scribble(drawn):
        found = _from_shape(whole, points, box, drawn)
    elif box is not None:
        found = _in_box(whole, points, box)
    else:
        found = _from_points(whole, points, scale)
    return _taken(object_id, found, scale, drawn)


def _from_shape(
    whole: PictureView, points: Points, box: BoxXyxy | None, drawn: Mask
) -> list[_Found]:
    """Decode a coarse mask, by points in it; with its box and without, if no ``box`` is given."""
    shape = torch.from_numpy(drawn).to(whole.encoded.features.device)
    around = box or box_of(drawn)
    assert around is not None, "what was drawn has pixels"

    def fit(masks: torch.Tensor) -> torch.Tensor:
        return _DRAWN_WEIGHT * drawn_fit(masks, shape)

    view = _round_box(whole, around, _MARGINS[-1])
    found = _decode(view, points, around, fit)
    return found if box is not None else found + _decode(view, points, None, fit)


def _refined(whole: PictureView, object_id: int, before: Mask, prompt: Prompt) -> MadeMask:
    """Change a mask where points say so: what hangs together with one is added or taken away.

    The decoder is shown the mask weakly, since it learned from its own, and points inside of it.
    """
    points = _points(prompt)
    reached = before.copy()
    for x, y, _ in points:
        reached[min(int(y), len(before) - 1), min(int(x), before.shape[1] - 1)] = True
    around = box_of(reached)
    assert around is not None, "a known mask has pixels"
    shape = torch.from_numpy(before).to(whole.encoded.features.device)

    def fit(masks: torch.Tensor) -> torch.Tensor:
        return _KNOWN_WEIGHT * drawn_fit(masks, shape) + _POINT_WEIGHT * point_fit(masks, points)

    view = _round_box(whole, around, _MARGINS[-1])
    on_it = [(*xy, 1) for xy in spread_points(before)]
    found = _decode(view, (*on_it, *points), None, fit, view.logits_of(shape, _KNOWN_GAIN))
    one = _taken(object_id, found, prompt.scale, before)
    return replace(one, mask=change_at(before, one.mask, points))


def _decode(
    view: PictureView,
    points: Points,
    box: BoxXyxy | None,
    fit: Fit,
    dense: torch.Tensor | None = None,
) -> list[_Found]:
    """Decode the three scales, and score each by predicted IoU, stability and ``fit``."""
    decoded = view.decode(points, box, dense)
    logits, iou = decoded.low_res_logits[0, 1:], decoded.predicted_iou[0, 1:]
    stable = stability(logits)
    masks = view.masks(logits)
    scores = torch.where(masks.flatten(1).any(1), iou + stable + fit(masks), -torch.inf)
    return [
        _Found(view, scale, *row)
        for scale, row in zip(
            SCALES,
            zip(logits, iou.tolist(), stable.tolist(), scores.tolist(), strict=True),
            strict=True,
        )
    ]


def _best(found: Iterable[_Found], scale: Scale | None) -> _Found:
    """Return the best mask, of one scale if that is asked for."""
    return max((one for one in found if scale in (None, one.scale)), key=lambda one: one.score)


def _taken(
    object_id: int, found: Sequence[_Found], scale: Scale | None, before: Mask | None = None
) -> MadeMask:
    """Take the best mask, and keep the best one of each scale to choose from."""
    kept = [_best(found, each) for each in SCALES]
    candidates = tuple(one.candidate() for one in kept)
    taken = candidates[kept.index(_best(kept, scale))]
    mask = taken.mask
    agreed = None
    if before is not None:
        agreed = float(drawn_fit(torch.from_numpy(mask)[None], torch.from_numpy(before))[0])
    return MadeMask(object_id, mask, taken, candidates, agreed)


def _round_box(whole: PictureView, box: BoxXyxy, margin: float) -> PictureView:
    return PictureView.round_box(whole.engine, whole.encoded.frame, box, margin)


def _no_fit(masks: torch.Tensor) -> torch.Tensor:
    return torch.zeros(len(masks), device=masks.device)


def _points(prompt: Prompt) -> Points:
    return tuple(
        (x, y, label) for (x, y), label in zip(prompt.points_xy, prompt.labels, strict=True)
    )


def _mask_of(object_id: int, labels: LabelMap | None) -> Mask | None:
    """Return the mask (H, W) of an object, None where it has none."""
    if labels is None or object_id not in labels:
        return None
    return np.asarray(labels == object_id)
