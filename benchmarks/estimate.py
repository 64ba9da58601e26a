"""Is what `persam-vos check` says of a run's time and memory true?

python -m benchmarks.estimate [--clips FOLDER --clip NAME] [--frames 20]

Each clip is checked and then tracked, each in a process of its own, with the defaults of the
command line. The ratio is the estimated over the real time, from the start of the process to its
end. One clip is tracked both ways from its middle. Other programs that use the machine meanwhile
show in the ratio.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.results import facts, write_results
from benchmarks.speed import Case, development_case, tiled_case
from persam_vos.runtime.device import resolve_compute

_COMMAND = [sys.executable, "-m", "persam_vos_cli.main"]


def run(*arguments: str | Path) -> tuple[dict[str, Any], float]:
    """Run a subcommand; returns what it prints as JSON, and how long it took in seconds."""
    started = time.perf_counter()
    command = [*_COMMAND, *map(str, arguments), "--json", "--quiet"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout), time.perf_counter() - started


def compare(case: Case, start: int, more: list[str], scratch: Path) -> dict[str, Any]:
    """Check a clip from a start frame on, both ways, then track it."""
    mask = sorted(case.truth.iterdir())[start]
    what: list[str | Path] = [case.frames, "--first-mask", mask, "--start-frame", str(start), *more]
    report, check_seconds = run("check", *what)
    summary, seconds = run("track", *what, "--output", scratch / "out")
    log = json.loads((scratch / "out" / "track.json").read_text())
    estimate = report["estimate"]
    row = {
        "frames": summary["frame_count"],
        "objects": len(summary["object_ids"]),
        "start_frame": start,
        "check_seconds": round(check_seconds, 2),
        "estimated_seconds": round(estimate["seconds"], 2),
        "real_seconds": round(seconds, 2),
        "ratio": round(estimate["seconds"] / seconds, 3),
        "estimated_memory_bytes": estimate["memory_bytes"],
        "real_memory_bytes": log["peak_memory_bytes"],
        "memory_ratio": round(estimate["memory_bytes"] / log["peak_memory_bytes"], 3),
    }
    print(
        f"{case.name:20} {row['frames']:3} frames {row['objects']:2} objects  estimated "
        f"{row['estimated_seconds']:6.1f} s, real {row['real_seconds']:6.1f} s, ratio "
        f"{row['ratio']:.2f}; memory {row['memory_ratio']:.2f}",
        flush=True,
    )
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, help="folder of the development sets")
    parser.add_argument("--clip", nargs="*", default=["bear"], help="names of development clips")
    parser.add_argument("--frames", type=int, default=20)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/estimate.json"))
    args = parser.parse_args()
    rows = {}
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        cases = [(tiled_case(root / f"demo-{n}", n, args.frames), 0) for n in (1, 8)]
        cases.append((tiled_case(root / "middle", 3, args.frames), args.frames // 2))
        if args.clips:
            cases += [
                (development_case(root / name, args.clips, name, args.frames), 0)
                for name in args.clip
            ]
        for case, start in cases:
            folder = case.frames.parent
            name = f"{case.name}, both ways" if start else case.name
            rows[name] = compare(case, start, ["--device", args.device], folder)
    compute = resolve_compute(args.device)
    write_results(args.output, facts(compute.describe()) | {"clips": rows})


if __name__ == "__main__":
    main()
