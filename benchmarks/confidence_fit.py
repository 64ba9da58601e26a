"""Does the memory's confidence say what J to expect, and would a line in log-odds say it better?

python -m benchmarks.confidence_fit --clips FOLDER [--scores FOLDER] [--also SET ...]

The confidence ranks masks well; on the development clips it is below J where it is low. A line from
its log-odds to those of J is fitted to all objects and frames of them on which a mask was drawn.
(What is not drawn has a J of 0 or 1, which depends on whether the object is there, and not on how
well it is drawn.) Reported is how far mean score and mean J are apart over tenths of the scores
(`benchmarks.confidence`): of the confidence as it is, half way to the line, and by the line. Of a
development clip that is the line fitted to the other folds, of the clips of ``--also`` the one
fitted to all development clips.

Confidence, J and what was drawn are kept in ``--scores``, a file for each set, and tracked again
only where that is missing.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

from benchmarks.clips import SETS, CachedEngine, find_clips
from benchmarks.confidence import Values, auroc, calibration, calibration_error
from benchmarks.folds import FOLDS, SEED, folds
from benchmarks.measure import measure
from benchmarks.results import facts, write_results
from persam_vos.config import MethodSettings
from persam_vos.runtime.device import resolve_compute

SHARES = {"as_it_is": 0.0, "half": 0.5, "whole": 1.0}
"""Of the way from the confidence to the line."""
_EDGE = 1e-6  # log-odds of what is nearer to 0 or 1 would count for all others


@dataclass(frozen=True, slots=True)
class Scored:
    """Confidence (N,), J (N,) and whether a mask was drawn, (N,) bool, of objects and frames."""

    confidence: Values
    region: Values
    shown: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence[Scored]) -> Scored:
        """Put those of several clips behind each other."""
        columns = ([getattr(part, name) for part in parts] for name in cls.__slots__)
        return cls(*(np.concatenate(column) for column in columns))


@dataclass(frozen=True, slots=True)
class Line:
    """What is expected of a confidence: sigmoid(offset + slope x logit(confidence))."""

    offset: float
    slope: float

    def __call__(self, confidence: Values) -> Values:
        """Return the J to expect, in [0, 1], of confidences in [0, 1]."""
        with np.errstate(divide="ignore"):  # 0 stays 0, and 1 stays 1
            expected: Values = expit(self.offset + self.slope * logit(confidence))
        return expected

    def toward(self, share: float) -> Line:
        """Return what lies so far from the confidence as it is, 0, to this line, 1."""
        return Line(round(share * self.offset, 3), round(1 + share * (self.slope - 1), 3))


def fit(scored: Scored) -> Line:
    """Fit a line to the masks that were drawn, with the least cross-entropy between it and J.

    Raises ValueError if masks do not get better with the confidence.
    """
    x = logit(scored.confidence[scored.shown].clip(_EDGE, 1 - _EDGE))
    region = scored.region[scored.shown]

    def cross_entropy(line: Values) -> float:
        odds = line[0] + line[1] * x
        return float((np.logaddexp(0, odds) - region * odds).mean())

    offset, slope = minimize(cross_entropy, (0.0, 1.0)).x
    if not slope > 0:
        raise ValueError(f"a slope of {slope:.3f}: the confidence says nothing of these masks")
    return Line(round(float(offset), 2), round(float(slope), 2))


def held_out(
    clips: Mapping[str, Scored], parts: Sequence[Sequence[str]], *, share: float = 1.0
) -> Scored:
    """Return what is expected of each fold's clips by a line that is fitted to the other folds.

    ``share`` is how far the line is followed; `expected` of all clips, in the folds' order.
    """
    found = []
    for held in parts:
        others = [clips[name] for part in parts if part is not held for name in part]
        line = fit(Scored.joined(others)).toward(share)
        found.append(expected(Scored.joined([clips[name] for name in held]), line))
    return Scored.joined(found)


def summary(scored: Scored) -> dict[str, Any]:
    """Return calibration errors, of all frames and of those with a mask, AUROC, and the tenths."""
    score, region, shown = scored.confidence, scored.region, scored.shown
    ranked = auroc(score, region)
    return {
        "frames": len(score),
        "drawn": int(shown.sum()),
        "calibration_error": round(calibration_error(score, region), 4),
        "calibration_error_drawn": round(calibration_error(score[shown], region[shown]), 4),
        "auroc": None if ranked is None else round(ranked, 4),
        "calibration": calibration(score, region),
    }


def expected(scored: Scored, line: Line) -> Scored:
    """Return what is expected by a line in place of confidences."""
    return Scored(line(scored.confidence), scored.region, scored.shown)


def main() -> None:
    args = _arguments()
    clips = {name: one for set_name in SETS for name, one in _scored(set_name, args).items()}
    parts = folds(list(clips))
    line = fit(Scored.joined(list(clips.values())))
    lines = {name: line.toward(share) for name, share in SHARES.items()}
    content: dict[str, Any] = {
        "lines": {name: [one.offset, one.slope] for name, one in lines.items()},
        "folds": {"count": FOLDS, "seed": SEED},
        "held_out": {
            name: summary(held_out(clips, parts, share=share)) for name, share in SHARES.items()
        },
    }
    for set_name in args.also:
        other = Scored.joined(list(_scored(set_name, args).values()))
        content[set_name] = {name: summary(expected(other, one)) for name, one in lines.items()}
    for set_name in ("held_out", *args.also):
        for name, row in content[set_name].items():
            errors = row["calibration_error"], row["calibration_error_drawn"]
            print(f"{set_name:16} {name:10} apart by {errors[0]:.4f}, of masks {errors[1]:.4f}")
    write_results(args.output, facts(resolve_compute().describe()) | content)


def _scored(set_name: str, args: argparse.Namespace) -> dict[str, Scored]:
    """Read what is kept of a set's clips, or track them."""
    path: Path = args.scores / f"{set_name}.json"
    if not path.exists():
        engine = CachedEngine.load(MethodSettings(), args.cache)
        kept = {}
        for clip in find_clips(args.clips, sets=[set_name]):
            found = measure(clip, engine)
            kept[clip.name] = {
                "conf": found.confidence.tolist(),
                "shown": found.shown.tolist(),
                "region": found.score.region.tolist(),
            }
            print(f"{set_name}: {clip.name}", flush=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(kept))
    rows = json.loads(path.read_text())
    return {
        name: Scored(*(np.ravel(np.array(row[key])) for key in ("conf", "region", "shown")))
        for name, row in rows.items()
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, required=True, help="folder of the development sets")
    parser.add_argument("--also", nargs="*", default=(), help="other sets in it, not fitted to")
    parser.add_argument("--scores", type=Path, default=Path("runs/confidence"))
    parser.add_argument("--cache", type=Path, default=Path("runs/embeddings"))
    parser.add_argument(
        "--output", type=Path, default=Path("benchmarks/results/confidence_fit.json")
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
