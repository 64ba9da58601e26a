"""How late are the masks of a live source, and how many frames are dropped?

python -m benchmarks.live --clips CLIPS

A clip is sent as JPEG files on a pipe, 25 a second like a camera's, forwards and backwards until
enough frames were tracked; once for each quality, and once as fast as frames are taken (no drop). A
latency is from a frame's last byte to its mask and overlay picture written. J is over the frames
that were tracked, but the first.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.clips import Clip, find_clips
from benchmarks.results import facts, write_results
from persam_vos import MethodSettings, TrackedFrame, TrackRequest, load_engine
from persam_vos.config import IMAGE_SIZES, SMALL_SIDES, QualityName
from persam_vos.live import LiveSettings, track_live
from persam_vos.scoring.region import region_similarity
from persam_vos.tracking.engine import Engine

_RATE = 25


def there_and_back(number: int, count: int) -> int:
    """Return which of ``count`` pictures is shown when they go forwards and backwards for ever."""
    place = number % (2 * count - 2)
    return min(place, 2 * count - 2 - place)


class _Camera:
    """Sends a clip on a pipe, to `source`, until it is told to stop."""

    def __init__(self, clip: Clip, rate: float | None) -> None:
        self._pictures = [path.read_bytes() for path in clip.images]
        self._period = 0.0 if rate is None else 1 / rate
        self._stop = threading.Event()
        self.source, self._target = os.pipe()
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def stop(self) -> None:
        """End the stream."""
        self._stop.set()

    def close(self) -> None:
        """End the thread."""
        self.stop()
        os.close(self.source)
        self._thread.join()

    def _send(self) -> None:
        due, count = time.perf_counter(), 0
        with suppress(BrokenPipeError), os.fdopen(self._target, "wb") as target:
            while not self._stop.wait(max(0.0, due - time.perf_counter())):
                target.write(self._pictures[there_and_back(count, len(self._pictures))])
                target.flush()
                due, count = due + self._period, count + 1


def follow(clip: Clip, engine: Engine, *, frames: int, rate: float | None) -> dict[str, Any]:
    """Track a clip that is sent at ``rate`` frames a second, None for as fast as it is taken."""
    camera, tracked_count, similarities = _Camera(clip, rate), 0, []

    def on_frame(tracked: TrackedFrame) -> None:
        nonlocal tracked_count
        tracked_count += 1
        if tracked.index > 0:
            truth = clip.labels(there_and_back(tracked.index, len(clip.truth))) > 0
            similarities.append(region_similarity(tracked.label_map > 0, truth))
        if tracked_count == frames:
            camera.stop()

    settings = LiveSettings(stdin=camera.source, drop=rate is not None)
    with tempfile.TemporaryDirectory() as folder:
        asked = TrackRequest(source="-", masks=clip.labels(0), output=Path(folder) / "out")
        summary = track_live(asked, settings, engine=engine, on_frame=on_frame)
    camera.close()
    return asdict(summary.counts) | {
        "sent_per_second": rate,
        "tracked_per_second": round(summary.counts.tracked / summary.wall_seconds, 2),
        "J": round(sum(similarities) / len(similarities), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--clip", default="hockey")
    parser.add_argument("--frames", type=int, default=25, help="how many frames to track")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/live.json"))
    args = parser.parse_args()
    (clip,) = find_clips(args.clips, (args.clip,))
    rows: dict[str, dict[str, Any]] = {}
    names: tuple[QualityName, ...] = ("fast", "balanced")
    for name in names:
        chosen = MethodSettings(image_size=IMAGE_SIZES[name], small_side=SMALL_SIDES[name])
        engine = load_engine(settings=chosen)
        engine.encode(clip.frame(0))  # the first one makes room, and is slower
        for how, rate in (("live", _RATE), ("no drop", None)):
            row = f"{name}, {how}"
            rows[row] = follow(clip, engine, frames=args.frames, rate=rate)
            print(row, rows[row], flush=True)
    write_results(args.output, facts(engine.compute.describe()) | {"clip": clip.name, "rows": rows})


if __name__ == "__main__":
    main()
