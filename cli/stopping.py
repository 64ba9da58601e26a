"""Signals that ask a run to stop: the first one in good order, the second one at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # those that the system has
_INTERRUPTED = 130
_STDERR = 2


class Stopping:
    """Tells a run that it is to stop; called by it after each frame, or other ``unit``.

    Until `arm` is called there is nothing to finish, and a signal raises KeyboardInterrupt.
    ``resume`` is the option to go on with.
    """

    def __init__(self, unit: str = "frame", resume: str = "--resume") -> None:
        self._unit, self._resume = unit, resume
        self._armed = False
        self._asked = False

    def __call__(self) -> bool:
        """Tell whether the run is to stop."""
        return self._asked

    def arm(self) -> None:
        """Let the first signal wait for what is done just then, from now on."""
        self._armed = True

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Handle signals, other than those that whoever started the program wants ignored."""
        before = {}
        for name in _NAMES:
            number = getattr(signal, name, None)
            if number is None or signal.getsignal(number) is signal.SIG_IGN:
                continue
            with suppress(ValueError):  # not the main thread: signals do not come here
                before[number] = signal.signal(number, self._handle)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - of a handler
        if not self._armed:
            raise KeyboardInterrupt
        if self._asked:
            _say(f"stopped at once; add {self._resume} to go on")
            os._exit(_INTERRUPTED)  # files appear whole or not at all, so none needs an ending
        self._asked = True
        _say(f"stopping after this {self._unit}; once more to stop at once")


def _say(words: str) -> None:
    """Write a line to stderr past its buffer, which the handler may have interrupted."""
    with suppress(OSError):
        os.write(_STDERR, f"persam-vos: {words}\n".encode())
