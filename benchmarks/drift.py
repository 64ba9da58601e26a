"""Do masks drift in long clips, and is an object found that was gone for long?

python -m benchmarks.drift [--clips FOLDER] [--only NAME ...] [--seconds 30]

Short clips with exact labels run forwards and backwards for ``--seconds``: reported are J at each
return to the first picture, whose mask was given, mean J and F by sixth of the long clip, and the
peak of memory by half minute. In ``return-*`` clips an object is gone for 200 frames and comes back
elsewhere, smaller, equal or larger: reported are the frames until it is found (J above 0.5), J from
there on, and the frames with a false mask while it was gone. `drift_clips` makes them all, of
scikit-image's photographs; ``--clips`` adds development clips to those that swing.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.clips import CachedEngine, Clip, find_clips
from benchmarks.drift_clips import BEFORE, GONE, OBJECT, RATE, Swing, return_clips
from benchmarks.hard_kinds_clips import hard_clips
from benchmarks.measure import track_beside
from benchmarks.rendered import RenderedClip
from benchmarks.results import facts, write_results
from persam_vos.config import METHODS, MethodSettings
from persam_vos.runtime.device import Compute, forget_peak_memory, peak_memory_bytes
from persam_vos.runtime.timer import StageTimer
from persam_vos.scoring.frame import score_frame
from persam_vos.scoring.region import region_similarity

FOUND_IOU = 0.5
PARTS = 6
RENDERED = ("turn-tin", "twin-coffee", "emerge-truck")
DEVELOPMENT = ("bear", "scooter-gray", "swing", "kite-walk")
_HALF_MINUTE = 30 * RATE
_SHOWN_EVERY = 240  # frames, of the progress


class PeakMemory:
    """Notes the peak of memory of each half minute of a clip."""

    def __init__(self, compute: Compute) -> None:
        self._compute = compute
        self.peaks: list[int] = []
        forget_peak_memory(compute)

    def see(self, frame_count: int) -> None:
        """Note the peak where half a minute is full after so many frames."""
        if frame_count % _HALF_MINUTE == 0:
            self.peaks.append(peak_memory_bytes(self._compute))
            forget_peak_memory(self._compute)

    def facts(self) -> dict[str, Any]:
        """Return the peaks, and how far the last one is above those of the first minute."""
        found: dict[str, Any] = {"peak_memory_bytes_by_half_minute": self.peaks}
        if len(self.peaks) > 2:
            found["growth_after_first_minute_bytes"] = self.peaks[-1] - max(self.peaks[:2])
        return found


def by_part(scores: npt.NDArray[np.float64]) -> list[float]:
    """Return the mean score of each sixth of a clip; its first frame, which is given, is left out.

    ``scores`` is (T,), a number for each frame.
    """
    parts = np.array_split(scores, PARTS)
    parts[0] = parts[0][1:]
    return [round(float(part.mean()), 4) for part in parts]


def run_swing(swing: Swing, engine: CachedEngine) -> dict[str, Any]:
    """Track what the first picture shows for the whole swing."""
    timer, memory = StageTimer(), PeakMemory(engine.compute)
    scores: list[tuple[float, float]] = []
    object_ids = [int(i) for i in np.unique(swing.labels[0]) if i]
    for frame, truth in track_beside(swing.frames(), swing.true_labels(), engine, timer=timer):
        region, boundary = score_frame(frame.label_map, truth, object_ids)
        scores.append((float(np.mean(region)), float(np.mean(boundary))))
        memory.see(len(scores))
        if len(scores) % _SHOWN_EVERY == 0:
            recent = np.mean(scores[-_SHOWN_EVERY:], axis=0)
            print(f"{swing.name} {len(scores)}: J {recent[0]:.3f}, F {recent[1]:.3f}", flush=True)
    region, boundary = np.array(scores).T
    found = {
        "frames": swing.frame_count,
        "J_at_returns": [round(float(region[k]), 4) for k in swing.returns()],
        "J_by_sixth": by_part(region),
        "F_by_sixth": by_part(boundary),
        "track_ms": round(1000 * timer.seconds["track"] / swing.frame_count, 1),
    }
    return found | memory.facts()


def run_return(clip: RenderedClip, engine: CachedEngine) -> dict[str, Any]:
    """Track the object of a clip from which it is gone for long."""
    ious: list[float] = []
    drawn: list[bool] = []
    for frame, truth in track_beside(clip.frames(), clip.true_labels(), engine):
        mask = frame.label_map == OBJECT
        ious.append(region_similarity(mask, truth == OBJECT))
        drawn.append(bool(mask.any()))
    return return_summary(ious, drawn)


def return_summary(ious: Sequence[float], drawn: Sequence[bool]) -> dict[str, Any]:
    """Sum up J of each frame, and whether anything was drawn in it."""
    gone = slice(BEFORE, BEFORE + GONE)
    back = ious[gone.stop :]
    found = next((k for k, iou in enumerate(back) if iou > FOUND_IOU), None)
    return {
        "J_before": round(float(np.mean(ious[1:BEFORE])), 4),
        "false_frames": sum(drawn[gone]),
        "gone_frames": GONE,
        "found_in_frame": None if found is None else found + 1,
        "J_from_then": None if found is None else round(float(np.mean(back[found:])), 4),
    }


def chosen_clips(
    only: Sequence[str], folder: Path | None
) -> tuple[list[Clip | RenderedClip], list[RenderedClip]]:
    """Return the clips that swing and those of objects that come back, by name where names are."""
    names = (*only,) or RENDERED + DEVELOPMENT
    swinging: list[Clip | RenderedClip] = [c for c in hard_clips() if c.name in names]
    if folder:
        swinging += find_clips(folder, names)
    return swinging, [clip for clip in return_clips() if not only or clip.name in only]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, help="folder of the development sets")
    parser.add_argument("--only", nargs="*", default=(), help="names of clips")
    parser.add_argument("--seconds", type=float, default=30, help="of each swing, at 24 frames/s")
    parser.add_argument("--method", choices=METHODS, default=METHODS[0])
    parser.add_argument("--cache", type=Path, default=Path("runs/embeddings"))
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/drift.json"))
    args = parser.parse_args()
    engine = CachedEngine.load(MethodSettings(method=args.method), args.cache)
    swinging, returning = chosen_clips(args.only, args.clips)
    content = facts(engine.compute.describe()) | {"returns": {}, "swings": {}}
    for returned in returning:
        _note(content["returns"], returned.name, run_return(returned, engine))
        write_results(args.output, content)  # after each clip, for they take long
    for clip in swinging:
        found = run_swing(Swing.of(clip, args.seconds), engine)
        _note(content["swings"], clip.name, found)
        write_results(args.output, content)


def _note(clips: dict[str, Any], name: str, found: dict[str, Any]) -> None:
    """Add what was found to the results, and print it."""
    clips[name] = found
    print(f"{name}   " + ", ".join(f"{key} {value}" for key, value in found.items()), flush=True)


if __name__ == "__main__":
    main()
