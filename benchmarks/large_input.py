"""How much memory do large pictures take, with a few objects?

python -m benchmarks.large_input [--sides 1920x1080 3840x2160] [--frames 300] [--objects 3]

Each size is `persam-vos track` as a user runs it, in a process of its own: a video file in, masks,
overlay and log out, every frame read, encoded, tracked, drawn and written. The clip is rendered: a
few objects that move over a ground, and back. Reported are the peak of the process's memory by the
operating system, once for the whole run and after each tenth of it, and the time per frame; with
``--roi`` the same for a quarter of the picture.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.memory_use import Meter
from benchmarks.results import facts, write_results
from benchmarks.tiled import render_tiled, there_and_back
from persam_vos.api import load_engine, track_to_folder
from persam_vos.media.label_png import write_label_png
from persam_vos.media.region import Region
from persam_vos.media.video_writer import VideoWriter
from persam_vos.request import TrackRequest
from persam_vos.runtime.device import resolve_compute
from persam_vos.structures import SourceInfo

_RATE = 24
_STEPS = 4  # pictures of the clip
_SMALL_HW = (270, 480)
_ROOT = Path(__file__).resolve().parent.parent


def write_clip(folder: Path, size_hw: tuple[int, int], objects: int, frames: int) -> None:
    """Write the clip as a video, and its first mask, scaled to their size."""
    clip = render_tiled(objects, size_hw=_SMALL_HW, steps=_STEPS)
    height, width = size_hw
    pictures = [cv2.resize(image, (width, height)) for image, _ in clip]
    labels = cv2.resize(clip[0][1], (width, height), interpolation=cv2.INTER_NEAREST)
    info = SourceInfo(str(folder), "images", size_hw, frames, Fraction(_RATE))
    with VideoWriter(folder / "clip.mp4", info) as writer:
        for number, step in enumerate(there_and_back(_STEPS, frames)):
            writer.write(np.ascontiguousarray(pictures[step]), number / _RATE)
    write_label_png(folder / "first_mask.png", np.asarray(labels, np.uint8))


def run_case(folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Track the clip in a folder, and say what it took."""
    engine = load_engine(device=args.device)
    meter = Meter(engine.compute, args.frames)
    request = TrackRequest(
        source=folder / "clip.mp4",
        masks=folder / "first_mask.png",
        output=folder / "out",
        roi=None if args.roi is None else Region.parse(args.roi),
        keep_alpha=args.keep_alpha,
    )
    summary = track_to_folder(request, engine=engine, on_frame=meter)
    return {
        "frames": summary.frame_count,
        "objects": len(summary.object_ids),
        "seconds_per_frame": round(summary.wall_seconds / summary.frame_count, 3),
        "peak_memory_bytes": max(meter.peaks),
        "peak_memory_bytes_by_tenth": meter.peaks,
    }


def start_case(size: str, args: argparse.Namespace) -> dict[str, Any]:
    """Run a size in a process of its own, and print what it took."""
    width, height = map(int, size.split("x"))
    with tempfile.TemporaryDirectory() as scratch:
        write_clip(Path(scratch), (height, width), args.objects, args.frames)
        command = [sys.executable, "-m", "benchmarks.large_input", "--case", scratch]
        command += ["--frames", str(args.frames), "--device", args.device]
        command += ["--roi", args.roi] if args.roi else []
        command += ["--keep-alpha"] * args.keep_alpha
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=_ROOT)
    row: dict[str, Any] = {"size": size, "roi": args.roi, "keep_alpha": args.keep_alpha}
    row |= json.loads(done.stdout.splitlines()[-1])
    print(
        f"{size:>10} {row['frames']:4} frames {row['objects']} objects  "
        f"peak {row['peak_memory_bytes'] / 1e9:.2f} GB  {row['seconds_per_frame']:.2f} s a frame"
    )
    return row


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all sizes and write the results, or one case in this process."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sides", nargs="+", default=["1920x1080", "3840x2160"], metavar="WxH")
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--objects", type=int, default=3)
    parser.add_argument("--roi", metavar="X,Y,W,H")
    parser.add_argument("--keep-alpha", action="store_true", help="keep soft masks too")
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--output", type=Path, default=_ROOT / "benchmarks/results/large_input.json"
    )
    parser.add_argument("--case", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    if args.case is not None:
        print(json.dumps(run_case(args.case, args)))
        return
    rows = [start_case(size, args) for size in args.sides]
    write_results(args.output, facts(resolve_compute(args.device).describe()) | {"cases": rows})


if __name__ == "__main__":
    main()
