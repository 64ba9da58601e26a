"""What a run has finished so far, photo by photo, in a file that a killed run leaves whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from ..errors import OutputError, param
from ..files.journal import JournalFile, Record


class Journal:
    """A line of JSON for each finished photo, after one that says of which run; a context manager.

    Each line is written when all else of its photo is there.
    """

    def __init__(self, path: Path) -> None:
        self._file = JournalFile(path)

    @property
    def path(self) -> Path:
        """Where it is."""
        return self._file.path

    def begin(self, digest: str) -> set[str]:
        """Open for a run with that digest; returns the photos that it has finished already.

        Raises OutputError if the file is of another run.
        """
        head = self._file.head()
        if head is not None and head.get("digest") != digest:
            raise OutputError(
                param("resume"),
                got="a folder that a run with other references or settings began",
                expected="the same ones",
                remedy=f"choose another folder, or add {param('overwrite', True)} in its place",
            )
        self._file.open({"digest": digest})
        return {record["photo"]["photo"] for record in self.records()}

    def add(self, record: Record) -> None:
        """Write down that a photo is finished; raises OutputError."""
        self._file.add(record)

    def records(self) -> Iterator[Record]:
        """Read what was written down, one photo at a time."""
        return self._file.records()

    def names(self) -> list[str]:
        """Return the files that finished photos have, relative to the folder."""
        return [name for record in self.records() for name in record["photo"].get("files", [])]

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
