"""What is each `--quality` worth, and what does it cost? J and F by clip, and time beside balanced.

python -m benchmarks.quality --clips FOLDER [--sets SET ...] [--only CLIP ...] [--frames N]

Time is measured without stored embeddings: reading, encoding and tracking of a few frames of a few
clips, the qualities in turn on each clip, so that another load hits all alike.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.clips import SETS, CachedEngine, Clip, find_clips
from benchmarks.measure import measure, track_beside
from benchmarks.results import facts, write_results
from persam_vos.config import (
    DEFAULT_QUALITY,
    IMAGE_SIZES,
    MIRRORED,
    SMALL_SIDES,
    MethodSettings,
    QualityName,
)
from persam_vos.tracking.engine import Engine

TIMED_CLIPS = ("dog-agility", "kite-walk", "elephant-rollerblade-soccerball")
_WARM_FRAMES = 2  # the encoder is compiled for its size, and the objects are learned

Rows = dict[QualityName, dict[str, Any]]


def settings_of(quality: QualityName) -> MethodSettings:
    """Return what the command line sets for a quality."""
    return MethodSettings(
        image_size=IMAGE_SIZES[quality],
        small_side=SMALL_SIDES[quality],
        mirrored=MIRRORED[quality],
    )


def score(clip: Clip, engine: CachedEngine) -> Rows:
    """Track a clip with each quality and score it."""
    rows: Rows = {}
    for quality in IMAGE_SIZES:
        row = measure(clip, replace(engine, settings=settings_of(quality))).facts()
        rows[quality] = {name: row[name] for name in ("J", "F", "identity_swaps", "track_ms")}
    return rows


def measure_time(clip: Clip, engine: Engine, *, frames: int) -> Rows:
    """Time the frames of a clip behind the first ones, from files to masks.

    ``seconds`` a frame, ``processor_seconds`` of all threads, which another load leaves as they
    are, and ``ratio``, of the latter, to those of the default quality.
    """
    part, rows = clip.first(_WARM_FRAMES + frames), Rows()
    for quality in IMAGE_SIZES:
        chosen = replace(engine, settings=settings_of(quality))
        tracked = track_beside(part.frames(), part.true_labels(), chosen)
        for _ in range(_WARM_FRAMES):
            next(tracked)
        started = time.perf_counter(), time.process_time()
        count = sum(1 for _ in tracked)
        wall, processor = time.perf_counter() - started[0], time.process_time() - started[1]
        rows[quality] = {
            "seconds": round(wall / count, 3),
            "processor_seconds": round(processor / count, 3),
        }
    usual = rows[DEFAULT_QUALITY]["processor_seconds"]
    for row in rows.values():
        row["ratio"] = round(row["processor_seconds"] / usual, 2)
    return rows


def summarise(scores: Mapping[str, Mapping[str, Rows]]) -> dict[str, Any]:
    """Average J, F and J&F by set and quality; say what changes against the default one."""
    summary: dict[str, Any] = {}
    for set_name, clips in scores.items():
        summary[set_name] = {}
        for quality in IMAGE_SIZES:
            region, boundary = (
                float(np.mean([rows[quality][name] for rows in clips.values()])) for name in "JF"
            )
            summary[set_name][quality] = {
                "J": round(region, 4),
                "F": round(boundary, 4),
                "J&F": round((region + boundary) / 2, 4),
            }
            if quality != DEFAULT_QUALITY:
                summary[set_name][quality] |= _changes(clips, quality)
    return summary


def _changes(clips: Mapping[str, Rows], quality: QualityName) -> dict[str, Any]:
    """Say the median of what clips gain on the default quality, the worst clip and the best."""
    changes = {name: _gain(rows, quality) for name, rows in clips.items()}
    worst, best = (pick(changes, key=changes.__getitem__) for pick in (min, max))
    return {
        "median_change": round(statistics.median(changes.values()), 4),
        "worst": [worst, round(changes[worst], 4)],
        "best": [best, round(changes[best], 4)],
    }


def _gain(rows: Rows, quality: QualityName) -> float:
    """Return what J&F of a clip gains on the default quality."""
    own, usual = rows[quality], rows[DEFAULT_QUALITY]
    return float(own["J"] + own["F"] - usual["J"] - usual["F"]) / 2


def _timings(clips: list[Clip], engine: Engine, frames: int) -> Iterator[tuple[str, Rows]]:
    for clip in clips:
        if clip.name in TIMED_CLIPS:
            yield clip.name, measure_time(clip, engine, frames=frames)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, required=True, help="folder of the development sets")
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--only", nargs="*", default=(), help="names of clips")
    parser.add_argument("--frames", type=int, help="score the first frames alone")
    parser.add_argument("--timed-frames", type=int, default=8)
    parser.add_argument("--cache", type=Path, default=Path("runs/embeddings"))
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/quality.json"))
    args = parser.parse_args()
    loaded = CachedEngine.load(MethodSettings(), args.cache)
    plain = Engine(
        loaded.network, loaded.compute, loaded.settings, loaded.weights, encoder=loaded.encoder
    )
    clips = find_clips(args.clips, tuple(args.only), sets=args.sets)
    times = {}
    for name, rows in _timings(clips, plain, args.timed_frames):
        times[name] = rows
        print(name, rows, flush=True)
    found: dict[str, dict[str, Rows]] = {}
    for clip in clips:
        rows = score(clip.first(args.frames), loaded)
        found.setdefault(clip.set_name, {})[clip.name] = rows
        print(clip.name, rows, flush=True)
    summary = summarise(found)
    ratios = {
        quality: round(statistics.median(rows[quality]["ratio"] for rows in times.values()), 2)
        for quality in IMAGE_SIZES
        if times
    }
    print(summary, ratios)
    content = {"frames": args.frames, "summary": summary, "time_ratios": ratios, "times": times}
    write_results(args.output, facts(loaded.compute.describe()) | content | {"clips": found})


if __name__ == "__main__":
    main()
