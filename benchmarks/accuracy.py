"""How accurate is each method? J and F per clip on the development clips.

python -m benchmarks.accuracy --clips FOLDER [--cache FOLDER] [--output results/accuracy.json]

J and F are means over objects and frames, first and last frame left out, as in the DAVIS toolkit.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.clips import CachedEngine, Clip, find_clips
from benchmarks.results import command, facts, write_results
from persam_vos.api import load_engine
from persam_vos.config import MethodSettings
from persam_vos.pipeline import Engine, track_frames
from persam_vos.scoring.sequence import SequenceScore, score_sequence
from persam_vos.structures import LabelMap

Table = dict[str, dict[str, dict[str, dict[str, Any]]]]
"""Set, clip, variant: J, F and both per object."""

VARIANTS = {
    "memory": MethodSettings(method="memory"),
    "persam": MethodSettings(method="persam"),
    "persam-f": MethodSettings(method="persam-f"),
    "public persam": MethodSettings(method="persam", recipe="public"),
    "public persam-f": MethodSettings(method="persam-f", recipe="public"),
}


def score_clip(clip: Clip, engine: Engine) -> SequenceScore:
    """Track one clip from its first true mask and score the result."""
    first = next(clip.true_labels())
    object_ids = [int(i) for i in np.unique(first) if i]

    def pairs() -> Iterator[tuple[LabelMap, LabelMap]]:
        tracked = track_frames(clip.frames(), {0: first}, engine)
        for frame, truth in zip(tracked, clip.true_labels(), strict=True):
            if 0 < frame.index < len(clip.images) - 1:
                yield frame.label_map, truth

    return score_sequence(pairs(), object_ids, name=clip.name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, required=True, help="folder of the development sets")
    parser.add_argument("--only", nargs="*", default=(), help="names of clips")
    parser.add_argument("--variants", nargs="*", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--cache", type=Path, default=Path("runs/embeddings"))
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/accuracy.json"))
    args = parser.parse_args()
    base = load_engine()
    clips = find_clips(args.clips, tuple(args.only))
    table: Table = {}
    for variant in args.variants:
        settings = VARIANTS[variant]
        engine = CachedEngine(base.network, base.compute, settings, base.weights, args.cache)
        for clip in clips:
            started = time.perf_counter()
            score = score_clip(clip, engine)
            region, boundary = float(score.region.mean()), float(score.boundary.mean())
            seconds = time.perf_counter() - started
            print(
                f"{variant:16} {clip.name:32} J {region:.3f} F {boundary:.3f} "
                f"J&F {(region + boundary) / 2:.3f}  {seconds:.0f} s",
                flush=True,
            )
            row = table.setdefault(clip.set_name, {}).setdefault(clip.name, {})
            row[variant] = {
                "J": round(region, 4),
                "F": round(boundary, 4),
                "per_object": {
                    str(i): [
                        round(float(score.region[:, k].mean()), 4),
                        round(float(score.boundary[:, k].mean()), 4),
                    ]
                    for k, i in enumerate(score.object_ids)
                },
            }
    write_results(args.output, facts(base.compute.describe()) | {"clips": table})
    args.output.with_name(f"{args.output.stem}-table.md").write_text(markdown(table))


def markdown(table: Table) -> str:
    """Write J, F and J&F per clip and variant, in percent, with the mean of each set."""
    lines = ["# J / F / J&F per clip", "", f"`{command()}`", ""]
    for set_name, clips in table.items():
        variants = list(next(iter(clips.values())))
        lines += [
            f"| {set_name} | " + " | ".join(variants) + " |",
            "|---" * (len(variants) + 1) + "|",
        ]
        rows = {
            name: [(cells[variant]["J"], cells[variant]["F"]) for variant in variants]
            for name, cells in clips.items()
        }
        rows["**mean over objects**"] = [
            tuple(
                np.mean(
                    [score for c in clips.values() for score in c[variant]["per_object"].values()],
                    0,
                )
            )
            for variant in variants
        ]
        for name, scores in rows.items():
            cells = [f"{100 * j:.1f} / {100 * f:.1f} / {50 * (j + f):.1f}" for j, f in scores]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
