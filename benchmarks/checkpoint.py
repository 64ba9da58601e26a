"""What do checkpoints cost, and how large are they?

python -m benchmarks.checkpoint [--pairs 3] [--frames 40] [--every 10] [--objects 3]

Pairs of runs as `persam-vos track` does them, pictures in and files out, on a rendered clip of
480 x 854: with checkpoints as by default, and with none, in turn, the one or the other first.
Reported are the ratios of a pair, by the clock and by the time of the processor, which other
programs disturb less; how long tracking stands still for one, how long it takes to be written
beside it, and how large it is.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2

from benchmarks.results import facts, write_results
from benchmarks.tiled import render_tiled, there_and_back
from persam_vos.api import load_engine, track_to_folder
from persam_vos.media.label_png import write_label_png
from persam_vos.request import TrackRequest
from persam_vos.tracking import checkpoints
from persam_vos.tracking.engine import Engine

_SIZE_HW = (480, 854)
_STEPS = 8


def write_clip(folder: Path, objects: int, frames: int) -> None:
    """Write the pictures of the clip, and its first mask."""
    clip = render_tiled(objects, size_hw=_SIZE_HW, steps=_STEPS)
    (folder / "clip").mkdir()
    for number, step in enumerate(there_and_back(_STEPS, frames)):
        cv2.imwrite(str(folder / "clip" / f"{number:05d}.jpg"), clip[step][0][..., ::-1])
    write_label_png(folder / "mask.png", clip[0][1])


def run(folder: Path, engine: Engine, every: float) -> dict[str, Any]:
    """Track the clip, with a checkpoint every so many seconds."""
    stands: list[float] = []
    writes: list[float] = []

    def timed(call: Any, spent: list[float]) -> Any:
        def measured(*arguments: Any, **more: Any) -> Any:
            started = time.perf_counter()
            result = call(*arguments, **more)
            spent.append(time.perf_counter() - started)
            return result

        return measured

    keeper: Any = checkpoints.HalfKeeper
    plain = keeper.take, keeper._save
    keeper.take, keeper._save = timed(plain[0], stands), timed(plain[1], writes)
    shutil.rmtree(folder / "out", ignore_errors=True)
    request = TrackRequest(
        source=folder / "clip",
        masks=folder / "mask.png",
        output=folder / "out",
        checkpoint_every=every,
    )
    clock, processor = time.perf_counter(), time.process_time()
    track_to_folder(request, engine=engine)
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    keeper.take, keeper._save = plain
    sizes = [path.stat().st_size for path in (folder / "out/.resume").glob("*.safetensors")]
    return {
        "clock_seconds": clock,
        "processor_seconds": processor,
        "checkpoints": len(writes),
        "stands_still_seconds": stands,
        "writing_seconds": writes,
        "bytes": max(sizes, default=0),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--every", type=float, default=10.0)
    parser.add_argument("--objects", type=int, default=3)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--output", type=Path, default=Path("runs/bench/checkpoint.json"))
    args = parser.parse_args()
    engine = load_engine(device=args.device)
    pairs = []
    with tempfile.TemporaryDirectory(prefix="persam-vos-checkpoint-") as name:
        folder = Path(name)
        write_clip(folder, args.objects, args.frames)
        for number in range(args.pairs):
            order = (args.every, 0.0) if number % 2 else (0.0, args.every)
            measured = {every: run(folder, engine, every) for every in order}
            pairs.append({"with": measured[args.every], "without": measured[0.0]})
            print(f"pair {number + 1}: {ratio(pairs[-1], 'processor_seconds'):.4f}", flush=True)
    content = {
        **facts(str(engine.compute.device)),
        "settings": {name: getattr(args, name) for name in ("pairs", "frames", "every", "objects")},
        "size_hw": _SIZE_HW,
        "ratios_by_processor": [round(ratio(pair, "processor_seconds"), 4) for pair in pairs],
        "ratios_by_clock": [round(ratio(pair, "clock_seconds"), 4) for pair in pairs],
        "median_ratio_by_processor": round(
            statistics.median(ratio(pair, "processor_seconds") for pair in pairs), 4
        ),
        "bytes": max(pair["with"]["bytes"] for pair in pairs),
        "pairs": pairs,
    }
    write_results(args.output, content)


def ratio(pair: dict[str, Any], what: str) -> float:
    """Return how much longer the run with checkpoints took."""
    return float(pair["with"][what] / pair["without"][what])


if __name__ == "__main__":
    main()
