"""Digests of what a run depends on: the same digests, the same results."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent.parent
WHOLE_BYTES = 64 << 20
"""Files up to this size are read whole; of larger ones as much, in blocks spread over them."""
_BLOCK = 1 << 20


def digest_of_files(paths: Iterable[Path]) -> str:
    """Return a digest over the sizes and contents of files, in order; their names do not count.

    Of a file of more than 64 MiB it covers its size, and 64 blocks of 1 MiB from its beginning to
    its end: a video that was cut, encoded again or exchanged has another digest; one in which a few
    bytes were changed in place may not. Raises OSError.
    """
    digest = hashlib.blake2b(digest_size=16)
    for path in paths:
        size = path.stat().st_size
        digest.update(f"{size} ".encode())
        with path.open("rb") as file:
            for place in _places(size):
                file.seek(place)
                digest.update(file.read(_BLOCK))
    return digest.hexdigest()


def _places(size: int) -> Iterable[int]:
    """Return where the blocks begin that are read of a file."""
    if size <= WHOLE_BYTES:
        return range(0, size, _BLOCK)
    count = WHOLE_BYTES // _BLOCK
    return ((size - _BLOCK) * number // (count - 1) for number in range(count))


@cache
def package_digest() -> str:
    """Return a digest over the code of the package, as it is installed."""
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(PACKAGE.rglob("*.py")):
        digest.update(f"{path.relative_to(PACKAGE).as_posix()} ".encode() + path.read_bytes())
    return digest.hexdigest()
