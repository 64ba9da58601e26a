"""How an input is to be read, beyond where it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

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


def read_options_of(given: Mapping[str, object]) -> ReadOptions:
    """Make options of what a file says of them; raises ValueError or TypeError for other values."""
    options = ReadOptions(**given)  # type: ignore[arg-type]  # checked now
    switches = (options.deinterlace, options.allow_network, options.deep)
    if options.reader not in get_args(Reader) or {type(one) for one in switches} != {bool}:
        raise ValueError(f"options of reading {dict(given)}")
    if options.stream is not None and (type(options.stream) is not int or options.stream < 0):
        raise ValueError(f"a video stream {options.stream!r}")
    return options
