"""How much faster is our J and F than a full-frame disk dilation per object?

Run as ``python -m benchmarks.scoring``. It generates 30 clips of DAVIS size with 61 objects in
memory and scores them both ways in the same worker processes, then compares every number. The plain
way is the definition written down: per object and frame, masks and contours of the whole picture,
and a dilation by a disk of 8 px (OpenCV's, the fastest ready-made one). Neither time has file
reading in it.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.results import facts, write_results
from persam_vos.scoring import score_sequence

RESULT = Path(__file__).parent / "results" / "scoring.json"
HEIGHT, WIDTH = 480, 854
CLIP_COUNT, OBJECT_COUNT = 30, 61
TOLERANCE = 1e-9

Labels = npt.NDArray[np.uint8]
Bits = npt.NDArray[np.bool_]
Pairs = list[tuple[Labels, Labels]]
Scores = npt.NDArray[np.float64]
Job = tuple[int, int, int]  # seed, objects, frames


def make_clip(seed: int, object_count: int, frame_count: int) -> Pairs:
    """Draw wobbling blobs that drift, and predictions that are a few pixels off."""
    rng = np.random.default_rng(seed)
    blobs = [
        (rng.uniform((150, 100), (700, 380)), rng.uniform(40, 130), rng.uniform(-1.5, 1.5, 2),
         rng.normal(0, 0.12, (2, 6)))
        for _ in range(object_count)
    ]  # fmt: skip
    pairs = []
    for frame in range(frame_count):
        maps = np.zeros((2, HEIGHT, WIDTH), np.uint8)  # prediction, truth
        for object_id, (center, radius, speed, wobble) in enumerate(blobs, 1):
            for labels, error in zip(maps, (rng.normal(0, 3, 2), np.zeros(2)), strict=True):
                jitter = rng.normal(0, 0.004, (2, 6)) if error.any() else 0
                points = _contour(center + frame * speed + error, radius, wobble + jitter, frame)
                cv2.fillPoly(labels, [points], object_id)
        pairs.append((maps[0], maps[1]))
    return pairs


def _contour(
    center: npt.NDArray[np.float64], radius: float, wobble: npt.NDArray[np.float64], frame: int
) -> npt.NDArray[np.int32]:
    angles = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    waves = np.arange(1, 7)[:, None] * (angles + 0.02 * frame)  # (6, 120)
    radii = radius * (1 + wobble[0] @ np.cos(waves) + wobble[1] @ np.sin(waves))
    points = center[:, None] + radii * np.stack((np.cos(angles), np.sin(angles)))  # (2, 120)
    return np.asarray(points.T.round(), np.int32)


def plain_score(pairs: Pairs, object_count: int) -> tuple[Scores, Scores]:
    """Score as the definition reads: whole pictures, one object at a time."""
    region = np.zeros((len(pairs), object_count))
    boundary = region.copy()
    for t, (prediction, truth) in enumerate(pairs):
        for k in range(object_count):
            first, second = prediction == k + 1, truth == k + 1
            union = np.sum(first | second)
            region[t, k] = np.sum(first & second) / union if union else 1.0
            boundary[t, k] = _plain_boundary(first, second)
    return region, boundary


def _plain_boundary(first: Bits, second: Bits) -> float:
    radius = math.ceil(0.008 * math.hypot(*first.shape))
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disk = (x * x + y * y <= radius * radius).astype(np.uint8)
    contours = _plain_contour(first), _plain_contour(second)
    grown = [cv2.dilate(contour.astype(np.uint8), disk) for contour in contours]
    lengths = [np.sum(contour) for contour in contours]
    if not all(lengths):
        return float(not any(lengths))
    precision = np.sum(contours[0] * grown[1]) / lengths[0]
    recall = np.sum(contours[1] * grown[0]) / lengths[1]
    total = precision + recall
    return float(2 * precision * recall / total) if total else 0.0


def _plain_contour(mask: Bits) -> Bits:
    padded = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    here, right, below, across = padded[:-1, :-1], padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]
    return (here ^ right) | (here ^ below) | (here ^ across)


def our_score(pairs: Pairs, object_count: int) -> tuple[Scores, Scores]:
    """Score with the library."""
    score = score_sequence(pairs, range(1, object_count + 1))
    return score.region, score.boundary


def _score_clip(job: Job) -> dict[str, tuple[Scores, Scores, float]]:
    """Score one clip both ways in a worker; drawing the clip is in neither time."""
    pairs = make_clip(*job)
    scores = {}
    for name, way in WAYS.items():
        start = time.perf_counter()
        region, boundary = way(pairs, job[1])
        scores[name] = (region, boundary, time.perf_counter() - start)
    return scores


WAYS: dict[str, Callable[[Pairs, int], tuple[Scores, Scores]]] = {
    "plain": plain_score,
    "ours": our_score,
}


def _one_thread() -> None:
    cv2.setNumThreads(1)


def measure(frame_count: int, workers: int, repeats: int) -> dict[str, Any]:
    """Score all clips ``repeats`` times; return seconds of both ways and the largest difference."""
    objects = [
        OBJECT_COUNT // CLIP_COUNT + (k < OBJECT_COUNT % CLIP_COUNT) for k in range(CLIP_COUNT)
    ]
    jobs = [(seed, count, frame_count) for seed, count in enumerate(objects)]
    seconds: dict[str, list[float]] = {name: [] for name in WAYS}
    worst = 0.0
    with ProcessPoolExecutor(workers, get_context("spawn"), _one_thread) as pool:
        list(pool.map(_score_clip, [(0, 1, 2)] * workers))  # warm-up: imports, first calls
        for _ in range(repeats):
            clips = list(pool.map(_score_clip, jobs))
            for name, spent in seconds.items():
                spent.append(sum(clip[name][2] for clip in clips) / workers)
            worst = max(worst, *(_difference(clip) for clip in clips))
    medians = {name: statistics.median(spent) for name, spent in seconds.items()}
    return {
        "clips": CLIP_COUNT,
        "objects": OBJECT_COUNT,
        "frames_per_clip": frame_count,
        "size_hw": [HEIGHT, WIDTH],
        "workers": workers,
        "seconds": seconds,
        "median_seconds": medians,
        "ratio": medians["plain"] / medians["ours"],
        "largest_difference": worst,
    }


def _difference(clip: dict[str, tuple[Scores, Scores, float]]) -> float:
    """Return how far the two ways are apart at worst, over J and F of a clip."""
    plain, ours = clip["plain"], clip["ours"]
    return float(max(np.abs(plain[k] - ours[k]).max() for k in (0, 1)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=67, help="per clip; DAVIS val has 67")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--output", type=Path, default=RESULT)
    options = parser.parse_args()
    measured = measure(options.frames, options.workers, options.repeats)
    write_results(options.output, facts("cpu") | measured)
    print(f"median seconds {measured['median_seconds']}, ratio {measured['ratio']:.1f}")
    if measured["largest_difference"] > TOLERANCE:
        raise SystemExit(f"the two ways differ by {measured['largest_difference']}")


if __name__ == "__main__":
    main()
