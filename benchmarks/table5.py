"""The paper's table 5: ways to fine-tune in one shot, on photos in PerSeg's layout.

    python -m benchmarks.table5 --root PERSEG [--subjects 6] [--steps 200] [--rates 1e-3 1e-4]

All share one recipe, so that only what is tuned differs: the location prior of PerSAM (a positive
and a negative point), one decode, two refinements; no guided attention, no semantic prompt. What is
tuned learns from the reference photo alone, by AdamW with cosine annealing and PerSAM-F's loss. The
modules and their placement are in `benchmarks.tuning`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.results import facts, write_results
from benchmarks.tuning import KINDS, Kind, TunedDecoder, mask_loss
from persam_vos.config import MethodSettings
from persam_vos.datasets.one_shot import open_one_shot
from persam_vos.evaluation.one_shot.pictures import ShotPicture, load_shot
from persam_vos.geometry import IMAGE_SIZE, LOGIT_CELL, PATCH
from persam_vos.request import EngineChoice
from persam_vos.scoring.episodes import EpisodeCounts, count_episode, score_fold
from persam_vos.stages import decode, prompts, targets
from persam_vos.structures import Frame, MaskCandidates
from persam_vos.tracking.engine import Engine
from persam_vos.tracking.load import load_choice

PAPER = {
    "none": (0, 89.3),
    "prompt": (12_288, 76.5),
    "adapter": (196_608, 78.3),
    "lora": (293_888, 90.0),
    "three weights": (3, 92.9),
    "two weights": (2, 95.3),
}
"""Parameters of ours (the paper says 12 K, 196 K, 293 K), and the paper's mIoU on PerSeg."""
_COLOURS = {
    "none": (120, 120, 120),
    "prompt": (40, 90, 200),
    "adapter": (30, 150, 200),
    "lora": (60, 160, 60),
    "three weights": (190, 120, 40),
    "two weights": (200, 60, 90),
}  # BGR
_WEIGHT_STEPS, _WEIGHT_RATE = 1000, 1e-3  # PerSAM-F's
_SCHEDULE = (0, 5, 10, 20, 50, 100, 200, 500, 1000)  # steps after which the photos are scored


@dataclass(frozen=True, slots=True)
class _Photo:
    """A picture as the decoder sees it: features, and where its object may be."""

    picture: ShotPicture
    features: Tensor
    input_hw: tuple[int, int]
    points_xy: Tensor
    labels: Tensor


@dataclass(frozen=True, slots=True)
class _Subject:
    class_id: int
    reference: _Photo
    solid: Tensor  # (256, 256) bool, the reference mask on the logits' grid
    photos: tuple[_Photo, ...]


Mix = Callable[[MaskCandidates], Tensor]
"""Makes the first mask's (1, 1, 256, 256) logits of the decoder's four."""


def single(candidates: MaskCandidates) -> Tensor:
    """Take SAM's mask for prompts that are not ambiguous."""
    return candidates.low_res_logits[:, :1]


def mixed(weights: Tensor) -> Mix:
    """Mix the three scales."""

    def mix(candidates: MaskCandidates) -> Tensor:
        scales = candidates.low_res_logits[:, 1:]
        return (weights.view(1, 3, 1, 1) * scales).sum(1, keepdim=True)

    return mix


def load_subjects(engine: Engine, root: Path, count: int) -> list[_Subject]:
    """Encode the photos of the first subjects."""
    run = open_one_shot("perseg", root)
    fold = run.folds[0]
    subjects = []
    for class_id in list(fold.classes)[:count]:
        episodes = [one for one in run.episodes if one.class_id == class_id]
        shown = load_shot(fold.shot(class_id, episodes[0].supports[0]), None)
        encoded = engine.encode(Frame(0, "", shown.image, 0.0))
        masks = torch.from_numpy(shown.mask)[None]
        appearance = targets.describe_appearance(encoded.features, masks, input_hw=encoded.input_hw)
        side = IMAGE_SIZE // LOGIT_CELL
        coverage = targets.grid_coverage(
            masks, input_hw=encoded.input_hw, grid_hw=(side, side), cell=LOGIT_CELL
        )
        asked = [load_shot(fold.shot(class_id, one.query), None) for one in episodes]
        photos = [_photo(engine, one, appearance.vectors) for one in (shown, *asked)]
        subjects.append(_Subject(class_id, photos[0], coverage[0] >= 0.5, tuple(photos[1:])))
    return subjects


def _photo(engine: Engine, picture: ShotPicture, vectors: Tensor) -> _Photo:
    encoded = engine.encode(Frame(0, "", picture.image, 0.0))
    found = targets.similarity(encoded.features, vectors)
    prior = prompts.location_prior(found, stride=PATCH, input_hw=encoded.input_hw)
    xy = torch.stack([one[0] for one in prior]).float()
    labels = torch.tensor([prompts.POSITIVE, prompts.NEGATIVE])
    return _Photo(picture, encoded.features.clone(), encoded.input_hw, xy, labels)


