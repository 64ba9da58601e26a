"""Does memory grow with the length of the video, and how with the number of objects?

python -m benchmarks.memory_use [--frames 100 1000 10000] [--objects 1 8 50] [--object-frames 100]

Each case is `persam_vos.track_to_folder`, files in and files out, in a process of its own, on a
small clip that runs to its end and back. Reported are the peak of memory and the time per frame in
each tenth of the run. Encoding thousands of frames would take hours and always needs the same room,
so that the embeddings of a clip's first lap are stored and used again (``--encode-all`` does
without; then the clip's pictures are the same, only slower to come by). The stored ones add a
constant.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results import facts, write_results
from benchmarks.tiled import render_tiled, there_and_back
from persam_vos.api import load_engine, track_to_folder
from persam_vos.config import MethodSettings
from persam_vos.geometry import IMAGE_SIZE
from persam_vos.media.label_png import write_label_png
from persam_vos.media.video_writer import VideoWriter
from persam_vos.request import TrackRequest
from persam_vos.runtime.device import (
    Compute,
    forget_peak_memory,
    peak_memory_bytes,
    resolve_compute,
)
from persam_vos.structures import Encoded, Frame, SourceInfo, TrackedFrame
from persam_vos.tracking.engine import Engine

_SIZE_HW = (240, 424)
_RATE = 24
_STEPS = 5  # pictures of the clip
_LAP = 2 * _STEPS - 2  # frames until it is where it was: 8
_PARTS = 10
_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class LappingEngine(Engine):
    """An engine that encodes the first lap of the clip, and remembers it."""

    lap: dict[int, Encoded] = field(default_factory=dict)

    def encode_batch(self, frames: Sequence[Frame]) -> list[Encoded]:
        """Embed frames, or look their embeddings up."""
        return [self._cached(frame) for frame in frames]

    def _cached(self, frame: Frame) -> Encoded:
        place = frame.index % _LAP
        if place not in self.lap:
            (self.lap[place],) = super().encode_batch([frame])
        return replace(self.lap[place], frame=frame)


class Meter:
    """Notes time and peak memory of each tenth of a run."""

    def __init__(self, compute: Compute, frame_count: int) -> None:
        self._compute = compute
        self._frame_count = frame_count
        self._seen = 0
        self._since = (0, time.perf_counter())
        self.peaks: list[int] = []
        self.seconds_per_frame: list[float] = []

    def __call__(self, _: TrackedFrame) -> None:
        """Count a frame."""
        self._seen += 1
        if self._seen * _PARTS // self._frame_count == len(self.peaks):
            return
        now = time.perf_counter()
        count, start = self._since
        self.seconds_per_frame.append(round((now - start) / (self._seen - count), 5))
        self.peaks.append(peak_memory_bytes(self._compute))
        self._since = (self._seen, now)
        forget_peak_memory(self._compute)


def write_clip(folder: Path, object_count: int, frame_count: int) -> None:
    """Write the clip as a video, and its first mask."""
    clip = render_tiled(object_count, size_hw=_SIZE_HW, steps=_STEPS)
    size_hw = clip[0][1].shape
    info = SourceInfo(str(folder), "images", (size_hw[0], size_hw[1]), frame_count, Fraction(_RATE))
    with VideoWriter(folder / "clip.mp4", info) as writer:
        for number, step in enumerate(there_and_back(_STEPS, frame_count)):
            writer.write(np.ascontiguousarray(clip[step][0]), number / _RATE)
    write_label_png(folder / "first_mask.png", clip[0][1])


def run_case(folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Track the clip in a folder, and say what it took."""
    settings = MethodSettings(image_size=args.image_size)
    engine = load_engine(device=args.device, settings=settings)
    if not args.encode_all:
        parts = (engine.network, engine.compute, engine.settings, engine.weights)
        engine = LappingEngine(*parts, encoder=engine.encoder)
    meter = Meter(engine.compute, args.frames[0])
    request = TrackRequest(
        source=folder / "clip.mp4", masks=folder / "first_mask.png", output=folder / "out"
    )
    summary = track_to_folder(request, engine=engine, on_frame=meter)
    return {
        "frames": summary.frame_count,
        "objects": len(summary.object_ids),
        "peak_memory_bytes": max(meter.peaks),
        "peak_memory_bytes_by_tenth": meter.peaks,
        "seconds_per_frame_by_tenth": meter.seconds_per_frame,
    }


def start_case(
    object_count: int, frame_count: int, args: argparse.Namespace, *, image_size: int
) -> dict[str, Any]:
    """Run a case in a process of its own, and print what it took."""
    with tempfile.TemporaryDirectory() as scratch:
        write_clip(Path(scratch), object_count, frame_count)
        command = [sys.executable, "-m", "benchmarks.memory_use", "--case", scratch]
        command += ["--frames", str(frame_count), "--device", args.device]
        command += ["--image-size", str(image_size), *["--encode-all"] * args.encode_all]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=_ROOT)
    row: dict[str, Any] = json.loads(done.stdout.splitlines()[-1]) | {"image_size": image_size}
    peaks, seconds = row["peak_memory_bytes_by_tenth"], row["seconds_per_frame_by_tenth"]
    print(
        f"{frame_count:6} frames {object_count:3} objects  peak "
        f"{row['peak_memory_bytes'] / 1e6:7.0f} MB; second and last tenth "
        f"{peaks[1] / 1e6:.0f} and {peaks[-1] / 1e6:.0f} MB, "
        f"{1000 * seconds[1]:.0f} and {1000 * seconds[-1]:.0f} ms a frame",
        flush=True,
    )
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, nargs="*", default=[100, 1000, 10000])
    parser.add_argument("--objects", type=int, nargs="*", default=[1, 8, 50])
    parser.add_argument("--object-frames", type=int, default=100, help="of the cases of --objects")
    parser.add_argument(
        "--image-size", type=int, default=IMAGE_SIZE, help="of the cases of --frames; see track"
    )
    parser.add_argument("--encode-all", action="store_true", help="keep no embeddings")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/memory_use.json"))
    parser.add_argument("--case", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.case:
        print(json.dumps(run_case(args.case, args)))
        return
    content = {
        "embeddings": "every frame encoded" if args.encode_all else f"of {_LAP} frames, reused",
        "size_hw": _SIZE_HW,
        "by_length": [
            start_case(1, count, args, image_size=args.image_size) for count in args.frames
        ],
        "by_objects": [
            start_case(count, args.object_frames, args, image_size=IMAGE_SIZE)
            for count in args.objects
        ],
    }
    write_results(args.output, facts(resolve_compute(args.device).describe()) | content)


if __name__ == "__main__":
    main()
