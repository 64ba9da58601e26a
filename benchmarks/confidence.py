"""What is a method's own score worth? Its AUROC against J, and J for each tenth of the scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from benchmarks.measure import Measured

BAD_J, GOOD_J = 0.5, 0.8
_BINS = 10

Values = npt.NDArray[np.float64]


def confidence_facts(clips: Sequence[Measured]) -> dict[str, Any]:
    """Hold the scores of all objects and frames against their J.

    ``auroc`` is over all of them, ``auroc_shown`` over those where a mask was drawn: a rightly
    empty mask has a J of 1 and, since the object was not found, a low score.
    """
    scores = np.concatenate([clip.confidence.ravel() for clip in clips])
    region = np.concatenate([clip.score.region.ravel() for clip in clips])
    shown = np.concatenate([clip.shown.ravel() for clip in clips])
    return {
        "bad": int((region < BAD_J).sum()),
        "good": int((region > GOOD_J).sum()),
        "auroc": _rounded(auroc(scores, region)),
        "auroc_shown": _rounded(auroc(scores[shown], region[shown])),
        "calibration": calibration(scores, region),
        "calibration_error": round(calibration_error(scores, region), 3),
    }


def auroc(scores: Values, region: Values) -> float | None:
    """Return how often a frame with J > 0.8 scores above one with J < 0.5; ties count half.

    Both are (N,). None where either kind is missing.
    """
    good, bad = scores[region > GOOD_J], scores[region < BAD_J]
    if not good.size or not bad.size:
        return None
    ranks = rankdata(np.concatenate([good, bad]))[: good.size].sum()
    return float((ranks - good.size * (good.size + 1) / 2) / (good.size * bad.size))


def calibration(scores: Values, region: Values) -> list[dict[str, float]]:
    """Return range and mean of each tenth of (N,) scores, the lowest first, and its mean J."""
    order = np.argsort(scores, kind="stable")
    return [
        {
            "from": round(float(scores[part[0]]), 3),
            "to": round(float(scores[part[-1]]), 3),
            "score": round(float(scores[part].mean()), 3),
            "frames": len(part),
            "J": round(float(region[part].mean()), 3),
        }
        for part in np.array_split(order, _BINS)
        if part.size
    ]


def calibration_error(scores: Values, region: Values) -> float:
    """Return how far the mean score of a tenth of the frames is from its mean J, on average."""
    tenths = calibration(scores, region)
    apart = [abs(tenth["score"] - tenth["J"]) for tenth in tenths]
    return float(np.average(apart, weights=[tenth["frames"] for tenth in tenths]))


def confidence_lines(facts: dict[str, dict[str, Any]]) -> list[str]:
    """Write `confidence_facts` of each variant as Markdown."""
    lines = [
        f"J < {BAD_J} against J > {GOOD_J}, per object and frame:",
        "",
        "| variant | bad | good | AUROC | AUROC where a mask was drawn |",
        "|---|---|---|---|---|",
    ]
    for variant, row in facts.items():
        cells = [row[key] for key in ("bad", "good", "auroc", "auroc_shown")]
        lines.append(f"| {variant} | " + " | ".join(str(cell) for cell in cells) + " |")
    for variant, row in facts.items():
        tenths = row["calibration"]
        lines += [
            "",
            f"{variant}: score and J differ by {row['calibration_error']} on average",
            "",
            "| mean score | " + " | ".join(f"{t['score']:.2f}" for t in tenths) + " |",
            "|---" * (len(tenths) + 1) + "|",
            "| mean J | " + " | ".join(f"{t['J']:.2f}" for t in tenths) + " |",
        ]
    return [*lines, ""]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
