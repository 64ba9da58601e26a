"""A window that shows the masks, by OpenCV."""

from __future__ import annotations

import subprocess
import sys

import cv2

from ..errors import UsageError, param
from ..media.overlay import draw_overlay
from ..structures import TrackedFrame

TITLE = "persam-vos: q to end"
_PROBE = "import cv2; cv2.namedWindow('probe'); cv2.destroyAllWindows()"
_PROBE_SECONDS = 30
_QUIT_KEYS = {ord("q"), 27}  # 27 is Escape


def check_window() -> None:
    """Raise UsageError where no window can be opened.

    Tried in a process of its own: without a display Qt ends the process that asks for a window.
    """
    probe = subprocess.run(
        [sys.executable, "-c", _PROBE], capture_output=True, timeout=_PROBE_SECONDS, check=False
    )
    if probe.returncode == 0:
        return
    headless = b"not implemented" in probe.stderr
    raise UsageError(
        param("window"),
        got="an OpenCV without windows"
        if headless
        else "no display that a window can be opened on",
        expected="a desktop",
        remedy="install opencv-python instead of opencv-python-headless"
        if headless
        else f"run it on one, or use {param('output')} or {param('pipe')}",
    )


class OverlayWindow:
    """Shows each frame with its masks drawn over it, in the thread that tracks."""

    def __init__(self, *, alpha: float) -> None:
        self._alpha = alpha
        cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)

    def show(self, tracked: TrackedFrame) -> bool:
        """Show a frame; returns whether the user wants more: no q, no Escape, window open."""
        image = draw_overlay(tracked.frame.image, tracked.label_map, alpha=self._alpha)
        cv2.imshow(TITLE, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        key = cv2.waitKey(1) & 0xFF
        return key not in _QUIT_KEYS and cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) > 0

    def close(self) -> None:
        """Close the window."""
        cv2.destroyAllWindows()
