"""How many frames a second go from a video file to palette PNGs, once the network is loaded?

python -m benchmarks.throughput [--objects 1 10] [--frames 1800] [--weights-random vit-h]

The clip is made of the demo clip, 854 x 480, as an H.264 file. Timed is the whole of
`track_to_folder` without an overlay: opening the file, learning the objects, everything that is
made anew for a clip, and the last PNG. The first run of each case warms up and is not counted.
Accuracy is that of the first lap, there and back.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from benchmarks.results import facts, write_results
from benchmarks.stages import random_engine
from benchmarks.tiled import render_tiled, there_and_back
from benchmarks.timing import spread
from persam_vos.api import load_engine, track_to_folder
from persam_vos.media.label_png import read_label_map
from persam_vos.request import TrackRequest
from persam_vos.runtime.device import forget_peak_memory, peak_memory_bytes, resolve_compute
from persam_vos.scoring.sequence import score_sequence
from persam_vos.structures import LabelMap, RgbImage
from persam_vos.tracking.engine import Engine

_RATE = Fraction(24)
_CRF = "20"

Clip = list[tuple[RgbImage, LabelMap]]


def write_video(path: Path, clip: Clip, frame_count: int) -> None:
    """Write a clip, there and back, as an H.264 file."""
    with av.open(str(path), "w") as container:
        height, width = clip[0][0].shape[:2]
        stream = container.add_stream("libx264", rate=_RATE)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": _CRF, "preset": "veryfast"}
        for step in there_and_back(len(clip), frame_count):
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(clip[step][0]), "rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def score(masks: Path, clip: Clip, frame_count: int) -> float:
    """Return J&F of the first lap, in per cent."""
    lap = min(frame_count, 2 * len(clip) - 2)
    steps = list(there_and_back(len(clip), lap))[1:-1]
    pairs = (
        (read_label_map(masks / f"{number:05d}.png"), clip[step][1])
        for number, step in enumerate(steps, 1)
    )
    object_ids = tuple(int(i) for i in np.unique(clip[0][1]) if i)
    return round(100 * score_sequence(list(pairs), object_ids).jf_mean, 2)


def run(engine: Engine, clip: Clip, frame_count: int, repeats: int) -> dict[str, Any]:
    """Time a case."""
    with tempfile.TemporaryDirectory() as folder:
        video, output = Path(folder) / "clip.mp4", Path(folder) / "out"
        write_video(video, clip, frame_count)
        request = TrackRequest(
            source=video, masks=clip[0][1], output=output, overlay=False, overwrite=True
        )
        times = []
        for _ in range(1 + repeats):
            forget_peak_memory(engine.compute)
            start = time.perf_counter()
            track_to_folder(request, engine=engine)
            times.append(time.perf_counter() - start)
        seconds = spread(times[1:])
        return {
            "seconds": seconds,
            "repeats": repeats,
            "frames_per_second": round(frame_count / seconds["median"], 1),
            "first_run_seconds": round(times[0], 3),
            "peak_memory_bytes": peak_memory_bytes(engine.compute),
            "jf_of_first_lap": score(output / "masks", clip, frame_count),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, nargs="*", default=[1, 10])
    parser.add_argument("--frames", type=int, default=1800)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--weights-random", nargs="*", default=[], metavar="NAME")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/throughput.json"))
    args = parser.parse_args()
    compute = resolve_compute(args.device)
    started = time.perf_counter()
    engines = {"mobile-sam": load_engine(device=args.device)}
    loading = round(time.perf_counter() - started, 3)
    engines |= {f"{name}, random": random_engine(name, compute) for name in args.weights_random}
    rows: dict[str, Any] = {}
    for name, engine in engines.items():
        for count in args.objects:
            clip = render_tiled(count)
            row = rows[f"{name}, objects: {count}"] = run(engine, clip, args.frames, args.repeats)
            print(
                f"{name:16}{count:4} objects {row['frames_per_second']:8.1f} frames/s  "
                f"J&F {row['jf_of_first_lap']}  {row['peak_memory_bytes'] / 1e6:.0f} MB",
                flush=True,
            )
    content = {"frames": args.frames, "loading_seconds": loading, "runs": rows}
    write_results(args.output, facts(compute.describe()) | content)


if __name__ == "__main__":
    main()
