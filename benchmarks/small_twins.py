"""Fifty small objects, of three kinds: is each still followed, or lost to one that looks like it?

python -m benchmarks.small_twins [--objects N] [--frames N] [--size 854x480] [--sheet FILE.png]

The demo clip, small, side by side and mirrored in turn (`benchmarks.tiled`), so that the labels are
exact: tiles of 170 x 96 pixels in a picture of 854 x 480, in which objects are 20 to 45 pixels
long. J and F as DAVIS has them, without the first and the last frame; at this size the tolerance
of F is a quarter of an object. An object is lost where its J is below 0.1, though it is visible.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.clips import CachedEngine
from benchmarks.measure import count_swaps, track_beside
from benchmarks.rendered import RenderedClip
from benchmarks.results import facts, write_results
from benchmarks.sheets import Row, outlined, write_sheet
from benchmarks.tiled import render_tiled
from persam_vos.config import MethodSettings
from persam_vos.demo.render import DEMO_FRAME_COUNT, DEMO_SIZE_HW
from persam_vos.runtime.timer import StageTimer
from persam_vos.scoring.sequence import score_sequence
from persam_vos.structures import LabelMap, RgbImage

LOST_IOU = 0.1
_SHEET_FRAMES = (0, 4, 8, 16, 23)
_PICTURE_WIDTH = 854


def tiled_clip(object_count: int, frame_count: int, size_hw: tuple[int, int]) -> RenderedClip:
    """Render the first frames of the tiled demo clip."""
    pictures = render_tiled(object_count, size_hw=size_hw, steps=frame_count)
    return RenderedClip(f"{object_count} objects", len(pictures), pictures.__getitem__)


def run_clip(clip: RenderedClip, engine: CachedEngine) -> tuple[dict[str, Any], Row]:
    """Track one clip; returns its numbers, and pictures of some frames."""
    timer, last = StageTimer(), clip.frame_count - 1
    object_ids = tuple(int(i) for i in np.unique(clip.draw(0)[1]) if i)
    visible, swaps = [], []
    pictures: list[RgbImage] = []
    captions: list[str] = []

    def pairs() -> Iterator[tuple[LabelMap, LabelMap]]:
        for frame, truth in track_beside(clip.frames(), clip.true_labels(), engine, timer=timer):
            if frame.index in _SHEET_FRAMES:
                image = frame.frame.image
                pictures.append(outlined(image, truth, frame.label_map, width=_PICTURE_WIDTH))
                captions.append(f"frame {frame.index}")
            if 0 < frame.index < last:
                visible.append(np.isin(object_ids, truth))
                swaps.append(count_swaps(frame.label_map, truth, object_ids))
                yield frame.label_map, truth

    score = score_sequence(pairs(), object_ids, name=clip.name)
    lost = ((score.region < LOST_IOU) & np.array(visible)).sum(1)
    found = {
        "objects": len(object_ids),
        "frames": clip.frame_count,
        "J": round(float(score.region.mean()), 4),
        "F": round(float(score.boundary.mean()), 4),
        "J&F": round(score.jf_mean, 4),
        "identity_swaps": sum(swaps),
        "lost_at_end": int(lost[-1]),
        "track_ms": round(1000 * timer.seconds["track"] / clip.frame_count, 1),
        "J_by_frame": score.region.mean(1).round(3).tolist(),
        "lost_by_frame": lost.tolist(),
    }
    words = ", ".join(f"{name} {value}" for name, value in found.items() if "by_" not in name)
    return found, Row(words, pictures, captions)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=50)
    parser.add_argument("--frames", type=int, default=24, help=f"at most {DEMO_FRAME_COUNT}")
    parser.add_argument("--size", default="{1}x{0}".format(*DEMO_SIZE_HW), help="of the picture")
    parser.add_argument("--sheet", type=Path, help="draw some frames")
    parser.add_argument("--cache", type=Path, default=Path("runs/embeddings"))
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/small_twins.json"))
    args = parser.parse_args()
    width, height = (int(side) for side in args.size.split("x"))
    clip = tiled_clip(args.objects, args.frames, (height, width))
    engine = CachedEngine.load(MethodSettings(method="memory"), args.cache)
    found, row = run_clip(clip, engine)
    print(row.title)
    print("J by frame", *found["J_by_frame"])
    print("lost by frame", *found["lost_by_frame"])
    write_results(args.output, facts(engine.compute.describe()) | {"size": args.size} | found)
    if args.sheet:
        write_sheet(args.sheet, "truth: blue outline, mask: pink", [row])


if __name__ == "__main__":
    main()
