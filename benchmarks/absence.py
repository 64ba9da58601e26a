"""An object leaves for 20 frames and comes back: is it gone, is it found, is it the same one?

python -m benchmarks.absence [--clips FOLDER] [--only NAME ...] [--sheet FILE.png]

The clips are rendered from scikit-image's photographs; with ``--clips`` more are pasted from
development clips. Wanted: at least 95 % of the frames without the object are empty, it is found
again (IoU above 0.5) in one of the first 3 frames in which it shows again, and no mask ever lies
mostly on the look-alike.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.absence_clips import LOOKALIKE, OBJECT, pasted_clips, photo_clips
from benchmarks.clips import CachedEngine
from benchmarks.measure import track_beside
from benchmarks.rendered import RenderedClip
from benchmarks.results import facts, write_results
from benchmarks.sheets import Row, outlined, write_sheet
from persam_vos.config import METHODS, MethodSettings
from persam_vos.scoring.region import region_similarity
from persam_vos.structures import LabelMap, RgbImage, TrackedFrame

FOUND_IOU = 0.5
WANTED_EMPTY, WANTED_FRAMES = 0.95, 3
_SHEET_FRAMES = (6, 12, 15, 27, 34, 36, 38, 50)
_PICTURE_WIDTH = 240


@dataclass(frozen=True, slots=True)
class Moment:
    """One frame: whether the object is in the picture, and what was drawn of it."""

    there: bool
    drawn: bool
    iou: float
    lookalike_iou: float
    on_lookalike: float
    """Share of the mask that lies on the look-alike."""
    score: float


def measure_frame(frame: TrackedFrame, truth: LabelMap) -> Moment:
    """Compare one frame with its ground truth."""
    mask, other = frame.label_map == OBJECT, truth == LOOKALIKE
    return Moment(
        there=bool((truth == OBJECT).any()),
        drawn=bool(mask.any()),
        iou=region_similarity(mask, truth == OBJECT),
        lookalike_iou=region_similarity(mask, other) if other.any() else 0.0,
        on_lookalike=float((mask & other).sum() / max(1, mask.sum())),
        score=frame.objects[0].score,
    )


def summary(moments: Sequence[Moment]) -> dict[str, Any]:
    """Sum up a clip; its first frame, which is given, does not count."""
    gone = [k for k, moment in enumerate(moments) if not moment.there]
    back = moments[gone[-1] + 1 :]
    seen = [moment for moment in moments[1:] if moment.there]
    found = next((k for k, moment in enumerate(back, 1) if moment.iou > FOUND_IOU), None)
    empty = float(np.mean([not moments[k].drawn for k in gone]))
    switched = sum(moment.on_lookalike > 0.5 for moment in moments)
    return {
        "passed": empty >= WANTED_EMPTY
        and (found or len(moments)) <= WANTED_FRAMES
        and not switched,
        "gone_frames": len(gone),
        "empty_share": round(empty, 3),
        "found_in_frame": found,
        "switched_frames": switched,
        "lookalike_iou_max": round(max(moment.lookalike_iou for moment in moments), 3),
        "J_visible": round(float(np.mean([moment.iou for moment in seen])), 4),
        "score_gone_max": round(max(moments[k].score for k in gone), 3),
        "score_visible_min": round(min(moment.score for moment in seen), 3),
    }


def run_clip(clip: RenderedClip, engine: CachedEngine) -> tuple[dict[str, Any], Row]:
    """Track one clip; returns its summary, and pictures of some of its frames."""
    moments: list[Moment] = []
    pictures: list[RgbImage] = []
    captions: list[str] = []
    pairs = track_beside(clip.frames(), clip.true_labels(), engine, object_ids=[OBJECT])
    for frame, truth in pairs:
        moments.append(measure_frame(frame, truth))
        if frame.index in _SHEET_FRAMES:
            own = np.where(truth == OBJECT, truth, 0)
            image = frame.frame.image
            pictures.append(outlined(image, own, frame.label_map, width=_PICTURE_WIDTH))
            captions.append(f"{frame.index}: score {moments[-1].score:.2f}")
    found = summary(moments)
    words = (
        f"{clip.name}   {'ok' if found['passed'] else 'FAILED'}: empty {found['empty_share']:.0%}, "
        f"found in frame {found['found_in_frame']}, switched {found['switched_frames']}, "
        f"J visible {found['J_visible']:.3f}, score when gone up to {found['score_gone_max']:.2f}"
    )
    print(words, flush=True)
    return found, Row(words, pictures, captions)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, help="folder of the development sets")
    parser.add_argument("--only", nargs="*", default=(), help="names of clips")
    parser.add_argument("--method", choices=METHODS, default=METHODS[0])
    parser.add_argument("--sheet", type=Path, help="draw some frames of each clip")
    parser.add_argument("--cache", type=Path, default=Path("runs/embeddings"))
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/absence.json"))
    args = parser.parse_args()
    engine = CachedEngine.load(MethodSettings(method=args.method), args.cache)
    clips = photo_clips() + (pasted_clips(args.clips) if args.clips else [])
    chosen = [clip for clip in clips if not args.only or clip.name in args.only]
    ran = {clip.name: run_clip(clip, engine) for clip in chosen}
    write_results(
        args.output,
        facts(engine.compute.describe())
        | {"clips": {name: found for name, (found, _) in ran.items()}},
    )
    if args.sheet:
        head = "truth: blue outline, mask: pink; the object is gone from frame 14 to 33"
        write_sheet(args.sheet, head, [row for _, row in ran.values()])


if __name__ == "__main__":
    main()
