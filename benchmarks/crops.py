"""What are high-resolution crops of small objects worth in large pictures? J and F, and time.

python -m benchmarks.crops --clips FOLDER [--only CLIP ...] [--frames N]

Pictures of 1708 x 960 of four development clips side by side, of which one has the object: half as
large to the encoder as in its own clip, with as much detail to the picture. F is measured with the
tolerance of 854 x 480, 8 pixels, since the outlines are those of that size.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.clips import CachedEngine, Clip, find_clips
from benchmarks.measure import track_beside
from benchmarks.results import facts, write_results
from persam_vos.config import MethodSettings
from persam_vos.runtime.timer import StageTimer
from persam_vos.scoring.boundary import boundary_f, boundary_radius
from persam_vos.scoring.region import region_similarity
from persam_vos.structures import Frame, LabelMap
from persam_vos.tracking.engine import Engine

TILE_HW = (480, 854)
RADIUS_PX = boundary_radius(*TILE_HW)
OTHERS = (3, 7, 11)  # places in the list after a clip whose clips lie beside it
VARIANTS = {
    "with": MethodSettings(method="memory"),
    "without": MethodSettings(method="memory", small_side=0),
}


@dataclass(frozen=True, slots=True)
class Mosaic:
    """Four clips side by side; only the objects of the first are meant."""

    clips: tuple[Clip, ...]
    frame_count: int

    def frames(self) -> Iterator[Frame]:
        """Put the pictures together; clips that are over are black."""
        for index in range(self.frame_count):
            shown = [clip.frame(index).image for clip in self.clips if index < len(clip.images)]
            image = np.zeros((2 * TILE_HW[0], 2 * TILE_HW[1], 3), np.uint8)
            for number, picture in enumerate(shown):
                part = picture[: TILE_HW[0], : TILE_HW[1]]
                y, x = TILE_HW[0] * (number // 2), TILE_HW[1] * (number % 2)
                image[y : y + part.shape[0], x : x + part.shape[1]] = part
            yield Frame(index, f"{index:05d}", image, index / 24)

    def true_labels(self) -> Iterator[LabelMap]:
        """Put the first clip's labels where its pictures are."""
        for index in range(self.frame_count):
            labels = np.zeros((2 * TILE_HW[0], 2 * TILE_HW[1]), np.uint8)
            part = self.clips[0].labels(index)[: TILE_HW[0], : TILE_HW[1]]
            labels[: part.shape[0], : part.shape[1]] = part
            yield labels


def run(mosaic: Mosaic, engine: Engine) -> dict[str, Any]:
    """Track one mosaic and score it, without the first frame."""
    timer, scores = StageTimer(), []
    pairs = track_beside(mosaic.frames(), mosaic.true_labels(), engine, timer=timer)
    for frame, truth in pairs:
        if frame.index:
            region = region_similarity(frame.label_map, truth)
            scores.append((region, boundary_f(frame.label_map, truth, radius_px=RADIUS_PX)))
    region, boundary = np.mean(scores, axis=0).round(4).tolist()
    milliseconds = 1000 * timer.seconds["track"] / mosaic.frame_count
    return {"J": region, "F": boundary, "track_ms": round(milliseconds, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, required=True, help="folder of the development sets")
    parser.add_argument("--only", nargs="*", default=(), help="names of clips")
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--cache", type=Path, default=Path("runs/embeddings"))
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/crops.json"))
    args = parser.parse_args()
    singles = [clip for clip in find_clips(args.clips) if clip.set_name == "davis16-dev"]
    loaded = CachedEngine.load(VARIANTS["with"], args.cache)
    found: dict[str, dict[str, Any]] = {}
    for number, clip in enumerate(singles):
        if args.only and clip.name not in args.only:
            continue
        beside = [singles[(number + step) % len(singles)] for step in OTHERS]
        mosaic = Mosaic((clip, *beside), min(args.frames, len(clip.images)))
        found[clip.name] = {
            name: run(mosaic, replace(loaded, settings=settings))
            for name, settings in VARIANTS.items()
        }
        print(clip.name, *(f"{name} {row}" for name, row in found[clip.name].items()), flush=True)
    means = {
        name: {
            key: round(float(np.mean([rows[name][key] for rows in found.values()])), 4)
            for key in ("J", "F", "track_ms")
        }
        for name in VARIANTS
    }
    print("mean", means)
    write_results(args.output, facts(loaded.compute.describe()) | {"clips": found, "means": means})


if __name__ == "__main__":
    main()
