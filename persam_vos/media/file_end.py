"""Is a media file whole? What its own structure says of where it should end.

A stated duration or number of frames proves nothing: recorders, edit lists and null frames make
them differ from what is there. The sizes of a file's parts do not lie.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_EBML, _SEGMENT, _CLUSTER = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67", b"\x1f\x43\xb6\x75"
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_SYNC, TS_BYTES, M2TS_BYTES = b"G", 188, 192
"""What each packet of a transport stream begins with, and their sizes."""
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
        if _ends_early(file, head, size):
            return f"the file ends in the middle of its data, after {size} bytes"
    return None


def ends_inside_picture(path: Path) -> bool:
    """Whether a transport stream ends with a full packet, as inside of a picture.

    Recordings that were stopped end so too. The last packet of a picture is filled up, but for one
    in 184 that fits. Raises OSError.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(1) != _SYNC or size % TS_BYTES or size < 2 * TS_BYTES:
            return False
        file.seek(size - TS_BYTES)
        last = file.read()
    payload_alone = last[3] >> 4 & 3 == 1
    return last[:1] == _SYNC and payload_alone and not last.endswith(b"\xff\xff")


def _expected_size(file: BinaryIO, head: bytes, size: int) -> int | None:
    """Return where the last of a file's parts ends by its own size; None if no part says."""
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return _last_end(_boxes(file, size))
    if head.startswith(_EBML):
        return _last_end(_ebml_elements(file, size))
    if head.startswith(b"RIFF"):
        return _last_end(_riff_chunks(file, size))
    if head.startswith(_ASF):
        return _last_end(_asf_objects(file, size))
    return None


def _ends_early(file: BinaryIO, head: bytes, size: int) -> bool:
    """Whether the last bytes are not those that a file of this kind ends with."""
    file.seek(max(0, size - _TAIL))
    tail = file.read()
    if head.startswith((b"GIF87a", b"GIF89a")):
        return not tail.rstrip(b"\0").endswith(b";")
    if head.startswith(b"\x89PNG"):
        return b"IEND" not in tail
    if head.startswith(b"FLV"):
        (last,) = struct.unpack(">I", tail[-4:])
        file.seek(max(0, size - 4 - last))
        return last + 4 > size or file.read(1) not in (b"\x08", b"\x09", b"\x12")
    if head[:1] == _SYNC and size > TS_BYTES:
        return size % TS_BYTES != 0
    return head[4:5] == _SYNC and size > M2TS_BYTES and size % M2TS_BYTES != 0


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


def _ebml_elements(file: BinaryIO, size: int) -> Iterator[int]:
    """Yield where each element ends; goes into segments, and into clusters of unknown size."""
    place = 0
    while place < size:
        file.seek(place)
        header = file.read(12)
        id_length, _ = _number(header)
        kind, rest = header[:id_length], header[id_length:]
        length, value = _number(rest)
        if not kind or not length:  # no element, or one that is cut in its header
            return
        place += id_length + length
        if value is not None:
            yield place + value
        elif kind not in (_SEGMENT, _CLUSTER):
            return
        if value is None:
            continue
        if kind == _SEGMENT:
            return  # its size says it all
        place += value


def _number(data: bytes) -> tuple[int, int | None]:
    """Return the bytes that an EBML number takes, 0 if it is none, and its value; None: unknown."""
    if not data or data[0] == 0:
        return 0, 0
    length = 9 - data[0].bit_length()
    if len(data) < length:
        return 0, 0
    greatest = (1 << 7 * length) - 1
    value = int.from_bytes(data[:length], "big") & greatest
    return length, None if value == greatest else value
