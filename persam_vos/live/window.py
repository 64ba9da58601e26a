"""A window that shows the masks; its pictures are drawn here, and shown by `viewer`."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from ..errors import UsageError, param
from ..media.overlay import draw_overlay
from ..structures import TrackedFrame
from .viewer import HEADLESS, READY, SIZE

_VIEWER = Path(__file__).with_name("viewer.py")
_OPEN_SECONDS = 30.0
_CLOSE_SECONDS = 5.0


class OverlayWindow:
    """A window, in a process of its own: without a display Qt ends the one that asks for it.

    Raises UsageError where no window can be opened.
    """

    def __init__(self, *, alpha: float) -> None:
        self._alpha = alpha
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(_VIEWER)],  # its folder has modules of common names
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        answer = self._answer()
        if answer != READY:
            self.close()
            raise _no_window(headless=answer == HEADLESS)

    def show(self, tracked: TrackedFrame) -> bool:
        """Show a frame; returns whether the user wants more: no q, no Escape, window open."""
        image = draw_overlay(tracked.frame.image, tracked.label_map, alpha=self._alpha)
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(SIZE.pack(*tracked.frame.size_hw) + image.tobytes())
            self._process.stdin.flush()
        except BrokenPipeError:
            return False
        return self._process.poll() is None

    def close(self) -> None:
        """Close the window."""
        try:
            self._process.communicate(timeout=_CLOSE_SECONDS)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            self._process.kill()
            self._process.wait()

    def _answer(self) -> str:
        """Wait for what the viewer says of its window; nothing if it ends before."""
        assert self._process.stdout is not None
        patience = threading.Timer(_OPEN_SECONDS, self._process.kill)
        patience.start()
        try:
            return self._process.stdout.readline().decode().strip()
        finally:
            patience.cancel()


def _no_window(*, headless: bool) -> UsageError:
    if headless:
        return UsageError(
            param("window"),
            got="an OpenCV without windows",
            expected="one with them",
            remedy="install opencv-python instead of opencv-python-headless",
        )
    return UsageError(
        param("window"),
        got="no display that a window can be opened on",
        expected="a desktop",
        remedy=f"run it on one, or use {param('output')} or {param('pipe')}",
    )
