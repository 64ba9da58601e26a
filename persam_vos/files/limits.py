"""How much a file may ask for: bounds that rubbish and bombs meet, and that a user can raise.

Each is an environment variable, so that it also holds in processes that are started.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import MediaError, PersamVosError, UsageError

_ODD_ESCAPE = re.compile(r"\\u(0000|[dD][89a-fA-F])")


@dataclass(frozen=True, slots=True)
class Limit:
    """A bound: the environment variable that raises it, what it is without, and of what it is."""

    variable: str
    default: int
    unit: str

    @property
    def value(self) -> int:
        """What holds now; raises UsageError for a variable that is no number above 0."""
        text = os.environ.get(self.variable, "")
        if not text:
            return self.default
        if not (text.isascii() and text.isdecimal() and int(text)):
            raise UsageError(self.variable, got=repr(text), expected=f"{self.unit}, 1 or more")
        return int(text)

    @property
    def remedy(self) -> str:
        """How a user allows more, for the end of a message."""
        return f"if you trust it, set {self.variable} to more than {self.value}"


MAX_PIXELS = Limit("PERSAM_VOS_MAX_PIXELS", 178_956_970, "pixels of a picture")
"""13,377 x 13,377: where Pillow itself stops."""
MAX_TEXT_MB = Limit("PERSAM_VOS_MAX_TEXT_MB", 512, "megabytes of a text")
"""Of JSON and XML, which are read whole: an hour of polygons in COCO's format is a tenth of it."""
PROBE_SECONDS = Limit("PERSAM_VOS_PROBE_SECONDS", 15, "seconds")
"""For opening a file and decoding its first pictures."""
PROBE_MEMORY_MB = Limit("PERSAM_VOS_PROBE_MEMORY_MB", 4096, "megabytes")
"""Of address space, for the same: the largest picture that `MAX_PIXELS` allows takes 2 GB."""


def check_pixels(
    name: str, size_hw: tuple[int, int], kind: type[PersamVosError] = MediaError
) -> None:
    """Raise ``kind`` for a picture of more pixels than `MAX_PIXELS`, by what its header says."""
    height, width = size_hw
    most = MAX_PIXELS.value
    if height * width > most:
        raise kind(
            name,
            got=f"a picture of {width} x {height}",
            expected=f"at most {most} pixels",
            remedy=MAX_PIXELS.remedy,
        )


def read_text(path: Path) -> str:
    """Return a file of UTF-8 text; raises OSError, or ValueError for another or too large a one."""
    most = MAX_TEXT_MB.value
    if path.stat().st_size > most << 20:
        raise ValueError(f"more than {most} MB of text; {MAX_TEXT_MB.remedy}")
    return path.read_text(encoding="utf-8")


def read_json(path: Path) -> Any:
    """Return what a JSON file holds.

    Raises OSError, or ValueError for what is no JSON, too large, or nested too deeply.
    """
    return parse_json(read_text(path))


def parse_json(text: str) -> Any:
    """Return what a JSON text holds.

    Raises ValueError for none, for one nested too deeply, and for characters that no text and no
    file name can have.
    """
    try:
        found = json.loads(text)
        if _ODD_ESCAPE.search(text):
            # Bytes of file names that are no UTF-8 are halves of pairs, too, but others.
            written = json.dumps(found, ensure_ascii=False).encode(errors="surrogateescape")
            if b"\\u0000" in written:
                raise ValueError("a text with a character of code 0")
    except RecursionError:
        raise ValueError("lists or objects that are nested too deeply") from None
    return found
