"""How long does a frame far into a video take to come, sought and by decoding all before it?

python -m benchmarks.seek [--size 1280x720] [--frames 1500] [--repeats 3]

A rendered clip is written as H.264 in MP4 with a key frame every 250 frames, as encoders do by
default; its last frame but one is asked for, as by ``track --start``. Both ways give the very same
frame, which is checked. Reported is the median of the repeats.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from fractions import Fraction
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from benchmarks.results import facts, write_results
from benchmarks.tiled import render_tiled, there_and_back
from persam_vos.media.reader import open_source
from persam_vos.media.video_writer import VideoWriter
from persam_vos.runtime.device import resolve_compute
from persam_vos.structures import Frame, SourceInfo

_RATE, _STEPS = 24, 8
_ROOT = Path(__file__).resolve().parent.parent


def write_clip(path: Path, size_hw: tuple[int, int], frames: int) -> None:
    """Write a clip of a few objects that move."""
    height, width = size_hw
    clip = render_tiled(3, size_hw=(270, 480), steps=_STEPS)
    pictures = [np.asarray(cv2.resize(image, (width, height)), np.uint8) for image, _ in clip]
    info = SourceInfo(str(path), "images", size_hw, frames, Fraction(_RATE))
    with VideoWriter(path, info) as writer:
        for number, step in enumerate(there_and_back(_STEPS, frames)):
            writer.write(pictures[step], number / _RATE)


def sought(path: Path, index: int) -> Frame:
    """Return a frame as ``--start`` gets it."""
    with closing(open_source(path).frames(index)) as frames:
        return next(frames)


def decoded(path: Path, index: int) -> Frame:
    """Return a frame after all before it."""
    with closing(open_source(path).frames()) as frames:
        return next(islice(frames, index, None))


def median_seconds(read: Callable[[], Frame], repeats: int) -> tuple[float, Frame]:
    """Return how long reading takes, and what was read."""
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        frame = read()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds), frame


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--size", default="1280x720", metavar="WxH")
    parser.add_argument("--frames", type=int, default=1500)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--output", type=Path, default=_ROOT / "benchmarks/results/seek.json")
    args = parser.parse_args(arguments)
    width, height = map(int, args.size.split("x"))
    with tempfile.TemporaryDirectory() as scratch:
        path, index = Path(scratch) / "clip.mp4", args.frames - 2
        write_clip(path, (height, width), args.frames)
        fast, one = median_seconds(lambda: sought(path, index), args.repeats)
        slow, other = median_seconds(lambda: decoded(path, index), args.repeats)
    assert one.time_seconds == other.time_seconds
    np.testing.assert_array_equal(one.image, other.image)
    print(f"frame {index} of {args.size}: {fast:.2f} s sought, {slow:.2f} s decoded")
    row = {
        "size": args.size,
        "frame": index,
        "sought_s": round(fast, 3),
        "decoded_s": round(slow, 3),
    }
    write_results(args.output, facts(resolve_compute("cpu").describe()) | row)


if __name__ == "__main__":
    main()
