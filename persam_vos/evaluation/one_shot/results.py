"""Scores of a one-shot run, as a file and as rows beside what others published."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ...datasets.one_shot import EvalSize
from ...scoring.episodes import FoldScore, mean_of_folds
from .published import PUBLISHED

RESULTS = "results.json"
_VERSION = 1


@dataclass(frozen=True, slots=True)
class OneShotScore:
    """What a run found; produced by `evaluate_one_shot`, consumed by reports and tables.

    ``folds`` are by number, ``class_names`` by fold and class id. ``whole`` tells whether the
    episodes were all that the folds have, so that figures can stand beside published ones.
    """

    dataset: str
    title: str
    folds: Mapping[int, FoldScore]
    class_names: Mapping[int, Mapping[int, str]]
    shots: int
    eval_size: EvalSize
    whole: bool
    redrawn: int
    settings: Mapping[str, Any]

    @property
    def means(self) -> dict[str, float]:
        """The plain means over folds, by name, in [0, 1]."""
        return mean_of_folds(self.folds)

    @property
    def method(self) -> str:
        """Whose masks were scored, in a word."""
        photos = self.settings.get("photos")
        if photos is None:
            return "masks of a folder"
        upstream = " upstream" if photos["recipe"] == "upstream" else ""
        encoder = self.settings.get("weights", {}).get("encoder")
        return f"{photos['method']}{upstream}" + (f" by {encoder}" if encoder else "")


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of the table of results, in per cent; None where nothing is known.

    ``boundary_iou`` is by sums, ``boundary_iou_per_image`` the mean over pictures.
    """

    name: str
    mean_iou: float
    fb_iou: float | None = None
    boundary_iou: float | None = None
    boundary_iou_per_image: float | None = None
    published: bool = False


def table_rows(score: OneShotScore) -> list[TableRow]:
    """Return a row for each fold where there are several, for their mean, and for what others have.

    Published results of single folds are left out.
    """
    rows = []
    if len(score.folds) > 1:
        rows = [_row(f"fold {number}", asdict(fold)) for number, fold in score.folds.items()]
    rows.append(_row(score.method, score.means))
    for one in PUBLISHED[score.dataset]:
        name = f"{one.method} ({one.source})"
        rows.append(TableRow(name, one.mean_iou, boundary_iou=one.boundary_iou, published=True))
    return rows


def _row(name: str, figures: Mapping[str, Any]) -> TableRow:
    return TableRow(
        name,
        *(
            100 * figures[one]
            for one in ("mean_iou", "fb_iou", "boundary_iou", "boundary_iou_per_image")
        ),
    )


def results_text(score: OneShotScore) -> str:
    """Return ``results.json``; it depends on masks, truth and settings alone."""
    told = {
        "version": _VERSION,
        "dataset": score.dataset,
        "shots": score.shots,
        "eval_size": score.eval_size,
        "whole": score.whole,
        "redrawn": score.redrawn,
        "settings": dict(score.settings),
        "mean": score.means,
        "folds": [_fold(score, number) for number in score.folds],
        "published": [asdict(one) for one in PUBLISHED[score.dataset]],
    }
    return json.dumps(told, indent=1, allow_nan=False) + "\n"


def _fold(score: OneShotScore, number: int) -> dict[str, Any]:
    told = asdict(score.folds[number])
    names = score.class_names[number]
    told["classes"] = [{"name": names[one["class_id"]], **one} for one in told["classes"]]
    return {"fold": number, **told}
