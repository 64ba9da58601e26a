"""Pictures of episodes are decoded in another process first, ahead of who needs them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ...media.sandbox import ProbeAhead


class PicturesAhead:
    """Has another process look at the files of episodes, each once, in the order of the episodes.

    A context manager, which ends the process.
    """

    def __init__(self, files_of_episodes: Iterable[Sequence[Path]]) -> None:
        files = dict.fromkeys(path for files in files_of_episodes for path in files)
        self._places = {path: place for place, path in enumerate(files)}
        self._looked_at = 0
        self._probe = ProbeAhead([str(path) for path in files]) if files else None

    def __enter__(self) -> PicturesAhead:
        return self

    def __exit__(self, *_: object) -> None:
        if self._probe is not None:
            self._probe.__exit__()

    def wait(self, files: Sequence[Path]) -> None:
        """Return when the files of the next episode were looked at; raises MediaError for one.

        Files that nobody was to look at are passed.
        """
        last = max((self._places.get(path, -1) for path in files), default=-1)
        while self._probe is not None and self._looked_at <= last:
            self._looked_at += 1
            self._probe.wait(self._looked_at - 1)
