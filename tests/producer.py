"""An iterator that knows what was done with it."""

from __future__ import annotations

import time
from collections.abc import Iterator


class Producer:
    """Counts what was taken from it, and knows whether it was closed."""

    def __init__(self, count: int, *, fail_at: int = -1, pause: float = 0.0) -> None:
        self.taken, self.closed = 0, False
        self._count, self._fail_at, self._pause = count, fail_at, pause

    def __iter__(self) -> Iterator[int]:
        try:
            for value in range(self._count):
                time.sleep(self._pause)
                if value == self._fail_at:
                    raise OSError("the disk went away")
                self.taken += 1
                yield value
        finally:
            self.closed = True
