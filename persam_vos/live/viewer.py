"""The program that shows pictures in a window; a process of its own, which `window` starts.

Run by its path, with OpenCV and NumPy alone: in a process that has imported PyAV, Qt hangs as it
opens its first window, since both bring libraries of X of their own.
"""

from __future__ import annotations

import os
import struct
import sys
import threading
from collections import deque
from typing import BinaryIO

import cv2
import numpy as np

TITLE = "persam-vos: q to end"
READY, HEADLESS = "ready", "headless"
SIZE = struct.Struct("<II")
"""Height and width of a picture, before its RGB bytes."""
_QUIT_KEYS = {ord("q"), 27}  # 27 is Escape
_WAIT_MS = 20
_LARGEST_SIDE = 1280  # of a new window, in pixels


def read_pictures(stream: BinaryIO, newest: deque[np.ndarray | None]) -> None:
    """Put each picture that comes into ``newest``, which keeps one; None at the end."""
    while len(head := stream.read(SIZE.size)) == SIZE.size:
        height, width = SIZE.unpack(head)
        data = stream.read(height * width * 3)
        if len(data) < height * width * 3:
            break
        rgb = np.frombuffer(data, np.uint8).reshape(height, width, 3)
        newest.append(np.ascontiguousarray(rgb[:, :, ::-1]))
    newest.append(None)


def main() -> None:
    """Show the newest picture of stdin until it ends, the window is closed, or q is pressed."""
    try:
        cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
    except cv2.error:
        print(HEADLESS, flush=True)  # noqa: T201 - it is what the other process waits for
        return
    print(READY, flush=True)  # noqa: T201
    newest: deque[np.ndarray | None] = deque(maxlen=1)
    arguments = (sys.stdin.buffer, newest)
    threading.Thread(target=read_pictures, args=arguments, daemon=True).start()
    shown = False
    while True:
        if newest:
            picture = newest.pop()
            if picture is None:
                break
            if not shown:
                height, width = picture.shape[:2]
                share = min(1.0, _LARGEST_SIDE / max(height, width))
                cv2.resizeWindow(TITLE, round(width * share), round(height * share))
            cv2.imshow(TITLE, picture)
            shown = True
        if cv2.waitKey(_WAIT_MS) & 0xFF in _QUIT_KEYS:
            break
        if shown and cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) < 1:
            break
    cv2.destroyAllWindows()
    os._exit(0)  # without waiting for the thread that reads


if __name__ == "__main__":
    main()
