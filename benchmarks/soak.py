"""Does a long run stay as it began? Memory, handles, threads and time, as objects come and go.

python -m benchmarks.soak [--frames 20000 --track-frames 4000] [--output soak.json]

`Tracker` follows small pictures with the smallest network, whose weights are random; an object is
added and another removed every few frames. Then `track` follows a folder of pictures, on some of
which masks show new objects. Embeddings of the few pictures that differ are kept, so that time goes
to what is under test. Exits with 1 unless memory, to 1 %, handles and threads are flat; what time
does is reported alone, since other programs on the machine have a part in it.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from benchmarks.results import facts, write_results
from persam_vos import MethodSettings, Tracker, TrackRequest, track_to_folder
from persam_vos.media.label_png import write_label_png
from persam_vos.runtime.device import Compute
from persam_vos.sam.build import build_sam, random_state
from persam_vos.structures import Encoded, Frame, LabelMap, RgbImage
from persam_vos.tracking.engine import Engine

PERIOD = 8  # pictures, then they come again
ALIVE, EVERY = 1, 25
"""Objects at a time, beside one that comes; and after how many frames it takes the place."""
_SIZE_HW = (64, 96)
_TENTHS = 10
SLOWER = 1.15
"""How much longer a frame may take in the last tenth than in the third."""


@dataclass(frozen=True)
class KeepingEngine(Engine):
    """An engine that keeps the embeddings of the few pictures that there are."""

    kept: dict[int, Encoded] = field(default_factory=dict)

    def encode_batch(self, frames: Sequence[Frame]) -> list[Encoded]:
        """Embed frames, or look their embeddings up."""
        return [self._kept(frame) for frame in frames]

    def _kept(self, frame: Frame) -> Encoded:
        place = frame.index % PERIOD
        if place not in self.kept:
            (self.kept[place],) = super().encode_batch([frame])
        return replace(self.kept[place], frame=frame)


def tiny_engine() -> KeepingEngine:
    """Return the smallest network, with random weights."""
    network = build_sam("vit_t", random_state("vit_t", 0))
    compute = Compute(torch.device("cpu"), torch.float32)
    return KeepingEngine(network, compute, MethodSettings(image_size=256), {"name": "random"})


def picture(index: int) -> RgbImage:
    """Return a picture whose squares move to and fro."""
    image = np.full((*_SIZE_HW, 3), 60, np.uint8)
    image[..., 0] = np.linspace(0, 120, _SIZE_HW[1])
    for number in range(ALIVE + 1):
        image[_square(number, index)] = (250 - 50 * number, 60 * number, 90)
    return image


def mask(number: int, index: int, value: int) -> LabelMap:
    """Return the mask of one of the squares."""
    labels = np.zeros(_SIZE_HW, np.uint8)
    labels[_square(number, index)] = value
    return labels


def _square(number: int, index: int) -> tuple[slice, slice]:
    number %= ALIVE + 1
    shift = abs(index % PERIOD - PERIOD // 2)
    left, top = 6 + 28 * number + shift, 6 + 12 * number
    return slice(top, top + 24), slice(left, left + 22)


class Meter:
    """Notes memory, handles, threads and time of each tenth of a run."""

    def __init__(self, frames: int, flat: float) -> None:
        self._frames, self._flat, self._seen = frames, flat, 0
        self._since = time.process_time()
        self._rows: list[dict[str, float]] = []
        self._memory: list[int] = []

    def count(self) -> None:
        """Count a frame."""
        self._seen += 1
        self._memory.append(_resident_bytes())
        if self._seen * _TENTHS // self._frames == len(self._rows):
            return
        now = time.process_time()
        self._rows.append(
            {
                "resident_mb": round(statistics.fmean(self._memory) / 1e6, 2),
                "handles": len(list(Path("/proc/self/fd").iterdir())),
                "threads": threading.active_count(),
                "cpu_ms_a_frame": round(1000 * (now - self._since) / len(self._memory), 2),
            }
        )
        print(self._seen, self._rows[-1], flush=True)
        self._since, self._memory = now, []

    def result(self) -> dict[str, Any]:
        """Return the tenths, and whether the last is as the third."""
        gc.collect()
        early, late = self._rows[2], self._rows[-1]
        growth = late["resident_mb"] / early["resident_mb"] - 1
        slower = late["cpu_ms_a_frame"] / early["cpu_ms_a_frame"]
        same = all(late[name] <= early[name] for name in ("handles", "threads"))
        return {
            "frames": self._seen,
            "growth_of_memory": round(growth, 5),
            "time_a_frame_last_to_third_tenth": round(slower, 3),
            "no_slower": slower <= SLOWER,
            "flat": growth <= self._flat and same,
            "tenths": self._rows,
        }


def soak_tracker(engine: Engine, frames: int, flat: float) -> dict[str, Any]:
    """Step through pictures, while objects are added and removed."""
    meter, tracker, ids = Meter(frames, flat), Tracker(engine), list(range(1, ALIVE + 1))
    added = ALIVE
    tracker.start(picture(0), {one: mask(one, 0, 1) for one in ids})
    for index in range(1, frames + 1):
        tracker.step(picture(index))
        if index % EVERY == 0:
            added += 1
            ids.append(added % 255 + 1)
            tracker.add({ids[-1]: mask(ids[-1], index, 1)})
            tracker.remove(ids.pop(0))
        meter.count()
    return meter.result() | {"objects_added": added}


def soak_track(engine: Engine, frames: int, folder: Path, flat: float) -> dict[str, Any]:
    """Track a folder of pictures to files, with new objects on the way."""
    (folder / "clip").mkdir()
    for index in range(frames):
        Image.fromarray(picture(index)).save(folder / f"clip/{index:05d}.png", compress_level=1)
    shown = range(0, frames, max(1, frames // 20))  # early and late alike
    for number, index in enumerate(shown):
        labels = mask(number, index, number % 4 + 1)
        write_label_png(folder / f"{index}.png", labels)
    masks = {
        index: [f"{number % 4 + 1}={folder}/{index}.png"] for number, index in enumerate(shown)
    }
    request = TrackRequest(
        source=folder / "clip",
        masks=masks.pop(0),
        later_masks=masks,
        output=folder / "out",
    )
    meter = Meter(frames, flat)
    track_to_folder(request, engine=engine, on_frame=lambda _: meter.count())
    return meter.result()


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=20_000)
    parser.add_argument("--track-frames", type=int, default=4_000)
    parser.add_argument("--flat", type=float, default=0.01, help="how much memory may grow")
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    engine = tiny_engine()
    found = {"tracker": soak_tracker(engine, args.frames, args.flat)}
    if args.track_frames:
        with tempfile.TemporaryDirectory() as scratch:
            found["track"] = soak_track(engine, args.track_frames, Path(scratch), args.flat)
    for name, one in found.items():
        print(name, {key: value for key, value in one.items() if key != "tenths"})
    if args.output is not None:
        write_results(args.output, facts("cpu, 1 thread") | found)
    sys.exit(0 if all(one["flat"] for one in found.values()) else 1)


if __name__ == "__main__":
    main()
