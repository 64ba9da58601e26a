"""Frames of a camera, by OpenCV: the PyAV that pip installs cannot open any."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import partial

import cv2
import numpy as np
import numpy.typing as npt

from ..errors import MediaError, param
from ..structures import RgbImage
from .capture import Captured, Clock, StreamFacts

FALLBACK_RATE = Fraction(30)
"""Frames per second of a camera that does not say."""


def camera_frames(number: int) -> Iterator[Captured]:
    """Yield the frames of a camera as they arrive, by its number from 0.

    Raises MediaError where there is none, or it stops.
    """
    with _quiet():
        camera = cv2.VideoCapture(number)
    if not camera.isOpened():
        raise MediaError(
            f"camera {number}",
            got="no camera of this number that can be opened",
            expected="one that is plugged in, and that no other program uses",
            remedy=f"try another number, or {param('source', '-')} with what a program captures",
        )
    yield from frames_of(camera, f"camera {number}")


def frames_of(camera: cv2.VideoCapture, name: str) -> Iterator[Captured]:
    """Yield the frames of an opened capture, and release it; raises MediaError at its end."""
    rate = camera.get(cv2.CAP_PROP_FPS)
    facts = StreamFacts(Fraction(rate).limit_denominator(1001) if rate > 0 else FALLBACK_RATE,
                        camera.getBackendName(), "bgr24")  # fmt: skip
    camera.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # cameras that can: what waits in a buffer is late
    count, clock = 0, Clock()
    try:
        while True:
            there, image = camera.read()
            arrived = time.perf_counter()
            if not there:
                break
            yield Captured(count, clock.of(count, arrived), arrived, facts, partial(_to_rgb, image))
            count += 1
    finally:
        camera.release()
    raise MediaError(
        name,
        got=f"{count} frames, then no more",
        expected="a camera that goes on",
        remedy="plug it in again, and start again",
    )


def _to_rgb(image: npt.NDArray[np.uint8]) -> RgbImage:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep OpenCV from writing of cameras that are not there to stderr."""
    before = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(before)
