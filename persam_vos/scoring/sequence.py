"""Scores over time: mean, recall and decay per object, per clip and per split.

Definitions: the DAVIS 2017 evaluation toolkit, semi-supervised (``davis2017/utils.py``,
``evaluation.py`` and ``evaluation_method.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import ScoringError
from ..structures import LabelMap
from .frame import Scores, score_frame

RECALL_THRESHOLD = 0.5
DECAY_BINS = 4


@dataclass(frozen=True, slots=True)
class Statistics:
    """How one measure goes over the frames of one object, or its mean over objects."""

    mean: float
    recall: float
    decay: float


@dataclass(frozen=True, slots=True)
class SequenceScore:
    """The scores of one clip; produced by ``score_sequence``, consumed by ``report``.

    ``region`` (J) and ``boundary`` (F) are (T, K) float64: T scored frames (``frame_names``), K
    objects (``object_ids``). ``notes`` are sentences that a reader of the numbers has to know.
    """

    name: str
    frame_names: tuple[str, ...]
    object_ids: tuple[int, ...]
    region: Scores
    boundary: Scores
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shape = (len(self.frame_names), len(self.object_ids))
        if not self.region.shape == self.boundary.shape == shape or 0 in shape:
            raise ScoringError(
                f"scores of clip {self.name!r}",
                got=f"J {self.region.shape} and F {self.boundary.shape}",
                expected=f"(frames, objects) = {shape}, neither of them 0",
            )

    @property
    def region_statistics(self) -> tuple[Statistics, ...]:
        """J of each object, in the order of ``object_ids``."""
        return tuple(statistics(self.region[:, k]) for k in range(len(self.object_ids)))

    @property
    def boundary_statistics(self) -> tuple[Statistics, ...]:
        """F of each object, in the order of ``object_ids``."""
        return tuple(statistics(self.boundary[:, k]) for k in range(len(self.object_ids)))

    @property
    def jf_mean(self) -> float:
        """The mean of J and F over frames and objects of this clip."""
        return float((self.region.mean() + self.boundary.mean()) / 2)


@dataclass(frozen=True, slots=True)
class SplitScore:
    """The scores of several clips; produced by ``score_folders``, consumed by ``report``.

    Every object of every clip weighs the same, as in the toolkit. ``notes`` concern the split; the
    clips have their own.
    """

    sequences: tuple[SequenceScore, ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.sequences:
            raise ScoringError("scores of a split", got="no clip", expected="one clip or more")

    @property
    def region(self) -> Statistics:
        """J: mean, recall and decay over all objects."""
        return _mean_over_objects(s for clip in self.sequences for s in clip.region_statistics)

    @property
    def boundary(self) -> Statistics:
        """F: mean, recall and decay over all objects."""
        return _mean_over_objects(s for clip in self.sequences for s in clip.boundary_statistics)

    @property
    def jf_mean(self) -> float:
        """The J&F mean over all objects, the number DAVIS tables are ranked by."""
        return (self.region.mean + self.boundary.mean) / 2


def statistics(per_frame: Scores) -> Statistics:
    """Return mean, recall and decay of the (T,) scores of one object, T >= 1.

    Recall is the fraction of frames above 0.5; decay is the mean of the first quarter of the frames
    minus that of the last. The quarters share their border frames and round as the toolkit's
    ``db_statistics`` does (except that it wraps around in clips of more than 256 frames). Raises
    ScoringError when there is no frame.
    """
    if per_frame.ndim != 1 or per_frame.size == 0:
        raise ScoringError(
            "scores of an object", got=f"shape {per_frame.shape}", expected="one value per frame"
        )
    # The tiny offset makes halves round up, where numpy alone would round them to even.
    borders = np.round(np.linspace(1, per_frame.size, DECAY_BINS + 1) + 1e-10).astype(int) - 1
    first = per_frame[borders[0] : borders[1] + 1]
    last = per_frame[borders[-2] : borders[-1] + 1]
    return Statistics(
        mean=float(per_frame.mean()),
        recall=float((per_frame > RECALL_THRESHOLD).mean()),
        decay=float(first.mean() - last.mean()),
    )


def score_sequence(
    pairs: Iterable[tuple[LabelMap, LabelMap]],
    object_ids: Sequence[int],
    *,
    name: str = "",
    frame_names: Sequence[str] | None = None,
    void_label: int | None = None,
    radius_px: int | None = None,
) -> SequenceScore:
    """Score the frames of one clip, given as (prediction, truth) pairs of label maps.

    Every pair is scored: leave out the first and the last frame of the clip for DAVIS numbers. Maps
    are (H, W) uint8; only one pair is held at a time. Every id in ``object_ids`` is scored, seen or
    not; other ids are ignored. ``frame_names`` defaults to the position in ``pairs``. Truth pixels
    of ``void_label`` count for no object; by default there is no such label, and 255 in the truth
    is background, as in the semi-supervised toolkit. ``radius_px`` as in ``score_frame``. Raises
    ScoringError when there is no pair or no object, or maps differ in size.
    """
    rows = [
        score_frame(
            prediction,
            truth,
            object_ids,
            void=None if void_label is None else truth == void_label,
            radius_px=radius_px,
        )
        for prediction, truth in pairs
    ]
    names = range(len(rows)) if frame_names is None else frame_names
    shape = (len(rows), len(object_ids))
    return SequenceScore(
        name=name,
        frame_names=tuple(str(frame_name) for frame_name in names),
        object_ids=tuple(object_ids),
        region=np.array([row[0] for row in rows], np.float64).reshape(shape),
        boundary=np.array([row[1] for row in rows], np.float64).reshape(shape),
    )


def _mean_over_objects(parts: Iterable[Statistics]) -> Statistics:
    """Return the mean of each statistic; every object weighs the same."""
    table = np.array([(part.mean, part.recall, part.decay) for part in parts])  # (objects, 3)
    mean, recall, decay = table.mean(axis=0)
    return Statistics(float(mean), float(recall), float(decay))
