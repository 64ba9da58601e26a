"""Ways to damage a file: as disks and networks do, and as someone does who means harm."""

from __future__ import annotations

import json
import random
import struct
import zlib
from collections.abc import Callable, Sequence
from typing import Any

Damage = Callable[[bytearray, random.Random, Sequence[bytes]], bytes]
"""Takes a file's content, chance, and the contents of other files."""

LARGE = (0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, 0x00FFFFFF, 0x0000FFFF, 0x10000, 0)
HOSTILE_TEXTS = (
    *("../../outside", "/etc/passwd", "a/b", "..", "{0.__class__}", "%s%n", "[red]x[/red]"),
    *("<script>alert(1)</script>", "\x1b[31mred\x1b]0;title\x07", "a\nb", "\x00", "\ud800", ""),
    *("x" * 5000, "CON", "http://127.0.0.1:9/a.mp4", "file:///etc/passwd", "-rf", "🦊" * 300),
)
HOSTILE_VALUES: tuple[Any, ...] = (
    *(float("nan"), float("inf"), -1, 0, 10**400, 1e308, 2**31, 2**63, 0.5, True, None, [], {}),
    *HOSTILE_TEXTS,
)


def flip_bits(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> bytes:
    for _number in range(chance.choice((1, 1, 3, 20, 200))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(data)


def flip_in_head(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> bytes:
    for _number in range(chance.choice((1, 2, 5))):
        data[chance.randrange(min(len(data), 256))] = chance.randrange(256)
    return bytes(data)


def truncate(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> bytes:
    return bytes(data[: chance.choice((chance.randrange(len(data)), chance.randrange(64)))])


def splice(data: bytearray, chance: random.Random, others: Sequence[bytes]) -> bytes:
    other = chance.choice(others)
    return bytes(data[: chance.randrange(len(data))]) + other[chance.randrange(len(other)) :]


def foreign_head(data: bytearray, chance: random.Random, others: Sequence[bytes]) -> bytes:
    count = chance.choice((4, 8, 12, 16, 64, 512))
    return chance.choice(others)[:count] + bytes(data[count:])


def zero_block(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> bytes:
    start = chance.randrange(len(data))
    count = min(chance.choice((4, 64, 512, 4096)), len(data) - start)
    data[start : start + count] = bytes(count)
    return bytes(data)


def noise_block(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> bytes:
    start = chance.randrange(len(data))
    count = min(chance.choice((4, 64, 512)), len(data) - start)
    data[start : start + count] = chance.randbytes(count)
    return bytes(data)


def repeat_block(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> bytes:
    # No more than 10 kB: a hundred clusters of a WebM are a long video, which may take its time.
    start = chance.randrange(len(data))
    size, count = chance.choice(((8, 2), (8, 1000), (100, 2), (100, 100), (1000, 2), (1000, 10)))
    return bytes(data[:start]) + bytes(data[start : start + size]) * count + bytes(data[start:])


def drop_block(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> bytes:
    start = chance.randrange(len(data))
    return bytes(data[:start] + data[start + chance.choice((1, 4, 100)) :])


def large_number(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> bytes:
    """Write a large number somewhere, mostly near the beginning, where sizes are declared."""
    most = chance.choice((32, 128, 1024, len(data)))
    start = chance.randrange(max(1, min(most, len(data) - 4)))
    data[start : start + 4] = struct.pack(chance.choice("<>") + "I", chance.choice(LARGE))
    return bytes(data)


def png_size(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> bytes:
    """Declare another size or kind in a PNG's header, with a checksum that is right."""
    sizes = (1, 7, 1 << 12, 1 << 14, 1 << 17, 1 << 30)
    data[16:24] = struct.pack(">II", chance.choice(sizes), chance.choice(sizes))
    if chance.random() < 0.3:
        data[24:29] = bytes((chance.choice((1, 2, 4, 8, 16)), chance.randrange(8), 0, 0, 1))
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return bytes(data)


def changed_json(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> bytes:
    """Put something hostile in the place of one or some of the values of a JSON text."""
    facts = json.loads(data.decode())
    for _number in range(chance.choice((1, 1, 2, 8))):
        facts = _with_hostile(facts, chance)
    return json.dumps(facts).encode("utf-8", "surrogatepass")


def deep_json(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> bytes:
    depth = chance.choice((100, 2000, 200_000))
    opening, closing = chance.choice((("[", "]"), ('{"a":', "}")))
    deep = opening * depth + "1" + closing * depth * chance.choice((0, 1))
    return bytes(data).replace(b":", b":" + deep.encode() + b",", 1)


def changed_text(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> bytes:
    """Put something hostile in the place of a number or a quoted text."""
    words = bytes(data).split(b'"')
    place = chance.randrange(len(words))
    hostile = str(chance.choice(HOSTILE_VALUES)).replace("\x00", "").replace("\ud800", "")
    words[place] = hostile.encode()
    return b'"'.join(words)


def _with_hostile(value: Any, chance: random.Random) -> Any:
    if isinstance(value, dict) and value and chance.random() < 0.9:
        key = chance.choice(sorted(value))
        changed = dict(value)
        if chance.random() < 0.1:
            del changed[key]
        else:
            changed[key] = _with_hostile(value[key], chance)
        return changed
    if isinstance(value, list) and value and chance.random() < 0.9:
        place = chance.randrange(len(value))
        return [*value[:place], _with_hostile(value[place], chance), *value[place + 1 :]]
    return chance.choice(HOSTILE_VALUES)


ANY: tuple[Damage, ...] = (
    *(flip_bits, flip_bits, flip_in_head, flip_in_head, truncate, splice, foreign_head),
    *(zero_block, noise_block, repeat_block, drop_block, large_number, large_number),
)
OF_SUFFIX: dict[str, tuple[Damage, ...]] = {
    ".png": (png_size, png_size, png_size),
    ".json": (changed_json,) * 12 + (deep_json,) * 2,
    ".xml": (changed_text,) * 8,
    ".txt": (changed_text,) * 4,
}


def damaged(
    content: bytes, suffix: str, chance: random.Random, others: Sequence[bytes]
) -> tuple[str, bytes]:
    """Damage a file's content in one way or two; returns the ways by name, and what came of it."""
    ways, names = ANY + OF_SUFFIX.get(suffix, ()), []
    for _number in range(chance.choice((1, 1, 1, 2))):
        way = chance.choice(ways)
        try:
            content = way(bytearray(content or b"\0"), chance, others)
        except (ValueError, RecursionError):  # JSON or text that was damaged before
            content = flip_bits(bytearray(content or b"\0"), chance, others)
        names.append(way.__name__)
    return "+".join(names), content