@torch.no_grad()
def segment(decoder: TunedDecoder, photo: _Photo, mix: Mix) -> np.ndarray:
    """Decode, and refine twice: with the mask as a prompt, and with its box too."""
    logits = mix(decoder(photo.features, photo.points_xy, photo.labels))
    logits = _best(decoder(photo.features, photo.points_xy, photo.labels, None, logits))
    boxes, valid = decode.logit_boxes(logits[:, 0])
    if bool(valid[0]):
        logits = _best(decoder(photo.features, photo.points_xy, photo.labels, boxes[0], logits))
    large = F.interpolate(logits, (IMAGE_SIZE, IMAGE_SIZE), mode="bilinear")
    height, width = photo.input_hw
    size = photo.picture.mask.shape
    whole = F.interpolate(large[:, :, :height, :width], size, mode="bilinear")
    return np.asarray(whole[0, 0] > 0)


def _best(candidates: MaskCandidates) -> Tensor:
    best = candidates.predicted_iou[0, 1:].argmax() + 1
    return candidates.low_res_logits[:, best][:, None]


def _counts(decoder: TunedDecoder, subject: _Subject, mix: Mix) -> list[EpisodeCounts]:
    return [
        count_episode(segment(decoder, photo, mix), photo.picture.mask) for photo in subject.photos
    ]


def _iou(counts: Sequence[EpisodeCounts]) -> float:
    return score_fold([0], ((0, one) for one in counts)).mean_iou


