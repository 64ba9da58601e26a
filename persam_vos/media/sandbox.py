"""Media are decoded a first time in a process of its own, which may crash or run away.

Decoders are native code: a file that is made for it can end the process, or make it take all
memory. Here that is a process which holds nothing, and which the system bounds in memory and time.
It opens each file as it will be opened later, and decodes the first pictures. What is merely wrong
with a file is left to who opens it next.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from ..errors import MediaError
from ..files.limits import PROBE_MEMORY_MB, PROBE_SECONDS
from .read_options import DEFAULT, ReadOptions

_PICTURES = 3
"""How many are decoded of each source."""
_MODEST = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
"""Threads reserve address space, of which the process may not have much."""
_GRACE_SECONDS = 5  # after which the process ends itself, if nobody is left who would
_OUT_OF_MEMORY = 77  # as an exit code


@dataclass(frozen=True, slots=True, kw_only=True)
class Untrusted:
    """What is to be looked at: ``sources`` as for `open_source`, and files of ``masks``."""

    sources: tuple[str, ...] = ()
    masks: tuple[str, ...] = ()
    options: ReadOptions = DEFAULT


class Probe:
    """A process that looks at files, started at once; `result` waits for what it found.

    What else takes time, such as loading libraries, can be done meanwhile. A context manager, which
    ends the process.
    """

    def __init__(self, files: Untrusted) -> None:
        self._files = files
        self._seconds = PROBE_SECONDS.value
        self._process = _start()

    def __enter__(self) -> Probe:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def result(self) -> None:
        """Return when all was looked at.

        Raises MediaError for a file that ends the process, or takes too much memory or time.
        """
        try:
            told, _ = self._process.communicate(
                json.dumps(asdict(self._files)).encode(), timeout=self._seconds
            )
        except subprocess.TimeoutExpired:
            self._process.kill()
            told, _ = self._process.communicate()
            raise _too_slow(_last_name(told), self._seconds) from None
        if code := self._process.returncode:
            raise _harmful(_last_name(told), code)


class ProbeAhead:
    """A process that looks at many files, each before who `wait`s for it opens it.

    It goes ahead of them in the order given, and is started anew behind a file that ends it. A
    context manager, which ends the process.
    """

    def __init__(self, sources: Sequence[str]) -> None:
        self._sources = tuple(sources)
        self._seconds = PROBE_SECONDS.value
        self._begun: int  # index of the source that it is at
        self._process: subprocess.Popen[bytes]
        self._lines: queue.SimpleQueue[bytes]
        self._begin(0)

    def __enter__(self) -> ProbeAhead:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def wait(self, index: int) -> None:
        """Return when source ``index`` was looked at; each has to be asked for, in order.

        Raises MediaError for one that ends the process, or takes too much memory or time.
        """
        while self._begun <= index:
            try:
                line = self._lines.get(timeout=self._seconds)
            except queue.Empty:
                error = _too_slow(self._sources[index], self._seconds)
                self._stop()
            else:
                if line:
                    self._begun += 1
                    continue
                if not (code := self._process.wait()):
                    self._begun = len(self._sources)
                    return
                error = _harmful(self._sources[index], code)
            self._begin(index + 1)
            raise error

    def _stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def _begin(self, first: int) -> None:
        """Start a process on all sources from one on."""
        self._begun = first - 1
        self._process = _start()
        self._lines = queue.SimpleQueue()
        asked = asdict(Untrusted(sources=self._sources[first:]))
        arguments = (self._process, json.dumps(asked).encode(), self._lines)
        threading.Thread(target=_exchange, args=arguments, daemon=True).start()


def _start() -> subprocess.Popen[bytes]:
    _ = PROBE_MEMORY_MB.value  # raises here what would be raised there
    return subprocess.Popen(
        # -P: no module of the folder that we happen to be in.
        [sys.executable, "-P", "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **_MODEST},
    )


def _exchange(
    process: subprocess.Popen[bytes], asked: bytes, lines: queue.SimpleQueue[bytes]
) -> None:
    """Tell a process what to look at, and put its lines into a queue; an empty one at the end."""
    assert process.stdin is not None and process.stdout is not None
    with contextlib.suppress(OSError), process.stdin:
        process.stdin.write(asked)
    with process.stdout:
        for line in process.stdout:
            lines.put(line)
    lines.put(b"")


def _last_name(told: bytes) -> str:
    """Return the file that a process named last."""
    names = told.decode().splitlines()
    return json.loads(names[-1]) if names else "the process that looks at files"


def _too_slow(name: str, seconds: int) -> MediaError:
    got = f"a file that does not open within {seconds} seconds"
    return _refused(name, got, PROBE_SECONDS.remedy)


def _harmful(name: str, code: int) -> MediaError:
    if code == _OUT_OF_MEMORY:
        got = f"a file that takes more than {PROBE_MEMORY_MB.value} MB of memory to open"
        return _refused(name, got, PROBE_MEMORY_MB.remedy)
    got = f"a file that crashes its decoder ({_ending(code)})"
    return _refused(name, got, "do not trust it; if it plays, convert it to another format")


def _refused(name: str, got: str, remedy: str) -> MediaError:
    return MediaError(name, got=got, expected="one that opens", remedy=remedy)


def _ending(code: int) -> str:
    """Say how a process ended: by which signal, or with which code."""
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"exit code {code}"


def main() -> None:
    """Look at the files that stdin names; stdout has the name of each, before it is opened."""
    asked = json.load(sys.stdin)
    options = ReadOptions(**asked["options"])
    _bound()
    looks: list[tuple[str, Callable[[str], object]]] = [
        (source, partial(_look, options=options)) for source in asked["sources"]
    ]
    for name, look in [*looks, *((mask, _look_at_mask) for mask in asked["masks"])]:
        sys.stdout.write(json.dumps(name) + "\n")
        sys.stdout.flush()
        _set_alarm()
        try:
            look(name)
        except Exception as error:
            if _lacks_memory(error):
                sys.exit(_OUT_OF_MEMORY)


def _lacks_memory(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, is that there was no more memory."""
    while error is not None:
        if isinstance(error, MemoryError) or "memory" in str(error).lower():
            return True
        error = error.__cause__ or error.__context__
    return False


def _set_alarm() -> None:
    """End this process if it is still at a file when nobody waits for it any more."""
    with contextlib.suppress(AttributeError, ValueError):
        signal.alarm(PROBE_SECONDS.value + _GRACE_SECONDS)


def _bound() -> None:
    """Bound this process: its memory, its cores, and leave no image of it behind."""
    with contextlib.suppress(AttributeError, ValueError, OSError):
        os.sched_setaffinity(0, set(islice(os.sched_getaffinity(0), 2)))
    with contextlib.suppress(ImportError, AttributeError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        most = PROBE_MEMORY_MB.value << 20
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _look(source: str, options: ReadOptions) -> None:
    """Open a source and decode a few pictures; of many images, some of them."""
    from .image_file import ImageFile, load
    from .reader import images_in, open_source
    from .zip_images import images_in_zip

    path = Path(source)
    images: Sequence[ImageFile] = ()
    if path.is_dir():
        images = images_in(path)
    elif path.is_file() and zipfile.is_zipfile(path):
        images = images_in_zip(path)
    if images:
        for image in images[:: max(1, len(images) // _PICTURES)]:
            load(image)
        return
    with contextlib.closing(open_source(source, options=options).frames()) as frames:
        for _ in islice(frames, _PICTURES):
            pass


def _look_at_mask(mask: str) -> None:
    from .label_png import read_label_map

    read_label_map(mask)


if __name__ == "__main__":
    main()
