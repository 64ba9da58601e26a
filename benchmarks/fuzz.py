"""Damaged and hostile files, through the real command line: is each answered by one clear line?

python -m benchmarks.fuzz [--seconds 60 --seed 1] [--cases 3000] [--only NUMBER --keep FOLDER]

Whole small files of every kind (`fuzz_seeds`, `fuzz_photos`) are damaged (`fuzz_damage`) and given
to the commands that read them, in a process that can crash (`fuzz_child`). A case is made of the
seed and its own number alone, so that ``--only`` repeats it. What is looked for: see `problems_of`.
Exits with 1 if anything was found.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image

from benchmarks.fuzz_damage import damaged
from benchmarks.fuzz_photos import photo_seeds
from benchmarks.fuzz_seeds import Seed, child_environment, make_seeds
from benchmarks.results import facts, write_results

CPU_SECONDS, WALL_SECONDS = 20.0, 600.0
"""What a command may take; the latter where other programs use the cores too, or it waits."""
PEAK_BYTES = 1 << 30
MEMORY_MB = 6 << 10  # of address space
RESTART_AFTER = 400  # commands
_NAMES = (
    "[red]a[reverse]",
    "{name}",
    "a\nb",
    "\x1b[31mred",
    "%d%n",
    "-o",
    "<b>a",
    "é" * 90,
    "a\udcff",
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f]")


@dataclass(frozen=True)
class Case:
    """A damaged file and a command that reads it."""

    number: int
    kind: str
    ways: str
    arguments: tuple[str, ...]
    allowed: tuple[str, ...]
    folder: Path


def make_case(number: int, seed: int, seeds: Sequence[Seed], work: Path) -> Case:
    """Write the files of a case into its folder, which is emptied."""
    chance = random.Random(f"{seed}:{number}")
    kinds = sorted({one.kind for one in seeds})
    kind = chance.choice(kinds)
    chosen = chance.choice([one for one in seeds if one.kind == kind])
    others = [one.path.read_bytes() for one in chance.choices(seeds, k=4)]
    ways, content = damaged(chosen.path.read_bytes(), chosen.path.suffix, chance, others)
    folder = work / "case"
    shutil.rmtree(folder, ignore_errors=True)
    out, whole = folder / "out", folder / "whole"
    out.mkdir(parents=True)
    if chosen.whole is not None:
        shutil.copytree(chosen.whole, whole)
        target = whole / chosen.path.relative_to(chosen.whole)
    else:
        name = chosen.path.stem
        if chance.random() < 0.15:
            name, ways = chance.choice(_NAMES), f"{ways}+name"
        target = folder / f"{name}{chosen.path.suffix}"
    target.write_bytes(content)
    command = chance.choice(chosen.commands)
    places = {"FILE": target, "WHOLE": whole, "OUT": out, "SEEDS": work.parent / "seeds"}
    arguments = [re.sub("FILE|WHOLE|OUT|SEEDS", lambda m: str(places[m[0]]), a) for a in command]
    allowed: tuple[str, ...] = (str(out), str(work / "tmp"))
    if "WHOLE" in command[2:]:
        allowed = (*allowed, str(whole))
    return Case(number, kind, ways, tuple(arguments), allowed, folder)


class Child:
    """The process that runs commands; it is started again when it dies or has run many."""

    def __init__(self, work: Path) -> None:
        self._work = work
        self._process: subprocess.Popen[str] | None = None
        self._count = 0

    def run(self, case: Case) -> dict[str, Any]:
        """Run a case; returns how it went."""
        if self._count % RESTART_AFTER == 0:
            self.stop()
        self._count += 1
        process = self._process or self._start()
        out, err = (self._work / name for name in ("stdout", "stderr"))
        asked = {"arguments": case.arguments, "cwd": str(case.folder)}
        asked |= {"stdout": str(out), "stderr": str(err)}
        assert process.stdin is not None
        process.stdin.write(json.dumps(asked) + "\n")
        process.stdin.flush()
        line = self._line(WALL_SECONDS)
        texts = {one.name: one.read_bytes().decode("utf-8", "replace") for one in (out, err)}
        if line is None:
            self.stop()
            return {"hang": True, **texts}
        if not line:
            code = process.wait()
            self._process = None
            return {"died": code, **texts}
        return {**json.loads(line), **texts}

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
        self._process = None

    def _start(self) -> subprocess.Popen[str]:
        environment = child_environment() | {
            "TMPDIR": str(self._work / "tmp"),
            "PERSAM_VOS_CACHE": str(self._work / "tmp" / "cache"),
            "PERSAM_VOS_DATA": str(self._work / "tmp" / "data"),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.fuzz_child", str(MEMORY_MB)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        if self._line(WALL_SECONDS) != "ready\n":
            raise RuntimeError("the process that runs commands did not start")
        return self._process

    def _line(self, seconds: float) -> str | None:
        """Return the next line of the process, empty if it ended, or None after some time.

        That is so many seconds, or more than may be of the processor's.
        """
        assert self._process is not None
        stream: IO[str] = self._process.stdout  # type: ignore[assignment]  # a pipe
        began, spent = time.monotonic(), _cpu_seconds(self._process.pid)
        while time.monotonic() - began < seconds:
            if select.select([stream], [], [], 1)[0]:
                return stream.readline()
            if _cpu_seconds(self._process.pid) - spent > 2 * CPU_SECONDS:
                break
        return None


def _cpu_seconds(process: int) -> float:
    """Return what a process took of the processor's time; 0 where it is gone."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def problems_of(case: Case, result: dict[str, Any]) -> list[str]:
    """Say what a command did that it must not do, whatever it was given."""
    if "hang" in result:
        return ["hang"]
    if "died" in result:
        return [f"crash {result['died']}"]
    problems = []
    code, err = result["code"], result["stderr"]
    if code not in (0, 1, 2) or result["escaped"]:
        problems.append(f"exit code {code} {result['escaped']}")
    if "Traceback" in err or "persam-vos: unexpected" in err or "Warning: " in err:
        problems.append("traceback or unexpected error")
    lines = [line for line in err.splitlines() if line.startswith("persam-vos: ")]
    if (
        code
        and case.arguments[0] != "check"
        and (len(lines) != 1 or not err.endswith(lines[-1] + "\n"))
    ):
        problems.append("not one line")
    if found := _CONTROL.search(result["stdout"] + err):
        problems.append(f"control character {found[0]!r}")
    if result["cpu_seconds"] > CPU_SECONDS:
        problems.append("slow")
    if result["peak_bytes"] > PEAK_BYTES:
        problems.append("memory")
    outside = [path for path in result["written"] if not _is_allowed(path, case)]
    if outside:
        problems.append(f"writes outside: {outside[0]}")
    problems += [f"forbidden: {event}" for event in result["forbidden"]]
    return problems + partial_files(case.folder / "out", finished=code == 0)


