"""What a run has finished so far, photo by photo, in a file that a killed run leaves whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from ..errors import OutputError, param
from ..files.atomic import output_error

Record = dict[str, Any]


class Journal:
    """A line of JSON for each finished photo, after one that says of which run; a context manager.

    Each line is written when all else of its photo is there. A last line that a killed run left
    unfinished is dropped when it is opened again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None

    def begin(self, digest: str) -> set[str]:
        """Open for a run with that digest; returns the photos that it has finished already.

        Raises OutputError if the file is of another run.
        """
        try:
            whole = self._whole_length()
            self._file = self.path.open("r+b" if self.path.exists() else "w+b")
            self._file.truncate(whole)
            self._file.seek(0, 2)
        except OSError as error:
            raise output_error(self.path, error) from error
        if not whole:
            self._write({"digest": digest})
            return set()
        if self._head().get("digest") != digest:
            raise OutputError(
                param("resume"),
                got="a folder that a run with other references or settings began",
                expected="the same ones",
                remedy=f"choose another folder, or add {param('overwrite', True)} in its place",
            )
        return {record["photo"]["photo"] for record in self.records()}

    def add(self, record: Record) -> None:
        """Write down that a photo is finished; raises OutputError."""
        self._write(record)

    def records(self) -> Iterator[Record]:
        """Read what was written down, one photo at a time."""
        with self.path.open("rb") as lines:
            next(lines, None)
            for line in lines:
                yield json.loads(line)

    def names(self) -> list[str]:
        """Return the files that finished photos have, relative to the folder."""
        if not self.path.exists():
            return []
        length, names = self._whole_length(), []
        with self.path.open("rb") as lines:
            for line in lines:
                if lines.tell() <= length and b'"photo"' in line:
                    names += json.loads(line)["photo"].get("files", [])
        return names

    def close(self) -> None:
        """Close the file, if it is open."""
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _head(self) -> Record:
        with self.path.open("rb") as lines:
            head: Record = json.loads(next(lines))
        return head

    def _whole_length(self) -> int:
        """Return how many bytes are whole lines."""
        length = 0
        if self.path.exists():
            with self.path.open("rb") as lines:
                for line in lines:
                    length += len(line) if line.endswith(b"\n") else 0
        return length

    def _write(self, record: Record) -> None:
        assert self._file is not None, "begun first"
        try:
            self._file.write(json.dumps(record).encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise output_error(self.path, error) from error
