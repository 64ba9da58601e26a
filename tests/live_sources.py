"""Live sources on this very machine: pipes and loopback servers that send what tests make."""

from __future__ import annotations

import io
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from typing import Any

import av
import numpy as np
from media_clips import picture
from PIL import Image

from persam_vos.live.capture import Captured, StreamFacts

SIZE_HW = (64, 96)
FACTS = StreamFacts(Fraction(25), "test", "rgb24")


def square() -> np.ndarray:
    """A mask of the bright corner that every `picture` has, as object 7."""
    labels = np.zeros(SIZE_HW, np.uint8)
    labels[:16, :24] = 7
    return labels


def jpeg(image: np.ndarray, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=90, **options)
    return file.getvalue()


def video_bytes(count: int, form: str = "mpegts", codec: str = "mpeg2video") -> bytes:
    """Return a small clip in a container, as a camera would stream it."""
    file = io.BytesIO()
    with av.open(file, "w", format=form) as container:
        stream = container.add_stream(codec, rate=25, options={"bf": "0", "g": "10"})
        stream.height, stream.width = SIZE_HW
        stream.pix_fmt = "yuv420p"
        for index in range(count):
            frame = av.VideoFrame.from_ndarray(picture(index), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def reading(data: bytes) -> Callable[[int], bytes]:
    """Return what reads these bytes, as a pipe is read."""
    return io.BytesIO(data).read


def captured(index: int, image: np.ndarray | None = None) -> Captured:
    shown = picture(index) if image is None else image
    return Captured(index, index / 25, float(index), FACTS, lambda: shown)


@contextmanager
def piped(*parts: bytes) -> Iterator[int]:
    """Yield a pipe's end from which these parts can be read, written by a thread."""
    source, target = os.pipe()

    def write() -> None:
        with suppress(BrokenPipeError):
            for part in parts:
                rest = memoryview(part)
                while rest:
                    rest = rest[os.write(target, rest) :]
        os.close(target)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield source
    finally:
        os.close(source)
        thread.join()


@contextmanager
def served(data: bytes, *, hold: bool = False) -> Iterator[str]:
    """Yield the address of a TCP server that sends these bytes, and then hangs up, or holds."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                connection, _ = server.accept()
                with connection:
                    connection.sendall(data)
                    if hold:
                        done.wait(60)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        done.set()
        thread.join()