def _is_allowed(path: str, case: Case) -> bool:
    if "\0" in path:  # which the system refuses
        return True
    full = os.path.realpath(case.folder / path)
    own = path.startswith(("/dev/", "/proc/self")) or path.isdecimal()
    return own or any(full == one or full.startswith(f"{one}/") for one in case.allowed)


def partial_files(out: Path, *, finished: bool) -> list[str]:
    """Say which files below a folder are not whole, or temporary."""
    found = []
    for path in out.rglob("*"):
        if path.name.startswith(".part-"):
            found.append(f"left: {path.suffix} file")
        elif path.is_symlink():
            found.append("link")
        elif path.suffix == ".png":
            try:
                with Image.open(path) as picture:
                    np.asarray(picture)
            except (OSError, SyntaxError, ValueError):
                found.append("partial PNG")
        elif path.suffix == ".json" and finished and not _is_json(path):
            found.append("partial JSON")
    return found


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_text())
    except ValueError:
        return False
    return True


def _report(case: Case, result: dict[str, Any], problems: list[str]) -> None:
    words = " ".join(result.get("stderr", "").split())[-300:]
    print(f"#{case.number} {case.kind} [{case.ways}] {case.arguments[0]}: {problems}\n   {words}")
    sys.stdout.flush()


@dataclass
class Tally:
    """What came of the cases so far; several threads add to it."""

    cases: int = 0
    peak_bytes: int = 0
    heaviest: str = ""
    slowest: float = 0.0
    outcomes: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    spent: Counter[str] = field(default_factory=Counter)
    findings: list[dict[str, Any]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, case: Case, result: dict[str, Any]) -> None:
        """Judge a case, and count it."""
        problems = problems_of(case, result)
        with self.lock:
            self.cases += 1
            self.outcomes[case.kind]["problem" if problems else f"exit {result['code']}"] += 1
            if result.get("peak_bytes", 0) > self.peak_bytes:
                self.peak_bytes = result["peak_bytes"]
                self.heaviest = f"{case.arguments[0]} {case.kind} {case.number}"
            self.spent[case.arguments[0]] += result.get("cpu_seconds", 0)
            self.slowest = max(self.slowest, result.get("cpu_seconds", 0))
            if problems:
                finding = {"case": case.number, "kind": case.kind, "ways": case.ways}
                finding |= {"command": case.arguments[0], "problems": problems}
                self.findings.append(finding | {"says": result.get("stderr", "")[-400:]})
                _report(case, result, problems)
            if self.cases % 250 == 0:
                print(f"{self.cases} cases", flush=True)

    def facts(self) -> dict[str, Any]:
        """Return all of it for a results file."""
        kinds = sorted(self.outcomes)
        return {
            "cases": self.cases,
            "largest_growth_of_memory_bytes": self.peak_bytes,
            "largest_growth_at": self.heaviest,
            "longest_cpu_seconds": round(self.slowest, 2),
            "cpu_seconds": {name: round(seconds) for name, seconds in self.spent.items()},
            "outcomes": {kind: dict(sorted(self.outcomes[kind].items())) for kind in kinds},
            "findings": self.findings,
        }


