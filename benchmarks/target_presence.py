"""Is the object in this picture? ROC of a target's confidence, and the weights of its evidence.

python -m benchmarks.target_presence --clips FOLDER [--fit]

Pictures with the object: two later frames of its own clip, and the object pasted, moved and scaled
over another clip. Pictures without: frames of other clips, and its own clip's with the object
painted out. ``--fit`` fits the weights of ``targets/verify.py`` on every other clip of davis16-dev;
what is reported is of the other half, and of davis16-new.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from benchmarks.clips import CachedEngine, Clip, find_clips
from benchmarks.pasting import pasted
from benchmarks.results import facts, write_results
from persam_vos.config import MethodSettings
from persam_vos.scoring.region import region_similarity
from persam_vos.structures import Frame, LabelMap, RgbImage
from persam_vos.targets.find import PRESENT as FOUND
from persam_vos.targets.target import SourceFile
from persam_vos.targets.verify import EVIDENCE, WEIGHTS
from persam_vos.tracking.targets import ReferencePicture, describe_target, new_finder

SETS = ("davis16-dev", "davis16-new")
Kind = Literal["own clip", "pasted", "other clip", "painted out"]
PRESENT: tuple[Kind, ...] = ("own clip", "pasted")
ABSENT: tuple[Kind, ...] = ("other clip", "painted out")
NOTHING = -50.0  # logit where no mask was proposed
Weights = npt.NDArray[np.float64]
_NEGATIVES = 5  # frames of other clips for each clip


@dataclass(frozen=True, slots=True)
class Looked:
    """What the masks proposed on one picture are like: (K, E) evidence, and their IoU (K,)."""

    clip: str
    kind: Kind
    evidence: npt.NDArray[np.float64]
    iou: npt.NDArray[np.float64]


def pictures(
    clip: Clip, others: Sequence[Clip], seed: int
) -> Iterator[tuple[Kind, RgbImage, LabelMap]]:
    """Make pictures with and without a clip's object; the labels (H, W) show it as 1."""
    random, count = np.random.default_rng(seed), len(clip.images)
    shown = [index for index in range(1, count) if clip.labels(index).any()]
    for index in (shown[len(shown) // 2], shown[3 * len(shown) // 4]):
        yield "own clip", clip.frame(index).image, clip.labels(index)
    for index in (shown[len(shown) // 3], shown[2 * len(shown) // 3]):
        behind = others[int(random.integers(len(others)))]
        yield "pasted", *pasted(clip, index, behind.frame(len(behind.images) // 3).image, random)
    for other in random.choice(len(others), _NEGATIVES, replace=False):
        there = others[int(other)]
        image = there.frame(int(random.integers(len(there.images)))).image
        yield "other clip", image, np.zeros(image.shape[:2], np.uint8)
    image = _painted_out(clip.frame(count // 2).image, clip.labels(count // 2), random)
    yield "painted out", image, np.zeros(image.shape[:2], np.uint8)


def look(clip: Clip, others: Sequence[Clip], engine: CachedEngine, seed: int) -> list[Looked]:
    """Learn the object from the clip's first frame, and look for it in all pictures."""
    labels = (clip.labels(0) > 0).astype(np.uint8)
    nobody = SourceFile("", 0, "")
    first = ReferencePicture(clip.frame(0), labels, (nobody, nobody), ())
    finder = new_finder(describe_target([first], engine), engine)
    found = []
    for kind, image, truth in pictures(clip, others, seed):
        encoded = engine.encode(Frame(0, clip.name, image, 0.0))
        judged = finder.judge(encoded, 1)
        iou = [region_similarity(mask, truth > 0) for mask in finder.masks(encoded, judged)]
        found.append(Looked(clip.name, kind, judged.evidence.double().cpu().numpy(), np.array(iou)))
    return found


def fit_weights(looked: Sequence[Looked]) -> Weights:
    """Fit a logistic regression, first of masks, then of pictures by their surest masks.

    Returns the weights of the evidence, the constant last. Of masks that fit the object half
    nothing is learned; both answers weigh the same.
    """
    rows, answers = [], []
    for one in looked:
        for evidence, iou in zip(one.evidence, one.iou, strict=True):
            if one.kind not in PRESENT or not 0.3 < iou < 0.7:
                rows.append(evidence)
                answers.append(one.kind in PRESENT and iou >= 0.7)
    of_masks = _logistic(np.array(rows), np.array(answers))
    surest = [_surest(one, of_masks) for one in looked]
    clear = [
        (logit, one.kind in PRESENT)
        for one, (logit, iou) in zip(looked, surest, strict=True)
        if one.kind not in PRESENT or iou >= 0.5
    ]
    scale, shift = _logistic(
        np.array([[logit] for logit, _ in clear]), np.array([there for _, there in clear])
    )
    of_pictures: Weights = scale * of_masks
    of_pictures[-1] += shift
    return of_pictures


def _surest(one: Looked, weights: Weights) -> tuple[float, float]:
    """Return the logit and the IoU of the mask of a picture that is most likely the object."""
    if not len(one.iou):
        return NOTHING, 0.0
    logits = one.evidence @ weights[:-1] + weights[-1]
    best = int(logits.argmax())
    return float(logits[best]), float(one.iou[best])


def _logistic(table: Weights, right: npt.NDArray[np.bool_]) -> Weights:
    """Fit weights and a constant to (n, E) rows and (n,) answers, which weigh the same."""
    mean, deviation = table.mean(0), table.std(0) + 1e-9
    design = np.column_stack([(table - mean) / deviation, np.ones(len(table))])
    sign, weight = np.where(right, 1, -1), np.where(right, 0.5 / right.sum(), 0.5 / (~right).sum())

    def loss(weights: Weights) -> float:
        error = weight @ np.logaddexp(0, -sign * (design @ weights))
        return float(error + 1e-3 * np.square(weights[:-1]).sum())

    fitted = minimize(loss, np.zeros(design.shape[1])).x
    scaled = fitted[:-1] / deviation
    return np.append(scaled, fitted[-1] - scaled @ mean)


def summary(looked: Sequence[Looked], weights: Weights) -> dict[str, Any]:
    """Say how well the confidence tells pictures with the object from those without.

    A picture counts by its surest mask. ``auc`` is of ``good`` pictures, those where that mask
    fits the object (IoU above 0.5), or of all with the object; ``found`` and ``false`` are shares
    of pictures where the object is taken for found; ``iou`` is that of the masks that were found.
    """
    surest = {kind: list[tuple[float, float]]() for kind in (*PRESENT, *ABSENT)}
    for one in looked:
        surest[one.kind].append(_surest(one, weights))
    there = [pair for kind in PRESENT for pair in surest[kind]]
    absent = [logit for kind in ABSENT for logit, _ in surest[kind]]
    good = [logit for logit, iou in there if iou > 0.5]
    limit = float(np.log(FOUND / (1 - FOUND)))
    return {
        "pictures": {kind: len(values) for kind, values in surest.items()},
        "auc": {
            "good": round(_auc(good, absent), 4),
            "all": round(_auc([logit for logit, _ in there], absent), 4),
            **{
                kind: round(_auc([logit for logit, _ in there], [v for v, _ in surest[kind]]), 4)
                for kind in ABSENT
            },
        },
        "found": {
            "good": round(float(np.mean(np.array(good) >= limit)), 3),
            **{kind: _share(surest[kind], limit) for kind in PRESENT},
        },
        "false": {kind: _share(surest[kind], limit) for kind in ABSENT},
        "roc": {
            f"{share:.0%} false": round(float(np.mean(good > np.quantile(absent, 1 - share))), 3)
            for share in (0.01, 0.02, 0.05, 0.1)
        },
        "iou": round(float(np.mean([iou for logit, iou in there if logit >= limit])), 3),
    }


def _share(surest: Sequence[tuple[float, float]], limit: float) -> float:
    return round(float(np.mean([logit >= limit for logit, _ in surest])), 3)


def _auc(there: Sequence[float], absent: Sequence[float]) -> float:
    """Return the share of pairs that are in the right order, ties by half."""
    order = np.sign(np.array(there)[:, None] - np.array(absent))
    return float((order + 1).mean() / 2)


def _painted_out(image: RgbImage, labels: LabelMap, random: np.random.Generator) -> RgbImage:
    """Fill the object's place by what is round it, with some noise."""
    hole = cv2.dilate((labels > 0).astype(np.uint8), np.ones((15, 15), np.uint8))
    quarter = (image.shape[1] // 4, image.shape[0] // 4)
    small = cv2.inpaint(
        cv2.resize(image, quarter, interpolation=cv2.INTER_AREA),
        cv2.resize(hole, quarter, interpolation=cv2.INTER_NEAREST),
        5,
        cv2.INPAINT_TELEA,
    )
    filled = cv2.resize(small, image.shape[1::-1]) + random.normal(0, 4, image.shape)
    alpha = cv2.GaussianBlur(hole.astype(np.float32), (0, 0), 3)[..., None]
    return np.asarray((image * (1 - alpha) + filled * alpha).clip(0, 255), np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, required=True, help="folder of the development sets")
    parser.add_argument("--only", nargs="*", default=(), help="names of clips")
    parser.add_argument("--fit", action="store_true", help="fit weights, in place of the module's")
    parser.add_argument("--cache", type=Path, default=Path("runs/embeddings"))
    parser.add_argument(
        "--output", type=Path, default=Path("benchmarks/results/target_presence.json")
    )
    args = parser.parse_args()
    clips = find_clips(args.clips, tuple(args.only), sets=SETS)
    engine = CachedEngine.load(MethodSettings(), args.cache)
    looked: dict[str, list[Looked]] = {}
    for number, clip in enumerate(clips):
        others = [other for other in clips if other.name != clip.name]
        looked[clip.name] = look(clip, others, engine, seed=number)
        print(
            clip.name, *(f"{one.iou.max(initial=0):.2f}" for one in looked[clip.name]), flush=True
        )
    dev = [clip.name for clip in clips if clip.set_name == SETS[0]]
    halves = {
        "fitted on": dev[::2],
        "other half": dev[1::2],
        "davis16-new": [clip.name for clip in clips if clip.set_name == SETS[1]],
    }
    gathered = {
        half: [one for name in names for one in looked[name]] for half, names in halves.items()
    }
    weights = fit_weights(gathered["fitted on"]) if args.fit else np.array(WEIGHTS)
    results = {half: summary(some, weights) for half, some in gathered.items() if some}
    for half, found in results.items():
        print(half, found)
    named = dict(zip((*EVIDENCE, "constant"), weights.round(3).tolist(), strict=True))
    print("weights", named)
    write_results(
        args.output,
        facts(engine.compute.describe()) | {"weights": named, "clips": halves, "results": results},
    )


if __name__ == "__main__":
    main()