def tune(
    decoder: TunedDecoder, subject: _Subject, kind: str, *, steps: int, rate: float
) -> dict[str, Any]:
    """Learn from the reference; return losses, scores at some steps, counts and seconds."""
    parameters, mix = _what_is_tuned(decoder, kind)
    reference = subject.reference
    rows, columns = (-(-side // LOGIT_CELL) for side in reference.input_hw)
    solid = subject.solid[:rows, :columns]
    optimizer = torch.optim.AdamW(parameters, lr=rate, eps=1e-4) if parameters else None
    with torch.no_grad():  # of ways that change what comes behind the decoder
        frozen = decoder(reference.features, reference.points_xy, reference.labels)
    losses: list[float] = []
    scored: dict[int, float] = {}
    seconds = 0.0
    for step in range((steps if optimizer else 0) + 1):
        if step in _SCHEDULE or step == steps:
            scored[step] = _iou(_counts(decoder, subject, mix))
        started = time.perf_counter()
        candidates = (
            decoder(reference.features, reference.points_xy, reference.labels)
            if decoder.trainable
            else frozen
        )
        loss = mask_loss(mix(candidates)[0, 0, :rows, :columns], solid)
        losses.append(loss.item())
        if optimizer is not None and step < steps:
            optimizer.param_groups[0]["lr"] = rate * (1 + np.cos(np.pi * step / steps)) / 2
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch's own
            optimizer.step()
        seconds += time.perf_counter() - started
    counts = _counts(decoder, subject, mix)
    return {"losses": losses, "scored": scored, "counts": counts, "seconds": seconds}


def _what_is_tuned(decoder: TunedDecoder, kind: str) -> tuple[list[Tensor], Mix]:
    if kind == "three weights":
        free = torch.full((3,), 1 / 3, requires_grad=True)
        return [free], lambda candidates: mixed(free)(candidates)
    if kind == "two weights":
        two = torch.full((2,), 1 / 3, requires_grad=True)
        return [two], lambda candidates: mixed(torch.cat([1 - two.sum(0, True), two]))(candidates)
    return list(decoder.trainable), single


def run(engine: Engine, subjects: list[_Subject], steps: int, rates: Sequence[float]) -> list[Any]:
    """Tune every way at every rate; return a row for each.

    Weights of masks always get PerSAM-F's own schedule; their steps cost nothing.
    """
    rows = []
    for kind in PAPER:
        weights = kind.endswith("weights")
        for rate in rates if kind in KINDS and kind != "none" else [_WEIGHT_RATE]:
            results, count = [], 0
            for subject in subjects:
                added: Kind = kind if kind in KINDS else "none"
                decoder = TunedDecoder(engine.network, added)
                count = sum(one.numel() for one in _what_is_tuned(decoder, kind)[0])
                count_of_steps = _WEIGHT_STEPS if weights else steps
                results.append(tune(decoder, subject, kind, steps=count_of_steps, rate=rate))
            rows.append(_row(kind, rate, count, subjects, results))
            print(
                f"{kind:14s} {rate:7.0e} {count:8,d} parameters  mIoU {rows[-1]['mean_iou']:5.1f}  "
                f"best step {max(rows[-1]['curve'].values()):5.1f}  paper {PAPER[kind][1]:5.1f}  "
                f"{rows[-1]['seconds']:6.1f} s a subject",
                flush=True,
            )
    return rows


def _row(
    kind: str, rate: float, count: int, subjects: list[_Subject], results: list[dict[str, Any]]
) -> dict[str, Any]:
    pairs = [
        (subject.class_id, counts)
        for subject, one in zip(subjects, results, strict=True)
        for counts in one["counts"]
    ]
    score = score_fold([one.class_id for one in subjects], pairs)
    return {
        "kind": kind,
        "rate": rate,
        "parameters": count,
        "mean_iou": round(100 * score.mean_iou, 2),
        "boundary_iou": round(100 * score.boundary_iou, 2),
        "paper": PAPER[kind][1],
        "seconds": round(float(np.median([one["seconds"] for one in results])), 2),
        "curve": {
            str(step): round(100 * float(np.mean([one["scored"][step] for one in results])), 2)
            for step in results[0]["scored"]
        },
        "loss": [
            round(float(value), 5) for value in np.mean([one["losses"] for one in results], axis=0)
        ],
        "objects": [round(100 * one.iou, 1) for one in score.classes],
    }


def draw_curves(path: Path, rows: Sequence[dict[str, Any]], steps: int) -> None:
    """Draw the loss on the reference, and the mIoU on the photos, over the steps of each way."""
    size, margin = (420, 620), 60
    panels = [np.full((*size, 3), 255, np.uint8) for _ in range(2)]
    tuned = [row for row in rows if row["kind"] != "none"]
    steps = max(steps, *(len(row["loss"]) - 1 for row in rows))
    highest = max(max(row["loss"]) for row in tuned)
    scores = [value for row in rows for value in row["curve"].values()]
    low, high = min(scores) - 1, max(scores) + 1
    panels[0] = _panel(panels[0], "loss on the reference", steps, (0, highest), margin)
    panels[1] = _panel(panels[1], "mIoU on the photos", steps, (low, high), margin)
    for row in tuned:
        lines = [
            (panels[0], list(enumerate(row["loss"])), (0.0, highest)),
            (panels[1], [(int(k), v) for k, v in row["curve"].items()], (low, high)),
        ]
        for panel, points, bounds in lines:
            drawn = [_place(size, margin, steps, bounds, x, y) for x, y in points]
            cv2.polylines(
                panel, [np.array(drawn, np.int32)], False, _COLOURS[row["kind"]], 2, cv2.LINE_AA
            )
    flat = next((row["mean_iou"] for row in rows if row["kind"] == "none"), None)
    if flat is not None:
        ends = [_place(size, margin, steps, (low, high), x, flat) for x in (0, steps)]
        cv2.line(panels[1], ends[0], ends[1], _COLOURS["none"], 1, cv2.LINE_AA)
    for number, (kind, colour) in enumerate(_COLOURS.items()):
        at = (size[1] - 150, size[0] - margin - 14 - 18 * number)
        cv2.putText(panels[1], kind, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, 1, cv2.LINE_AA)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.hstack(panels))
    print(f"written: {path}")


def _panel(
    panel: np.ndarray, title: str, steps: int, bounds: tuple[float, float], margin: int
) -> np.ndarray:
    """Draw the axes of a panel, with their ends in numbers."""
    height, width = panel.shape[:2]
    font, ink = cv2.FONT_HERSHEY_SIMPLEX, (60, 60, 60)
    cv2.rectangle(panel, (margin, margin), (width - 20, height - margin), (200, 200, 200), 1)
    words = [
        (title, (margin, margin - 16), 0.55),
        (f"{bounds[1]:.2g}" if bounds[1] < 10 else f"{bounds[1]:.0f}", (12, margin + 6), 0.42),
        (f"{bounds[0]:.0f}", (12, height - margin), 0.42),
        ("0", (margin, height - margin + 20), 0.42),
        (f"{steps} steps", (width - 100, height - margin + 20), 0.42),
    ]
    for text, at, scale in words:
        cv2.putText(panel, text, at, font, scale, ink, 1, cv2.LINE_AA)
    return panel


def _place(
    size: tuple[int, int], margin: int, steps: int, bounds: tuple[float, float], x: float, y: float
) -> tuple[int, int]:
    """Return the pixel of a step and a value; early steps get more room than late ones."""
    across = (x / steps) ** 0.5
    up = (y - bounds[0]) / (bounds[1] - bounds[0])
    height, width = size
    return (
        round(margin + across * (width - 20 - margin)),
        round(height - margin - up * (height - 2 * margin)),
    )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="photos in PerSeg's layout")
    parser.add_argument("--subjects", type=int, default=40)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--rates", type=float, nargs="+", default=[1e-3, 1e-4])
    parser.add_argument("--weights", default="mobile-sam")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/table5.json"))
    options = parser.parse_args()
    settings = MethodSettings(method="persam-f")
    engine = load_choice(EngineChoice(weights=options.weights, device="cpu", settings=settings))
    subjects = load_subjects(engine, options.root, options.subjects)
    rows = run(engine, subjects, options.steps, options.rates)
    photos = sum(len(one.photos) for one in subjects)
    write_results(
        options.output,
        {
            **facts("cpu"),
            "weights": options.weights,
            "subjects": len(subjects),
            "photos": photos,
            "steps": options.steps,
            "rows": rows,
        },
    )
    best = {
        kind: max((row for row in rows if row["kind"] == kind), key=lambda row: row["mean_iou"])
        for kind in PAPER
    }
    draw_curves(options.output.with_name("table5-curves.png"), list(best.values()), options.steps)


if __name__ == "__main__":
    main()
