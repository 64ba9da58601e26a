"""Label frames on a pipe: H x W bytes a frame, as `ffplay -f rawvideo -pixel_format gray` reads."""

from __future__ import annotations

import os
import select
import threading
import time

from ..errors import OutputError, param
from ..structures import LabelMap

_SAFE_BYTES = getattr(select, "PIPE_BUF", None)
"""As many bytes never block on a pipe that is ready; None where nobody can tell, on Windows."""
_LOOK_SECONDS = 0.1


class LabelPipe:
    """Writes label maps (H, W) uint8 to a file descriptor, row by row, without any header.

    Raises BrokenPipeError where the reader has gone, and OutputError where it takes nothing for
    ``stall_seconds``. `hurry` lets a write in another thread that waits for the reader give up.
    """

    def __init__(self, descriptor: int, *, stall_seconds: float) -> None:
        self._descriptor = descriptor
        self._stall_seconds = stall_seconds
        self._hurried = threading.Event()

    def write(self, label_map: LabelMap) -> None:
        """Write one frame whole; raises BrokenPipeError or OutputError."""
        rest = memoryview(label_map.tobytes())
        while rest:
            self._wait()
            rest = rest[os.write(self._descriptor, rest[:_SAFE_BYTES]) :]

    def hurry(self) -> None:
        """Wait for the reader no longer."""
        self._hurried.set()

    def _wait(self) -> None:
        """Wait until some bytes can be written without being blocked by the reader."""
        if _SAFE_BYTES is None:
            return
        until = time.monotonic() + self._stall_seconds
        while not select.select([], [self._descriptor], [], _LOOK_SECONDS)[1]:
            if self._hurried.is_set() or time.monotonic() > until:
                raise OutputError(
                    param("pipe"),
                    got=f"a reader that takes nothing for {self._stall_seconds:g} s",
                    expected="one that reads every frame",
                    remedy=f"make it read on, or raise {param('stall_timeout')}",
                )


def describe_format(size_hw: tuple[int, int]) -> str:
    """Say what a reader of the pipe gets."""
    height, width = size_hw
    return (
        f"raw frames of {width} x {height} pixels, {width * height} bytes each: "
        "uint8, the id of the object or 0, row by row (ffmpeg: -f rawvideo -pixel_format gray "
        f"-video_size {width}x{height})"
    )
