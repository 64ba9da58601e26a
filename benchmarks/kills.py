"""Is the result of a run that was killed again and again the one of an uninterrupted run?

python -m benchmarks.kills [--kills 200] [--seed 0] [--jobs 2] [--real-encoder]

Each case is `persam-vos track` as a user runs it: the real command line and network (but for the
encoder, which takes most of the time: ``--real-encoder`` has that too), on a clip of small
pictures, in a process group of its own, which is killed by SIGKILL at a random moment, and gone on
with by ``--resume`` until it is done. Two of three kills come at any time of a run, the others as
soon as a checkpoint, a mask or a piece of the overlay is being written. When a run is done, its
masks and exports are compared with those of the uninterrupted run byte by byte, the log without
times and what is said of the machine, and the overlay by the pixels and times of its pictures.

Processes are forked from one that has loaded the libraries, which takes longer than the runs;
segments of the overlay and the time between checkpoints are made small, so that there are many of
them. Unix alone.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from benchmarks.results import facts, write_results
from persam_vos.media.label_png import write_label_png
from persam_vos.media.video_writer import VideoWriter
from persam_vos.structures import SourceInfo

FRAMES = 9
SIZE_HW = (72, 96)
_MOST_KILLS = 5  # of a run, before it is let through
_SECONDS = 300.0  # after which a run hangs
_HOST_FACTS = ("wall_seconds", "busy_seconds", "peak_memory_bytes", "not_captured", "command")
_QUICK = ("--image-size", "256", "--quality", "fast", "--device", "cpu", "--backend", "torch")
_FORWARD = ("clip", "--first-mask", "m0.png")
CASES: dict[str, tuple[str, ...]] = {
    "forward": _FORWARD,
    "no overlay": (*_FORWARD, "--no-overlay", "--keep-checkpoints", "0"),
    "both directions, exports": (
        *("clip", "--start-frame", "3", "--first-mask", "m3.png", "--mask", "6:3=c6.png"),
        *("--export", "coco", "--export", "rgba"),
    ),
    "backward": (
        *("clip", "--start-frame", "7", "--first-mask", "m7.png", "--direction", "backward"),
        "--keep-alpha",
    ),
    "points, region, stride": (
        *("clip", "--first-mask", "m0.png", "--point", "4:1=40,30", "--roi", "4,4,88,64"),
        *("--stride", "2"),
    ),
    "video, constant rate": ("clip.mp4", "--first-mask", "m0.png", "--constant-rate"),
}


@dataclass(frozen=True)
class Outcome:
    """How a run ended: ``killed``, or with what exit code; what it said is in its log file."""

    killed: bool
    code: int
    seconds: float
    during: str = ""


def write_clip(folder: Path) -> None:
    """Render three shapes that move over a ground, as pictures and as a video, and their masks."""
    rng = np.random.default_rng(7)
    height, width = SIZE_HW
    ground = cv2.resize(rng.integers(60, 160, (9, 12, 3), np.uint8), (width, height))
    (folder / "clip").mkdir()
    info = SourceInfo("clip", "images", SIZE_HW, FRAMES, Fraction(24))
    with VideoWriter(folder / "clip.mp4", info) as video:
        for index in range(FRAMES):
            image, labels = _frame(ground, index)
            cv2.imwrite(str(folder / "clip" / f"{index:05d}.png"), image[..., ::-1])
            video.write(image, index / 24 + (0.02 if index % 3 else 0.0))
            write_label_png(folder / f"m{index}.png", np.where(labels < 3, labels, 0))
            write_label_png(folder / f"c{index}.png", (labels == 3).astype(np.uint8))


def _frame(ground: Any, index: int) -> tuple[Any, Any]:
    """Draw a picture (H, W, 3), and its labels (H, W)."""
    image, labels = ground.copy(), np.zeros(SIZE_HW, np.uint8)
    shapes = (
        (1, (220, 60, 40), (24 + 4 * index, 30), (16, 12)),
        (2, (40, 70, 220), (80 - 3 * index, 50), (10, 14)),
        (3, (240, 230, 60), (20, 60 - 2 * index), (9, 7)),
    )
    for object_id, colour, centre, axes in shapes:
        cv2.ellipse(image, centre, axes, 0, 0, 360, colour, -1)
        cv2.ellipse(labels, centre, axes, 0, 0, 360, object_id, -1)
    return image, labels


def run(
    folder: Path, arguments: Sequence[str], kill_when: Callable[[float], str] | None = None
) -> Outcome:
    """Run the command in a process of its own; ``kill_when`` says why to kill it now, or nothing.

    It gets the seconds since the process began.
    """
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        _be_the_command(folder, arguments)
    (folder / "pid").write_text(str(child))
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        seconds = time.monotonic() - started
        if pid:
            return Outcome(False, os.waitstatus_to_exitcode(status), seconds)
        why = kill_when(seconds) if kill_when is not None else ""
        if why or seconds > _SECONDS:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            killed = os.WIFSIGNALED(status)
            return Outcome(killed, os.waitstatus_to_exitcode(status), seconds, why)
        time.sleep(0.002)


def _be_the_command(folder: Path, arguments: Sequence[str]) -> None:
    """Become `persam-vos` in this forked process, and end it."""
    code = 70
    try:
        os.setpgid(0, 0)
        os.chdir(folder)
        log = os.open("said.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for stream in (1, 2):
            os.dup2(log, stream)
        sys.argv = ["persam-vos", *arguments]
        from persam_vos_cli.main import main

        try:
            main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0
        sys.stdout.flush()
    finally:
        os._exit(code)


def prepare(*, real_encoder: bool = False) -> None:
    """Load what the command needs, before processes are forked, and make its steps small.

    Without ``real_encoder`` that of MobileSAM makes way for one that only knows colours, which
    takes no time; all else is as ever.
    """
    for name in ("track_command", "main"):
        import_module(f"persam_vos_cli.{name}")
    import_module("persam_vos.api")
    import torch

    from persam_vos.media import segmented_video
    from persam_vos.tracking import checkpoints

    torch.set_num_threads(1)  # a pool of threads does not outlast a fork
    cv2.setNumThreads(1)
    segmented_video.SEGMENT_PICTURES = 4
    checkpoints.MOST_OF_RUN = 10.0
    if not real_encoder:
        from persam_vos.sam.tiny_vit import TinyViT

        TinyViT.forward_stages = _colour_stages  # type: ignore[assignment, method-assign]


def _colour_stages(_: Any, images: Any) -> tuple[Any, tuple[Any, ...]]:
    """Encode pictures as `TinyViT.forward_stages` does, by mixing their colours at each stride."""
    import torch
    import torch.nn.functional as F

    generator = torch.Generator().manual_seed(0)

    def stage(stride: int, channels: int) -> Any:
        weight = torch.randn(channels, 3, 1, 1, generator=generator)
        return F.conv2d(F.avg_pool2d(images, stride), weight)

    return stage(16, 256), (stage(4, 64), stage(8, 128))


def arguments_of(case: Sequence[str], output: str) -> list[str]:
    """Return the command's arguments for a case."""
    return ["track", *case, *_QUICK, "--checkpoint-every", "0.02", "-o", output]


