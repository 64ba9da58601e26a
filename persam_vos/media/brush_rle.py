"""Label Studio's run lengths of brush strokes: the bit stream of rle-pack, of RGBA pixels.

Source: thi.ng/umbrella, packages/rle-pack (the format), and label-studio-sdk, converter/brush.py
(which pixels: a mask's values, four times each). A stream has its number of values (32 bits), the
bits of a value less 1 (5), and four sizes of run lengths less 1 (4 each). Of each run follow one
bit (1: one value for all of it), two bits (which size), its length less 1, and its value.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_SIZES = (3, 4, 8, 16)
_VALUE_BITS = 8
_CHANNELS = 4


def encode_brush(mask: npt.NDArray[np.bool_]) -> list[int]:
    """Return the bytes of an (H, W) mask: 255 in all four channels where it is True."""
    flat = mask.ravel()
    ends = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    starts = np.concatenate([[0], ends])
    lengths = np.diff(np.concatenate([starts, [flat.size]])) * _CHANNELS
    header = f"{flat.size * _CHANNELS:032b}{_VALUE_BITS - 1:05b}"
    bits = [header, *(f"{size - 1:04b}" for size in _SIZES)]
    for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
        bits.extend(_run(length, 255 if flat[start] else 0))
    text = "".join(bits)
    whole = text + "0" * (-len(text) % 8)
    return list(int(whole, 2).to_bytes(len(whole) // 8, "big"))


def decode_brush(rle: list[int], size_hw: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Return the (H, W) mask of a stream: True where alpha is not 0.

    Raises ValueError for a stream that is damaged, or of another size.
    """
    bits = _Bits(bytes(rle))
    count, value_bits = bits.take(32), bits.take(5) + 1
    sizes = [bits.take(4) + 1 for _ in range(4)]
    if count != size_hw[0] * size_hw[1] * _CHANNELS:
        raise ValueError(f"{count} values for a picture of {size_hw[1]} x {size_hw[0]}")
    values = np.zeros(count, np.uint32)
    at = 0
    while at < count:
        same = bits.take(1)
        length = bits.take(sizes[bits.take(2)]) + 1
        if same:
            values[at : at + length] = bits.take(value_bits)
        else:
            for place in range(at, min(at + length, count)):
                values[place] = bits.take(value_bits)
        at += length
    return np.asarray(values.reshape(*size_hw, _CHANNELS)[..., 3] > 0)


class _Bits:
    """Reads numbers from a stream of bits."""

    def __init__(self, data: bytes) -> None:
        self._text = f"{int.from_bytes(data, 'big'):0{8 * len(data)}b}" if data else ""
        self._at = 0

    def take(self, count: int) -> int:
        """Return the number in the next bits; raises ValueError beyond the end."""
        part = self._text[self._at : self._at + count]
        if len(part) < count:
            raise ValueError("the run lengths end too early")
        self._at += count
        return int(part, 2)


def _run(length: int, value: int) -> list[str]:
    """Return the bits of a run, in pieces as long as the largest size holds."""
    most = 1 << _SIZES[-1]
    pieces = [most] * (length // most) + ([length % most] if length % most else [])
    parts = []
    for piece in pieces:
        kind = next(i for i, size in enumerate(_SIZES) if piece <= 1 << size)
        parts.append(f"1{kind:02b}{piece - 1:0{_SIZES[kind]}b}{value:0{_VALUE_BITS}b}")
    return parts
