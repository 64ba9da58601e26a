"""Reading a live source in a thread of its own: the newest frame, or every frame."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType

from ..runtime.ordered_pool import closing_iterator
from ..structures import Frame, RgbImage
from .address import stalled

FRAMES_AHEAD = 4
"""How many frames wait where none is dropped; the source waits with the next one."""
_JOIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """What a live source says of itself; produced by its readers, consumed by ``live.run``."""

    frames_per_second: Fraction
    codec: str
    pixel_format: str


@dataclass(frozen=True, slots=True)
class Captured:
    """A frame that arrived; produced by readers, consumed by ``live.run``.

    ``index`` counts the frames of the source from 0. ``seconds`` is its time since the first frame;
    ``arrived`` is when the last of its data was there, by ``time.perf_counter``. ``to_image``
    converts it to (H, W, 3) uint8 RGB, which costs time and is not done for frames that are
    dropped; it raises MediaError for a picture that is damaged.
    """

    index: int
    seconds: float
    arrived: float
    facts: StreamFacts
    to_image: Callable[[], RgbImage]

    def frame(self) -> Frame:
        """Convert the picture; raises MediaError for one that is damaged."""
        return Frame(self.index, f"{self.index:05d}", self.to_image(), self.seconds)


class Clock:
    """Times of frames that bring none, in seconds from the first: by a rate, or by arrival."""

    def __init__(self, rate: Fraction | None = None) -> None:
        self._rate = rate
        self._start: float | None = None

    def of(self, index: int, arrived: float) -> float:
        """Return the time of a frame that arrived then, by ``time.perf_counter``."""
        if self._rate is not None:
            return float(index / self._rate)
        self._start = arrived if self._start is None else self._start
        return arrived - self._start


class Capture:
    """Frames of a live source, read in a thread; iterate over it in a ``with`` block.

    With ``drop`` only the newest frame waits to be taken: a newer one replaces it, and ``dropped``
    counts it. The very first frame is never dropped, since it is the one that masks show. Without
    ``drop`` every frame is kept, and the source waits while `FRAMES_AHEAD` are there.

    Iterating raises what reading raises, after the frames before that, and MediaError where no
    frame comes for ``stall_seconds``. A thread that waits for a source which sends nothing cannot
    be stopped: leaving the block lets go of it, and it ends with the program at the latest.
    """

    def __init__(
        self,
        frames: Callable[[], Iterator[Captured]],
        *,
        name: str,
        drop: bool,
        stall_seconds: float,
    ) -> None:
        self.received = self.dropped = 0
        self._frames = frames
        self.name = name
        self._drop = drop
        self._stall_seconds = stall_seconds
        self._waiting: deque[Captured] = deque()
        self._changed = threading.Condition()
        self._stopped = self._ended = False
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="persam-vos-capture", daemon=True)

    def __iter__(self) -> Iterator[Captured]:
        return iter(self._take, None)

    def __enter__(self) -> Capture:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._thread.join(_JOIN_SECONDS)

    def _take(self) -> Captured | None:
        """Wait for the next frame; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ended, self._stall_seconds)
            if self._waiting:
                self._changed.notify_all()
                return self._waiting.popleft()
            if self._error is not None:
                raise self._error
            if not self._ended:
                raise stalled(self.name, self._stall_seconds)
            return None

    def _run(self) -> None:
        try:
            with closing_iterator(self._frames()) as frames:
                for captured in frames:
                    if not self._put(captured):
                        break
        except Exception as error:
            self._error = error
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _put(self, captured: Captured) -> bool:
        """Have a frame wait to be taken; returns whether more are wanted."""
        with self._changed:
            self.received += 1
            if not self._drop:
                self._changed.wait_for(lambda: len(self._waiting) < FRAMES_AHEAD or self._stopped)
            elif self._waiting:
                self.dropped += 1
                if self._waiting[0].index == 0:
                    return not self._stopped
                self._waiting.clear()
            self._waiting.append(captured)
            self._changed.notify_all()
            return not self._stopped
