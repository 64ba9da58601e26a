"""How fast is the whole of `persam-vos track`, from process start to the last file?

python -m benchmarks.speed [--clips FOLDER --clip NAME] [--objects 1 8] [--frames N] [--full]

Against two other ways with the same weights on the same pictures in the same run, each a process of
its own: the upstream PerSAM-F program and SAM's own predictor (see `benchmarks.rivals`). The clip
is one of the development clips, or made of the demo clip with as many objects as asked for. Without
``--full`` the upstream program's fit runs for some epochs only, and the other ways for some frames
if ``--rival-frames`` says so; the rest is extrapolated linearly, and the result says so.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.clips import find_clips
from benchmarks.results import facts, write_results
from benchmarks.rivals import WAYS
from benchmarks.tiled import render_tiled, there_and_back
from benchmarks.timing import spread
from benchmarks.upstream import EPOCHS
from persam_vos.media.label_png import write_label_png
from persam_vos.runtime.device import resolve_compute
from persam_vos.scoring.folders import score_folders

_JPEG_QUALITY = 95
_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Case:
    """A clip in files: pictures, and a true label map for each."""

    name: str
    frames: Path
    truth: Path
    object_count: int
    frame_count: int

    @property
    def first_mask(self) -> Path:
        """The label map that all ways start from."""
        return min(self.truth.iterdir())


def tiled_case(folder: Path, object_count: int, frame_count: int) -> Case:
    """Write a clip made of the demo clip."""
    case = _empty_case(folder, f"demo, {object_count} objects", object_count, frame_count)
    clip = render_tiled(object_count, steps=min(frame_count, 48))
    for number, step in enumerate(there_and_back(len(clip), frame_count)):
        image, labels = clip[step]
        picture = Image.fromarray(np.ascontiguousarray(image))
        picture.save(case.frames / f"{number:05d}.jpg", quality=_JPEG_QUALITY)
        write_label_png(case.truth / f"{number:05d}.png", labels)
    return case


def development_case(folder: Path, clips: Path, name: str, frame_count: int | None) -> Case:
    """Point to the pictures of a development clip, and write its truth as label maps."""
    (clip,) = find_clips(clips, (name,))
    images = clip.images[:frame_count]
    object_count = len(np.unique(next(clip.true_labels()))) - 1
    case = _empty_case(folder, name, object_count, len(images))
    for path, labels in zip(images, islice(clip.true_labels(), frame_count), strict=True):
        (case.frames / path.name).symlink_to(path.resolve())
        write_label_png(case.truth / f"{path.stem}.png", labels)
    return case


def _empty_case(folder: Path, name: str, object_count: int, frame_count: int) -> Case:
    case = Case(name, folder / "frames", folder / "truth", object_count, frame_count)
    case.frames.mkdir(parents=True)
    case.truth.mkdir()
    return case


def run(module: str, *arguments: str | Path) -> tuple[float, str]:
    """Run a program; returns the seconds from its start to its end, and what it printed."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=_ROOT,
    )
    return time.perf_counter() - started, done.stdout


def run_ours(case: Case, output: Path, device: str, repeats: int) -> dict[str, Any]:
    """Time `persam-vos track` as people run it: overlay video, log and all."""
    command = ["track", str(case.frames), "--first-mask", str(case.first_mask)]
    command += ["-o", str(output), "--overwrite"]
    command += [] if device == "auto" else ["--device", device]
    times = [run("persam_vos_cli.main", *command)[0] for _ in range(repeats)]
    log = json.loads((output / "track.json").read_text())
    return {
        "seconds": spread(times),
        "repeats": repeats,
        "extrapolated": False,
        "peak_memory_bytes": log["peak_memory_bytes"],
        "jf": _jf(output / "masks", case),
    }


def run_rival(
    way: str, case: Case, output: Path, device: str, *, epochs: int, limit: int | None
) -> dict[str, Any]:
    """Time another way, and work out what all epochs and frames take."""
    limit = min(limit or case.frame_count, case.frame_count)
    wall, printed = run(
        "benchmarks.rivals",
        *(way, case.frames, case.first_mask, output, "--device", device),
        *("--epochs", str(epochs), "--limit", str(limit)),
    )
    told = json.loads(printed.splitlines()[-1])
    fit, frames = told["fit_seconds"], told["frame_seconds"]
    rest = wall - sum(fit) - sum(frames) - told["untimed_seconds"]
    total = rest + (case.frame_count - 1) * statistics.mean(frames)
    row: dict[str, Any] = {"frame_seconds": spread(frames), "frames_run": limit}
    if fit:
        total += EPOCHS * case.object_count * statistics.mean(fit)
        row |= {"fit_epoch_seconds": spread(fit), "fit_epochs_run": epochs}
    return {
        "seconds": spread([total]),
        "repeats": 1,
        "extrapolated": limit < case.frame_count or (bool(fit) and epochs < EPOCHS),
        "measured_seconds": round(wall, 3),
        "start_seconds": round(rest, 3),
        **row,
        "peak_memory_bytes": told["peak_memory_bytes"],
        "jf": _jf(output, case) if limit == case.frame_count else None,
    }


def _jf(masks: Path, case: Case) -> float:
    return round(100 * score_folders(masks, case.truth).jf_mean, 2)


def compare(case: Case, folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Time all ways on a clip, ours first."""
    rows = {"ours": run_ours(case, folder / "ours", args.device, args.repeats)}
    for way in WAYS:
        epochs = EPOCHS if args.full else args.fit_epochs
        limit = None if args.full else args.rival_frames
        rows[way] = run_rival(way, case, folder / way, args.device, epochs=epochs, limit=limit)
    ours = rows["ours"]["seconds"]["median"]
    for way, row in rows.items():
        row["times_ours"] = round(row["seconds"]["median"] / ours, 2)
        how = "extrapolated" if row["extrapolated"] else "measured"
        print(
            f"{case.name:24} {case.frame_count} frames  {way:10}{row['seconds']['median']:9.1f} s "
            f"({row['times_ours']:.1f} x ours, {how})  J&F {row['jf']}  "
            f"{row['peak_memory_bytes'] / 1e6:.0f} MB",
            flush=True,
        )
    return {"objects": case.object_count, "frames": case.frame_count, "ways": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, help="folder of the development sets")
    parser.add_argument("--clip", nargs="*", default=["bear"], help="names of development clips")
    parser.add_argument("--objects", type=int, nargs="*", default=[1, 8], help="of the demo clips")
    parser.add_argument("--frames", type=int, help="of each clip; 48, or the whole clip")
    parser.add_argument("--repeats", type=int, default=3, help="of our own way")
    parser.add_argument("--fit-epochs", type=int, default=40)
    parser.add_argument("--rival-frames", type=int, help="that the other ways run; all")
    parser.add_argument("--full", action="store_true", help="extrapolate nothing; takes long")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/speed.json"))
    args = parser.parse_args()
    rows = {}
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        cases = [tiled_case(root / f"{n}", n, args.frames or 48) for n in args.objects]
        if args.clips:
            cases += [
                development_case(root / name, args.clips, name, args.frames) for name in args.clip
            ]
        for case in cases:
            rows[case.name] = compare(case, case.frames.parent, args)
    compute = resolve_compute(args.device)
    write_results(args.output, facts(compute.describe()) | {"clips": rows})


if __name__ == "__main__":
    main()