def results(output: Path) -> dict[str, str]:
    """Return a digest of each result in an output, by its path."""
    found = {}
    for path in sorted(output.rglob("*")):
        name = path.relative_to(output).as_posix()
        if path.is_dir() or name.startswith(".resume/"):
            continue
        if name == "track.json":
            log = json.loads(path.read_text())
            content = json.dumps({k: v for k, v in log.items() if k not in _HOST_FACTS}).encode()
        elif name == "overlay.mp4":
            content = _pictures(path)
        else:
            content = path.read_bytes()
        found[name] = hashlib.sha256(content).hexdigest()
    return found


def _pictures(path: Path) -> bytes:
    """Return a digest of the pictures of a video and their times."""
    digest = hashlib.sha256()
    with av.open(str(path)) as video:
        for frame in video.decode(video=0):
            digest.update(f"{frame.pts} {frame.time_base}".encode() + frame.to_ndarray().tobytes())
    return digest.digest()


def moments(rng: random.Random, output: Path, seconds: float) -> Callable[[float], str]:
    """Choose when a run of so many seconds is killed; the result says why to do it now."""
    aim, later = rng.randrange(6), rng.uniform(0, 0.02)
    if aim == 0:
        watched, why = output / ".resume", "checkpoint"
    elif aim == 1:
        watched, why = output, "anything unfinished"
    else:
        moment = rng.uniform(0.0, seconds)
        return lambda now: "any time" if now >= moment else ""
    begin, seen = rng.uniform(0.0, 0.7 * seconds), [0.0]
    pattern = ".part-*/*" if aim == 0 else "**/.part-*"

    def now_is_it(now: float) -> str:
        if now >= begin and not seen[0] and any(watched.glob(pattern)):
            seen[0] = now
        return why if seen[0] and now >= seen[0] + later else ""

    return now_is_it