def run(args: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Run cases, some at a time, until there are enough or the time is over."""
    (work / "seeds").mkdir()
    made = [*make_seeds(work / "seeds"), *photo_seeds(work / "seeds")]
    seeds = [one for one in made if re.search(args.kinds, one.kind)]
    began, tally = time.monotonic(), Tally()
    numbers = iter(range(args.first, args.first + args.cases))

    def work_on(place: Path) -> None:
        (place / "tmp").mkdir(parents=True)
        child = Child(place)
        try:
            while time.monotonic() - began < args.seconds:
                with tally.lock:
                    number = next(numbers, None)
                if number is None:
                    return
                try:
                    case = make_case(number, args.seed, seeds, place)
                    result = child.run(case)
                    tally.add(case, result)
                except Exception as error:  # so that what was found until then is not lost
                    tally.findings.append({"case": number, "problems": [f"driver: {error!r}"]})
                    continue
                if args.keep is not None:
                    shutil.copytree(case.folder, args.keep, dirs_exist_ok=True)
                    print(case, json.dumps(result, indent=1))
        finally:
            child.stop()

    with ThreadPoolExecutor(args.workers) as pool:
        list(pool.map(work_on, [work / f"worker{number}" for number in range(args.workers)]))
    seconds = round(time.monotonic() - began)
    return {"seed": args.seed, "seconds": seconds, "whole_files": len(seeds)} | tally.facts()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--workers", type=int, default=1, help="processes that run commands")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=10**9, help="stop after so many")
    parser.add_argument("--kinds", default="", help="of files alone whose kind matches this")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--only", type=int, help="run this case alone")
    parser.add_argument("--keep", type=Path, help="copy files of cases here, and print all")
    parser.add_argument("--output", type=Path, help="write results here")
    args = parser.parse_args()
    if args.only is not None:
        args.first, args.cases = args.only, 1
    with tempfile.TemporaryDirectory() as scratch:
        found = run(args, Path(scratch).resolve())
    print(f"{found['cases']} cases in {found['seconds']} s, {len(found['findings'])} findings")
    if args.output is not None:
        write_results(args.output, facts("cpu") | found)
    sys.exit(1 if found["findings"] else 0)


if __name__ == "__main__":
    main()
