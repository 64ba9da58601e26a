"""Is a media file whole? What its own structure says of where it should end.

A stated duration or number of frames proves nothing: recorders, edit lists and null frames make
them differ from what is there. The sizes of a file's parts do not lie.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_TS_SIZES = {0: 188, 4: 192}
"""Bytes of a packet of a transport stream, by where its sync byte is."""
_TAIL = 4096


def missing_end(path: Path) -> str | None:
    """Say what shows that a file was cut short, or None where nothing does.

    Knows MP4 and MOV, Matroska and WebM, AVI, GIF, PNG, MPEG-TS, FLV and ASF. Raises OSError when
    the file cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(64)
        expected = _expected_size(file, head, size)
        if expected is not None and expected > size:
            return f"the file has {size} of at least {expected} bytes"
        file.seek(max(0, size - _TAIL))
        if _ends_early(head, file.read(), size):
            return f"the file ends in the middle of its data, after {size} bytes"
    return None


def _expected_size(file: BinaryIO, head: bytes, size: int) -> int | None:
    """Return where the last of a file's parts ends by its own size; None if no part says."""
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return _last_end(_boxes(file, size))
    if head.startswith(_EBML):
        return _segment_end(head)
    if head.startswith(b"RIFF"):
        return _last_end(_riff_chunks(file, size))
    if head.startswith(_ASF):
        return _last_end(_asf_objects(file, size))
    return None


def _ends_early(head: bytes, tail: bytes, size: int) -> bool:
    """Whether the last bytes are not those that a file of this kind ends with."""
    if head.startswith((b"GIF87a", b"GIF89a")):
        return not tail.rstrip(b"\0").endswith(b";")
    if head.startswith(b"\x89PNG"):
        return b"IEND" not in tail
    if head.startswith(b"FLV"):
        (last,) = struct.unpack(">I", tail[-4:])
        return len(tail) > last + 4 and tail[-4 - last] not in (8, 9, 18)
    for place, packet in _TS_SIZES.items():
        syncs = range(place, len(head), packet)
        if head[place : place + 1] == b"\x47" and size > packet and len(syncs) == 1:
            return size % packet != 0
    return False


def _last_end(ends: Iterator[int]) -> int | None:
    return max(ends, default=None)


def _boxes(file: BinaryIO, size: int) -> Iterator[int]:
    """Yield where each box of the top level ends (ISO 14496-12)."""
    place = 0
    while place + 8 <= size:
        file.seek(place)
        header = file.read(16)
        length, kind = struct.unpack(">I4s", header[:8])
        if length == 1 and len(header) == 16:
            (length,) = struct.unpack(">Q", header[8:])
        if length < 8 or not kind.isalnum():  # up to the end of the file, or no box
            return
        place += length
        yield place


def _riff_chunks(file: BinaryIO, size: int) -> Iterator[int]:
    """Yield where each RIFF chunk ends; large AVI files have several."""
    place = 0
    while place + 8 <= size:
        file.seek(place)
        kind, length = struct.unpack("<4sI", file.read(8))
        if kind != b"RIFF" or length in (0, 0xFFFFFFFF):  # a recorder that was stopped
            return
        yield place + 8 + length
        place += 8 + length + length % 2


def _asf_objects(file: BinaryIO, size: int) -> Iterator[int]:
    """Yield where each object of the top level ends."""
    place = 0
    while place + 24 <= size:
        file.seek(place)
        (length,) = struct.unpack("<16xQ", file.read(24))
        if length < 24:
            return
        place += length
        yield place


def _segment_end(head: bytes) -> int | None:
    """Return where a Matroska segment ends; None for one of unknown size, as streams have."""
    place = head.find(_SEGMENT)
    if place < 0 or place + 4 >= len(head):
        return None
    first = head[place + 4]
    length = 9 - first.bit_length()
    digits = head[place + 4 : place + 4 + length]
    bits = 7 * length
    value = int.from_bytes(digits, "big") & ((1 << bits) - 1)
    unknown = value == (1 << bits) - 1
    return None if unknown or len(digits) < length else place + 4 + length + value