def run_killed(
    folder: Path, case: Sequence[str], seconds: float, rng: random.Random, most: int
) -> Iterator[Outcome]:
    """Run a case in the folder ``killed``, kill it up to ``most`` times, and yield each outcome."""
    output = folder / "killed"
    shutil.rmtree(output, ignore_errors=True)
    arguments, left = arguments_of(case, "killed"), min(most, rng.randint(1, _MOST_KILLS))
    while True:
        kill_when = moments(rng, output, seconds) if left else None
        outcome = run(folder, [*arguments, "--resume"], kill_when)
        yield outcome
        if not outcome.killed:
            return
        left -= 1


def kill_all(folder: Path, kills: int, seed: int, cases: Sequence[str]) -> dict[str, Any]:
    """Kill runs until there were so many kills; says what differed, by case."""
    rng, counts, during = random.Random(seed), Counter[str](), Counter[str]()
    different: list[str] = []
    expected, seconds = {}, {}
    for name in cases:
        outcome = run(folder, arguments_of(CASES[name], f"whole {name}"))
        if outcome.code != 0:
            raise SystemExit(f"{name}: exit {outcome.code}\n{(folder / 'said.txt').read_text()}")
        expected[name], seconds[name] = results(folder / f"whole {name}"), outcome.seconds
    while sum(during.values()) < kills:
        name = cases[counts["runs"] % len(cases)]
        counts["runs"] += 1
        most = kills - sum(during.values())
        for outcome in run_killed(folder, CASES[name], seconds[name], rng, most):
            if outcome.killed:
                during[outcome.during] += 1
        found = results(folder / "killed")
        if outcome.code != 0 or found != expected[name]:
            wrong = {
                k for k in {**found, **expected[name]} if found.get(k) != expected[name].get(k)
            }
            different.append(f"{name}: exit {outcome.code}, {sorted(wrong)}")
            shutil.copytree(folder / "killed", folder / f"different {len(different)}")
        print(
            f"{sum(during.values())} kills, {counts['runs']} runs, {len(different)} differ",
            flush=True,
        )
    return {
        "kills": sum(during.values()),
        "kills_during": dict(during),
        "runs": counts["runs"],
        "gone_on_from_a_checkpoint": (folder / "said.txt").read_text().count("going on"),
        "runs_that_differ": different,
        "files_compared": {name: len(files) for name, files in expected.items()},
        "seconds_uninterrupted": {name: round(one, 2) for name, one in seconds.items()},
    }


def kill_in_jobs(folder: Path, kills: int, seed: int, jobs: int) -> dict[str, Any]:
    """Share the kills among so many processes, and add up what they found."""
    children = {}
    for job in range(jobs):
        own = folder / str(job)
        own.mkdir()
        write_clip(own)
        child = os.fork()
        if child == 0:
            with contextlib.suppress(BaseException):  # what it says goes to stderr as it comes
                found = kill_all(own, kills // jobs + (job < kills % jobs), seed + job, [*CASES])
                (own / "found.json").write_text(json.dumps(found))
            os._exit(0)
        children[child] = own / "found.json"
    found = {}
    for child, path in children.items():
        os.waitpid(child, 0)
        found = _added(found, json.loads(path.read_text()))
    return found


def _added(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Add up numbers and lists by their names; of files and times the last ones stay."""
    if not one:
        return other
    added: dict[str, Any] = {**other}
    for name in ("kills", "runs", "gone_on_from_a_checkpoint", "runs_that_differ"):
        added[name] = one[name] + other[name]
    added["kills_during"] = dict(Counter(one["kills_during"]) + Counter(other["kills_during"]))
    return added


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--real-encoder", action="store_true", help="that of MobileSAM")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--output", type=Path, default=Path("runs/bench/kills.json"))
    args = parser.parse_args()
    prepare(real_encoder=args.real_encoder)
    with tempfile.TemporaryDirectory(prefix="persam-vos-kills-") as name:
        folder = Path(name)
        found = kill_in_jobs(folder, args.kills, args.seed, args.jobs)
        if found["runs_that_differ"]:
            kept = shutil.copytree(folder, Path("runs/kills-that-differ"), dirs_exist_ok=True)
            print(f"what differs is in {kept}")
    settings = {"kills": args.kills, "seed": args.seed, "jobs": args.jobs, "cases": CASES}
    settings["encoder"] = "mobile-sam" if args.real_encoder else "colours"
    write_results(args.output, {**facts("cpu"), "settings": settings, **found})
    if found["runs_that_differ"]:
        raise SystemExit("\n".join(found["runs_that_differ"]))


if __name__ == "__main__":
    main()
