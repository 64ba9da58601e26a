"""What a run has finished so far: lines of JSON, each with a checksum of its own.

A line counts when its checksum is right. Of what a killed run left half-written, or a disk or an
editor damaged, only the lines before it count; a run that goes on writes over the rest.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from .atomic import make_folder, output_error
from .limits import parse_json

Record = dict[str, Any]
_CHECK = "check"


class JournalFile:
    """A journal on the disk, whose first record, its head, says of which run it is.

    `open` has to be called before `add`. Raises OutputError where writing fails.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None

    def head(self) -> Record | None:
        """Return the first record, None where there is none."""
        return next((record for record, _ in self._whole()), None)

    def records(self) -> Iterator[Record]:
        """Read the records behind the head, one at a time."""
        whole = self._whole()
        next(whole, None)
        yield from (record for record, _ in whole)

    def open(self, head: Mapping[str, Any]) -> None:
        """Open it behind the last line that counts; where there is none, the head is written."""
        make_folder(self.path.parent)
        try:
            length = max((end for _, end in self._whole()), default=0)
            self._file = self.path.open("r+b" if self.path.exists() else "w+b")
            self._file.truncate(length)
            self._file.seek(length)
        except OSError as error:
            raise output_error(self.path, error) from error
        if not length:
            self.add(head)

    def add(self, record: Mapping[str, Any], *, sync: bool = False) -> None:
        """Write a record; with ``sync`` it is on the disk when this returns."""
        assert self._file is not None, "opened first"
        text = json.dumps(record)
        try:
            self._file.write(f'{text[:-1]}, "{_CHECK}": "{_checksum(text)}"}}\n'.encode())
            self._file.flush()
            if sync:
                os.fsync(self._file.fileno())
        except OSError as error:
            raise output_error(self.path, error) from error

    def close(self) -> None:
        """Close the file, if it is open."""
        if self._file is not None:
            self._file.close()

    def _whole(self) -> Iterator[tuple[Record, int]]:
        """Yield the records that count, and where each ends, in bytes."""
        if not self.path.is_file():
            return
        end = 0
        with self.path.open("rb") as lines:
            for line in lines:
                record = _record(line)
                if record is None:
                    return
                end += len(line)
                yield record, end


def _record(line: bytes) -> Record | None:
    """Return the record of a line; None for one whose checksum is wrong."""
    try:
        record = parse_json(line.decode()) if line.endswith(b"\n") else None
    except ValueError:
        return None
    if not isinstance(record, dict):
        return None
    check = record.pop(_CHECK, None)
    return record if check == _checksum(json.dumps(record)) else None


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
