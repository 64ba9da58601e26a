"""Frames of JPEG files that come one after another, without anything between them."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial

import numpy as np
from PIL import ImageOps

from ..errors import MediaError
from ..files.open_picture import FAILURES, open_picture
from ..media.container import FALLBACK_RATE
from ..structures import RgbImage
from .capture import Captured, Clock, StreamFacts

START = b"\xff\xd8"
_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_ALONE = {0x01, *range(0xD0, 0xD8)}
"""Markers that no length follows."""
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""What ends the coded pixels: a marker, but neither a stuffed zero nor a restart."""
_PIECE = 65_536
LARGEST_BYTES = 64 * 2**20


def mjpeg_frames(
    read: Callable[[int], bytes], rate: Fraction | None = None, *, name: str = "stdin"
) -> Iterator[Captured]:
    """Yield the pictures of the bytes that ``read`` returns, each as its last byte arrives.

    FFmpeg's demuxer would wait for the next picture to know where one ends. Times are by ``rate``,
    in frames per second, or else by arrival. Raises MediaError for a picture of more than 64 MiB.
    """
    facts = StreamFacts(rate or FALLBACK_RATE, "mjpeg", "jpeg")
    splitter, clock, count = JpegSplitter(name), Clock(rate), 0
    while piece := read(_PIECE):
        for data in splitter.feed(piece):
            arrived = time.perf_counter()
            to_image = partial(read_jpeg, data, f"{name}, frame {count}")
            yield Captured(count, clock.of(count, arrived), arrived, facts, to_image)
            count += 1


class JpegSplitter:
    """Cuts bytes into JPEG files, by their markers (ITU-T T.81, annex B)."""

    def __init__(self, name: str = "stdin") -> None:
        self._name = name
        self._data = bytearray()
        self._at = 0  # how far the picture was looked through; 0: its start is to be found
        self._in_scan = False

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Take in bytes, and yield the pictures that they complete.

        One that another begins in the middle of comes as far as it goes; what is between pictures
        is passed over. Raises MediaError for a picture that does not end.
        """
        self._data += piece
        while self._find_start():
            end = self._find_end()
            if end is None:
                break
            yield bytes(self._data[:end])
            del self._data[:end]
            self._at, self._in_scan = 0, False
        if len(self._data) > LARGEST_BYTES:
            raise MediaError(
                self._name,
                got=f"a JPEG of more than {LARGEST_BYTES >> 20} MiB",
                expected="JPEG files one after another",
                remedy="check what is piped in",
            )

    def _find_start(self) -> bool:
        """Move the start of a picture to the start of the bytes; returns whether there is one."""
        if self._at:
            return True
        found = self._data.find(START)
        if found < 0:
            del self._data[: max(0, len(self._data) - 1)]
            return False
        del self._data[:found]
        self._at = len(START)
        return True

    def _find_end(self) -> int | None:
        """Return the length of the picture, or None while that is not known."""
        while True:
            if self._in_scan and not self._skip_scan():
                return None
            if self._at + 4 > len(self._data):
                return self._at + 2 if self._data[self._at :] == b"\xff\xd9" else None
            mark, marker = self._data[self._at : self._at + 2]
            if mark != 0xFF:
                self._in_scan = True  # damaged: the next marker is where it goes on
            elif marker == _END:
                return self._at + 2
            elif marker == _START:
                return self._at
            elif marker == 0xFF:
                self._at += 1
            elif marker in _ALONE:
                self._at += 2
            else:
                length = int.from_bytes(self._data[self._at + 2 : self._at + 4], "big")
                self._at += 2 + length
                self._in_scan = marker == _SCAN

    def _skip_scan(self) -> bool:
        """Go to the marker after the coded pixels; returns whether it is there."""
        found = _AFTER_SCAN.search(self._data, self._at)
        if found is None:
            self._at = max(self._at, len(self._data) - 1)
            return False
        self._at, self._in_scan = found.start(), False
        return True


def read_jpeg(data: bytes, name: str) -> RgbImage:
    """Decode a JPEG to (H, W, 3) uint8 RGB, turned as its EXIF says; raises MediaError."""
    try:
        with open_picture(io.BytesIO(data), name, formats=("JPEG",)) as image:
            return np.array(ImageOps.exif_transpose(image).convert("RGB"))
    except FAILURES as error:
        raise MediaError(
            name,
            got="a damaged JPEG",
            expected="whole JPEG files one after another",
            remedy="check what is piped in",
        ) from error
