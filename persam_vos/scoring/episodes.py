"""mIoU, FB-IoU and bIoU of one-shot segmentation: pixels are summed up by class, not by picture.

Sums and means are those of the programs that publish figures for FSS-1000, LVIS-92i, PACO-Part,
PASCAL-Part, COCO-20i and PASCAL-5i (``matcher/common/evaluation.py`` and ``logger.py`` of
aim-uofa/Matcher), and for PerSeg those of ``eval_miou.py`` of ZrrSkywalker/Personalize-SAM, which
comes to the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .photos import inner_bands
from .region import Mask, binary_pair


@dataclass(frozen=True, slots=True)
class EpisodeCounts:
    """Pixels of one episode; ``intersection`` and ``union`` are of background and foreground.

    The ``band`` counts are of the inner contour bands of both masks; ``truth_px`` is the area of
    the true mask.
    """

    intersection: tuple[int, int]
    union: tuple[int, int]
    band_intersection: int
    band_union: int
    truth_px: int

    @property
    def iou(self) -> float:
        """Intersection over union of the foreground; 0 where both masks are empty."""
        return self.intersection[1] / max(self.union[1], 1)


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One class of a fold, its pixels summed up over its episodes; fractions in [0, 1]."""

    class_id: int
    episode_count: int
    iou: float
    boundary_iou: float
    recall: float


@dataclass(frozen=True, slots=True)
class FoldScore:
    """One fold; fractions in [0, 1].

    ``boundary_iou`` is the mean over classes of sums, as ``mean_iou``; ``boundary_iou_per_image``
    the mean over episodes. ``accuracy`` is the mean over classes of the share of true pixels that
    were found.
    """

    mean_iou: float
    fb_iou: float
    boundary_iou: float
    boundary_iou_per_image: float
    accuracy: float
    classes: tuple[ClassScore, ...]
    episode_count: int


def count_episode(
    prediction: Mask, truth: Mask, void: npt.NDArray[np.bool_] | None = None
) -> EpisodeCounts:
    """Count the pixels of an episode.

    Masks are (H, W), every value but 0 inside; pixels where ``void`` is true count in nothing.
    Raises ScoringError when the shapes differ.
    """
    first, second = binary_pair(prediction, truth, void)
    counted = first.size - (0 if void is None else int(np.count_nonzero(void)))
    both = int(np.count_nonzero(first & second))
    either = int(np.count_nonzero(first | second))
    bands = inner_bands(first, second)
    return EpisodeCounts(
        intersection=(counted - either, both),
        union=(counted - both, either),
        band_intersection=int(np.count_nonzero(bands[0] & bands[1])),
        band_union=int(np.count_nonzero(bands[0] | bands[1])),
        truth_px=int(np.count_nonzero(second)),
    )


def score_fold(
    class_ids: Iterable[int], episodes: Iterable[tuple[int, EpisodeCounts]]
) -> FoldScore:
    """Score the episodes of a fold, given as class id and counts, over its ``class_ids``.

    A class without episodes counts 0, as in the published programs. There is a class, and an
    episode.
    """
    by_class: dict[int, list[EpisodeCounts]] = {class_id: [] for class_id in class_ids}
    for class_id, counts in episodes:
        by_class[class_id].append(counts)
    everything = [one for own in by_class.values() for one in own]
    classes = tuple(_class_score(class_id, own) for class_id, own in by_class.items())
    sides = [
        sum(one.intersection[b] for one in everything)
        / max(sum(one.union[b] for one in everything), 1)
        for b in (0, 1)
    ]
    bands = [one.band_intersection / max(one.band_union, 1) for one in everything]
    return FoldScore(
        mean_iou=_mean(one.iou for one in classes),
        fb_iou=_mean(sides),
        boundary_iou=_mean(one.boundary_iou for one in classes),
        boundary_iou_per_image=_mean(bands),
        accuracy=_mean(one.recall for one in classes),
        classes=classes,
        episode_count=len(everything),
    )


def mean_of_folds(folds: Mapping[int, FoldScore]) -> dict[str, float]:
    """Return the plain means of the folds' figures, by name: what a benchmark publishes."""
    names = ("mean_iou", "fb_iou", "boundary_iou", "boundary_iou_per_image", "accuracy")
    return {name: _mean(getattr(fold, name) for fold in folds.values()) for name in names}


def _class_score(class_id: int, own: list[EpisodeCounts]) -> ClassScore:
    found = sum(one.intersection[1] for one in own)
    return ClassScore(
        class_id,
        len(own),
        iou=found / max(sum(one.union[1] for one in own), 1),
        boundary_iou=sum(one.band_intersection for one in own)
        / max(sum(one.band_union for one in own), 1),
        recall=found / max(sum(one.truth_px for one in own), 1),
    )


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))
