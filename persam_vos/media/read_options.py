"""How an input is to be read, beyond where it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Reader = Literal["pyav", "decord"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """Choices of reading; produced by `TrackRequest.reading`, consumed by ``media.reader``.

    ``reader`` is the library that decodes videos. ``stream`` is which of several moving pictures in
    a file, counted from 0; None is the one that the file names as its main one. ``deinterlace``
    makes whole pictures of interlaced ones. ``allow_network`` lets addresses such as ``https://``
    be opened. ``deep`` gives frames all values of a source of more than 8 bits, beside the 8 that
    a network sees.
    """

    reader: Reader = "pyav"
    stream: int | None = None
    deinterlace: bool = True
    allow_network: bool = False
    deep: bool = False


DEFAULT = ReadOptions()
