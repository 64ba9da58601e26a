"""The process that `benchmarks.fuzz` runs the command line in: many commands, one after another.

It answers each line of JSON on stdin, a command, by a line that says how it went. An audit hook
notes what the command did to files and to the network.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from persam_vos_cli.main import main

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = {"os.mkdir": 1, "os.rename": 2, "os.remove": 1, "os.rmdir": 1, "os.link": 2}
_CHANGES |= {"os.symlink": 2, "os.truncate": 1, "os.chmod": 1, "os.chown": 1, "os.utime": 1}
_FORBIDDEN = (
    *("socket.connect", "socket.bind", "socket.getaddrinfo", "os.system", "os.exec", "os.fork"),
    *("os.posix_spawn", "subprocess.Popen", "pickle.find_class", "urllib.Request"),
    *("ftplib.connect", "webbrowser.open"),
)


@dataclass
class Audit:
    """What was done: paths that were written or removed, and events that should not be."""

    active: bool = False
    written: set[str] = field(default_factory=set)
    forbidden: set[str] = field(default_factory=set)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Note an event; called by Python itself."""
        if not self.active:
            return
        if event == "open" and self._writes(*arguments):
            self.written.add(os.fsdecode(arguments[0]))
        elif event in _CHANGES:
            count = _CHANGES[event]
            paths = [os.fsdecode(one) for one in arguments[:count] if isinstance(one, str | bytes)]
            folder = arguments[-1]  # as a descriptor, to which the path is relative
            if isinstance(folder, int) and folder >= 0 and event in ("os.rmdir", "os.remove"):
                paths = [str(Path(f"/proc/self/fd/{folder}").readlink() / one) for one in paths]
            self.written |= set(paths)
        elif event in _FORBIDDEN:
            self.forbidden.add(f"{event} {str(arguments[:2])[:200]}")

    @staticmethod
    def _writes(path: object, mode: str | None, flags: int) -> bool:
        changes = set(mode or "") & set("wax+") or (flags or 0) & _WRITES
        return isinstance(path, str | bytes) and bool(changes)


@contextlib.contextmanager
def redirected(out: Path, err: Path) -> Iterator[None]:
    """Send what this process prints, also by native code, to files."""
    saved = os.dup(1), os.dup(2)
    try:
        for path, number in ((out, 1), (err, 2)):
            target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(target, number)
            os.close(target)
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        for number, old in enumerate(saved, 1):
            os.dup2(old, number)
            os.close(old)


def run_main(arguments: list[str]) -> int:
    """Run the command line as a user does; returns its exit code."""
    sys.argv = ["persam-vos", *arguments]
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def use_tiny_network() -> None:
    """Replace the networks of all commands by one with random weights, unless a file is named.

    The smallest that there is, for pictures of 256 pixels: a hundredth of the usual work.
    """
    from persam_vos.tracking import load

    real: Callable[..., Any] = load.load_choice

    def tiny(choice: Any, *arguments: Any, **options: Any) -> Any:
        if choice.checkpoint is not None:
            return real(choice, *arguments, **options)
        return _tiny_engine(replace(choice.settings, image_size=256))

    load.load_choice = tiny
    from persam_vos.evaluation import run
    from persam_vos.evaluation.one_shot import run as one_shot

    vars(run)["load_choice"] = vars(one_shot)["load_choice"] = tiny


@cache
def _tiny_engine(settings: Any) -> Any:
    import torch

    from persam_vos.runtime.device import Compute
    from persam_vos.sam.build import build_sam, random_state
    from persam_vos.tracking.engine import Engine

    torch.set_num_threads(1)
    network = build_sam("vit_t", random_state("vit_t", 0))
    compute = Compute(torch.device("cpu"), torch.float32)
    return Engine(network, compute, settings, {"name": "mobile-sam", "random": "00" * 32})


def peak_bytes() -> int:
    """Return the most memory that this process held since `forget_peak`."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) << 10
    return 0


def forget_peak() -> None:
    """Begin to measure the peak of memory anew."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def serve() -> None:
    """Run the commands of stdin."""
    import resource

    use_tiny_network()
    import persam_vos.api
    import persam_vos.evaluation.run  # noqa: F401 - what commands would import

    replies = os.fdopen(os.dup(1), "w")
    audit = Audit()
    sys.addaudithook(audit)
    memory = int(sys.argv[1]) << 20
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + memory, now + memory))
    replies.write("ready\n")
    replies.flush()
    for line in sys.stdin:
        asked = json.loads(line)
        os.chdir(asked["cwd"])
        forget_peak()
        before, started = peak_bytes(), time.process_time()
        audit.written.clear()
        audit.forbidden.clear()
        escaped = ""
        with redirected(Path(asked["stdout"]), Path(asked["stderr"])):
            audit.active = True
            try:
                code = run_main(asked["arguments"])
            except BaseException as error:  # what main lets through is what is looked for
                code, escaped = -1, "".join(traceback.format_exception(error))[-1500:]
            audit.active = False
        answer = {
            "code": code,
            "escaped": escaped,
            "cpu_seconds": time.process_time() - started,
            "peak_bytes": peak_bytes() - before,
            "written": sorted(audit.written),
            "forbidden": sorted(audit.forbidden),
        }
        replies.write(json.dumps(answer) + "\n")
        replies.flush()


if __name__ == "__main__":
    serve()
