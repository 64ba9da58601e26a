"""The kinds of clips that fail on unseen material: how well is each tracked?

python -m benchmarks.hard_kinds [--only NAME ...] [--sheet FILE.png]

The clips are rendered from scikit-image's photographs, with exact labels; `hard_kinds_clips` says
what the kinds are. Scored as DAVIS does: J and F without the first and the last frame. Where a
twin of the object shows up that was never given, the frames are counted in which it has joined
the object's mask, and where a look-alike is given, those in which it and the object swap.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.clips import CachedEngine
from benchmarks.hard_kinds_clips import OBJECT, TWIN, hard_clips, kind_of
from benchmarks.measure import count_swaps, track_beside
from benchmarks.rendered import RenderedClip
from benchmarks.results import facts, write_results
from benchmarks.sheets import Row, outlined, write_sheet
from persam_vos.config import METHODS, MethodSettings
from persam_vos.scoring.frame import score_frame
from persam_vos.structures import LabelMap, RgbImage

TWIN_SHARE = 0.1  # of the twin's visible area; more of it in the object's mask is a mistake
_TWIN_PX = 100  # of a thinner sliver a tenth is no more than the edge of the mask
_SHEET_FRAMES = (0, 6, 12, 18, 24, 30, 34, 38)
_PICTURE_WIDTH = 300


def twin_in_mask(labels: LabelMap, truth: LabelMap) -> bool:
    """Tell whether more than ``TWIN_SHARE`` of the visible twin lies in the object's mask."""
    twin = truth == TWIN
    seen = int(twin.sum())
    return seen >= _TWIN_PX and int((labels[twin] == OBJECT).sum()) > TWIN_SHARE * seen


def longest_run(flags: Sequence[bool]) -> int:
    """Return the largest number of true flags in a row."""
    return max((sum(run) for _, run in groupby(flags)), default=0)


def run_clip(clip: RenderedClip, engine: CachedEngine) -> tuple[dict[str, Any], Row]:
    """Track what frame 0 shows; returns the clip's numbers, and pictures of some frames."""
    last = clip.frame_count - 1
    scores: list[tuple[float, float]] = []
    with_twin: list[bool] = []
    swaps = 0
    pictures: list[RgbImage] = []
    captions: list[str] = []
    object_ids: list[int] = []
    for frame, truth in track_beside(clip.frames(), clip.true_labels(), engine):
        object_ids = object_ids or [int(i) for i in np.unique(truth) if i]
        region, boundary = score_frame(frame.label_map, truth, object_ids)
        if 0 < frame.index < last:
            scores.append((float(np.mean(region)), float(np.mean(boundary))))
            with_twin.append(twin_in_mask(frame.label_map, truth))
            swaps += count_swaps(frame.label_map, truth, object_ids)
        if frame.index in _SHEET_FRAMES:
            given = np.where(np.isin(truth, object_ids), truth, 0).astype(np.uint8)
            image = frame.frame.image
            pictures.append(outlined(image, given, frame.label_map, width=_PICTURE_WIDTH))
            captions.append(f"{frame.index}: J {np.mean(region):.2f}  F {np.mean(boundary):.2f}")
    found: dict[str, Any] = _mean(scores)
    if kind_of(clip.name) in ("uncovered", "twin"):
        found |= {"twin_frames": sum(with_twin), "twin_longest": longest_run(with_twin)}
    if len(object_ids) > 1:
        found["identity_swaps"] = swaps
    words = f"{clip.name}   " + ", ".join(f"{name} {value}" for name, value in found.items())
    print(words, flush=True)
    return found, Row(words, pictures, captions)


def by_kind(clips: dict[str, dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Return the mean J, F and J&F of the clips of each kind, and of all clips."""
    kinds = dict.fromkeys(kind_of(name) for name in clips)
    chosen = {kind: [c for name, c in clips.items() if kind_of(name) == kind] for kind in kinds}
    chosen["all"] = list(clips.values())
    return {kind: _mean([(c["J"], c["F"]) for c in of_kind]) for kind, of_kind in chosen.items()}


def _mean(scores: Sequence[tuple[float, float]]) -> dict[str, float]:
    """Return the mean J, F and J&F of (J, F) pairs."""
    region, boundary = np.mean(scores, axis=0)
    means = {"J": region, "F": boundary, "J&F": (region + boundary) / 2}
    return {name: round(float(value), 4) for name, value in means.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=(), help="names of clips, or kinds")
    parser.add_argument("--method", choices=METHODS, default=METHODS[0])
    parser.add_argument("--sheet", type=Path, help="draw some frames of each clip")
    parser.add_argument("--cache", type=Path, default=Path("runs/embeddings"))
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/hard_kinds.json"))
    args = parser.parse_args()
    engine = CachedEngine.load(MethodSettings(method=args.method), args.cache)
    chosen = [c for c in hard_clips() if not args.only or {c.name, kind_of(c.name)} & {*args.only}]
    ran = {clip.name: run_clip(clip, engine) for clip in chosen}
    clips = {name: found for name, (found, _) in ran.items()}
    kinds = by_kind(clips)
    for kind, means in kinds.items():
        print(f"{kind:12}", "  ".join(f"{name} {100 * value:.1f}" for name, value in means.items()))
    write_results(args.output, facts(engine.compute.describe()) | {"kinds": kinds, "clips": clips})
    if args.sheet:
        head = "truth of what was given: blue outline, mask: pink"
        write_sheet(args.sheet, head, [row for _, row in ran.values()])


if __name__ == "__main__":
    main()
