"""Segment many generated photos: photos per second, peak memory, and the same result after a kill.

python -m benchmarks.many_photos [--count 1000] [--image-size 1024]

Photos are frames of the demo clip, shifted, 96 to 480 pixels wide. A child process segments
them all; memory is read after every tenth of them. Another is killed half way and resumed: its
files have to be those of the first, byte for byte.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.results import facts, write_results
from persam_vos.api import load_engine
from persam_vos.config import MethodSettings
from persam_vos.demo.render import render_demo
from persam_vos.media.label_png import write_label_png
from persam_vos.photos.request import ReferencePhoto, SegmentRequest
from persam_vos.photos.run import segment_to_folder

_WIDTHS = (96, 160, 320, 480)
_PARTS = 10  # of a run, after which memory is read


def make_photos(folder: Path, count: int) -> None:
    """Write a reference, its mask, and ``count`` photos."""
    (folder / "photos").mkdir(parents=True)
    frames = list(render_demo(8, (270, 480)))
    image, labels = frames[0]
    Image.fromarray(image).save(folder / "ref.png")
    write_label_png(folder / "mask.png", (labels == 3).astype(np.uint8))
    random = np.random.default_rng(0)
    for number in range(count):
        image = frames[number % len(frames)][0]
        moved = np.roll(image, random.integers(-30, 30, 2), axis=(0, 1))
        width = _WIDTHS[number % len(_WIDTHS)]
        photo = Image.fromarray(moved).resize((width, width * 9 // 16))
        photo.save(folder / "photos" / f"{number:05}.jpg", quality=90)


def segment_all(folder: Path, name: str, image_size: int, *, resume: bool) -> dict[str, Any]:
    """Segment the photos in this process; returns what was measured."""
    count = len([*(folder / "photos").iterdir()])
    memory: list[int] = []
    done = [0, 0]
    started = time.perf_counter()

    def on_start(finished: int, _: int) -> None:
        nonlocal started
        done[:] = [finished, finished]
        started = time.perf_counter()

    def on_photo() -> None:
        done[1] += 1
        if done[1] % max(1, count // _PARTS) == 0:
            memory.append(_resident_mib())

    request = SegmentRequest(
        photos=[folder / "photos"],
        references=[ReferencePhoto(image=folder / "ref.png", masks=str(folder / "mask.png"))],
        output=folder / name,
        resume=resume,
    )
    engine = load_engine(settings=MethodSettings(image_size=image_size))
    segment_to_folder(request, engine=engine, on_start=on_start, on_photo=on_photo)
    seconds = time.perf_counter() - started
    return {
        "photos_per_second": round((done[1] - done[0]) / seconds, 2),
        "resident_mib": memory,
        "finished_before": done[0],
    }


def contents(folder: Path) -> dict[str, str]:
    """Return the digest of each file."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _resident_mib() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


def _child(folder: Path, name: str, image_size: int, *extra: str) -> list[str]:
    module = "benchmarks.many_photos"
    shared = ["--folder", str(folder), "--name", name, "--image-size", str(image_size)]
    return [sys.executable, "-m", module, *shared, *extra]


def _killed(folder: Path, name: str, image_size: int, count: int) -> None:
    """Start a run and kill it when half of the photos are finished."""
    process = subprocess.Popen(_child(folder, name, image_size))
    masks = folder / name / "masks"
    while process.poll() is None:
        if masks.exists() and len([*masks.glob("*.png")]) >= count // 2:
            process.send_signal(signal.SIGKILL)
        time.sleep(0.05)
    process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--image-size", type=int, default=1024, help="of the encoder's input")
    parser.add_argument("--folder", type=Path, help="of a run in a child process")
    parser.add_argument("--name", default="whole")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/many_photos.json"))
    args = parser.parse_args()
    if args.folder is not None:
        told = segment_all(args.folder, args.name, args.image_size, resume=args.resume)
        print(json.dumps(told))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make_photos(folder, args.count)
        runs = {}
        for name, extra in (("whole", ()), ("killed", ("--resume",))):
            if name == "killed":
                _killed(folder, name, args.image_size, args.count)
            line = subprocess.run(
                _child(folder, name, args.image_size, *extra),
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            ).stdout
            runs[name] = json.loads(line.splitlines()[-1])
            print(name, runs[name], flush=True)
        same = contents(folder / "whole") == contents(folder / "killed")
    results = {"count": args.count, "image_size": args.image_size, "same_after_kill": same}
    write_results(args.output, facts("cpu") | {"results": results | {"runs": runs}})


if __name__ == "__main__":
    main()
