"""Track a clip beside its truth, and measure all that the benchmarks report of it, in one pass."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.clips import Clip
from persam_vos.media.label_png import write_label_png
from persam_vos.runtime.timer import StageTimer
from persam_vos.scoring.region import region_similarity
from persam_vos.scoring.sequence import SequenceScore, score_sequence
from persam_vos.structures import Frame, LabelMap, TrackedFrame
from persam_vos.tracking.engine import Engine
from persam_vos.tracking.propagate import track_frames

_SWAPPED_IOU = 0.3  # of a mask with another object's truth; two bad masks are no swap


@dataclass(frozen=True, slots=True)
class Measured:
    """One clip: its scores, the method's own confidence in them, identity swaps, and the time.

    ``confidence`` and ``shown`` are (T, K), like J and F: what the method says of each object, and
    whether it drew it. ``swaps`` counts frames and objects whose mask is another object's.
    ``track_ms`` is the time per frame, without reading and encoding.
    """

    score: SequenceScore
    confidence: npt.NDArray[np.float64]
    shown: npt.NDArray[np.bool_]
    swaps: int
    track_ms: float

    def facts(self) -> dict[str, Any]:
        """Return what results files keep of it."""
        region, boundary = self.score.region, self.score.boundary
        return {
            "J": round(float(region.mean()), 4),
            "F": round(float(boundary.mean()), 4),
            "per_object": {
                str(object_id): [round(float(m[:, k].mean()), 4) for m in (region, boundary)]
                for k, object_id in enumerate(self.score.object_ids)
            },
            "identity_swaps": self.swaps,
            "track_ms": round(self.track_ms, 1),
        }


def track_beside(
    frames: Iterable[Frame],
    truths: Iterable[LabelMap],
    engine: Engine,
    *,
    object_ids: Collection[int] | None = None,
    timer: StageTimer | None = None,
) -> Iterator[tuple[TrackedFrame, LabelMap]]:
    """Track objects of the first true labels, all of them by default; yield frames with truth."""
    remaining = iter(truths)
    first = next(remaining)
    chosen = np.unique(first[first > 0]) if object_ids is None else list(object_ids)
    reference = np.where(np.isin(first, chosen), first, 0).astype(np.uint8)
    tracked = track_frames(frames, {0: reference}, engine, timer=timer)
    yield next(tracked), first
    yield from zip(tracked, remaining, strict=True)


def measure(clip: Clip, engine: Engine, *, masks: Path | None = None) -> Measured:
    """Track one clip from its first true mask; the first and the last frame are not scored.

    The label maps are written to the folder ``masks``, where one is named.
    """
    timer, last = StageTimer(), len(clip.images) - 1
    object_ids = tuple(int(i) for i in np.unique(clip.labels(0)) if i)
    confidence, shown, swaps = [], [], []
    if masks is not None:
        masks.mkdir(parents=True, exist_ok=True)

    def pairs() -> Iterator[tuple[LabelMap, LabelMap]]:
        for frame, truth in track_beside(clip.frames(), clip.true_labels(), engine, timer=timer):
            if masks is not None:
                write_label_png(masks / f"{frame.name}.png", frame.label_map)
            if 0 < frame.index < last:
                confidence.append([found.score for found in frame.objects])
                shown.append([found.visible for found in frame.objects])
                swaps.append(count_swaps(frame.label_map, truth, object_ids))
                yield frame.label_map, truth

    score = score_sequence(pairs(), object_ids, name=clip.name)
    seconds = timer.seconds["track"]
    return Measured(
        score, np.array(confidence), np.array(shown), sum(swaps), 1000 * seconds / (last + 1)
    )


def count_swaps(labels: LabelMap, truth: LabelMap, object_ids: Collection[int]) -> int:
    """Count the objects whose mask fits another object's truth, and better than their own."""
    swapped = 0
    for own in object_ids:
        mask = labels == own
        others = [region_similarity(mask, truth == i) for i in object_ids if i != own]
        best = max(others, default=0.0) if mask.any() else 0.0
        swapped += best > max(_SWAPPED_IOU, region_similarity(mask, truth == own))
    return swapped
