"""The log of a run, `track.json`: what, when and where, written as frames come."""

from __future__ import annotations

import contextlib
import json
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from ..files.atomic import TEMPORARY, AtomicFile, output_error
from ..files.limits import parse_json
from ..files.output import inside
from ..structures import TrackedFrame

_FRAMES = ' "frames": ['
_OLD_FILES = ["overlay.mp4", "trace.json"]
"""What runs of version 0.2.0 may have written beside masks; their logs do not say."""


class TrackLog:
    """Write `track.json` entry by entry, so that memory does not grow with the clip.

    Entries of frames that come backwards are held in a file without a name until `release`; of
    each, memory keeps where it is, in 8 bytes. Raises OutputError when the file cannot be written;
    it is then removed.
    """

    def __init__(self, path: Path, facts: Mapping[str, Any]) -> None:
        self._output = AtomicFile(path)
        self._first = True
        self._held: IO[bytes] | None = None
        self._places = array("q")
        try:
            self._file: IO[str] = self._output.temporary.open("w", encoding="utf-8")
        except OSError as error:
            self._output.discard()
            raise output_error(path, error) from error
        head = json.dumps(dict(facts), indent=1)
        self._emit(head[: head.rindex("}")].rstrip() + (",\n" if facts else "") + _FRAMES)

    def append(self, entry: str) -> None:
        """Add one frame, by its `log_entry`."""
        self._emit(("\n  " if self._first else ",\n  ") + entry)
        self._first = False
        with self._guarded():
            self._file.flush()  # so that what is left of a killed run lists its masks

    def hold(self, entry: str) -> None:
        """Keep the entry of a frame, before which those held so far will come."""
        with self._guarded():
            self._held = self._held or tempfile.TemporaryFile()  # noqa: SIM115 - closed with the log
            self._places.append(self._held.tell())
            self._held.write(entry.encode() + b"\n")

    def release(self) -> int:
        """Add what is held, the last first; returns how many frames that are."""
        count = len(self._places)
        while self._places and self._held is not None:
            with self._guarded():
                self._held.seek(self._places.pop())
                entry = self._held.readline().decode().rstrip()
            self.append(entry)
        return count

    def close(self, ending: Mapping[str, Any]) -> None:
        """Add what is only known at the end, one fact at least, and move the file into place.

        Once only: another call does nothing.
        """
        if self._file.closed:
            return
        self.release()
        tail = json.dumps(dict(ending), indent=1)
        self._emit("\n ],\n " + tail[1:].lstrip() + "\n")
        with self._guarded():
            self._file.close()
            self._drop_held()
        try:
            self._output.commit()
        finally:
            self._output.discard()

    def abort(self) -> None:
        """Drop what was written."""
        with contextlib.suppress(OSError):
            self._file.close()
        self._output.discard()
        with contextlib.suppress(OSError):
            self._drop_held()

    def _drop_held(self) -> None:
        if self._held is not None:
            self._held.close()

    def _emit(self, text: str) -> None:
        with self._guarded():
            self._file.write(text)

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.abort()
            raise output_error(self._output.path, error) from error


def listed_files(
    folder: Path, log: str, masks: str, alphas: Iterable[Path] = ()
) -> frozenset[Path]:
    """Return the files in ``folder`` that the log of an earlier run lists, and that log.

    Those are the mask of each frame, in the subfolder ``masks``, ``files``, and of ``alphas``, the
    soft masks that are there, those of these frames. What a killed run left of its log counts too.
    """
    found: set[Path] = set()
    for path in (folder / log, *folder.glob(f"{TEMPORARY}*.json")):
        told = _read_log(path)
        if told is not None:
            found |= {path} | inside(folder, told["files"])
            found |= inside(folder / masks, [f"{name}.png" for name in told["names"]])
            names = {*told["names"]}
            found |= {path for path in alphas if path.stem in names}
    return frozenset(found)


def _read_log(path: Path) -> dict[str, list[str]] | None:
    """Return the ``names`` of frames and the ``files`` of a log; None for what is no log."""
    try:
        text = path.read_text("utf-8")
    except (OSError, ValueError):
        return None
    head, found, entries = text.partition(_FRAMES)
    if not found:
        return None
    try:
        files = parse_json(head.rstrip().rstrip(",") + "}").get("files", _OLD_FILES)
        names = [parse_json(line)["name"] for line in _whole_lines(entries)]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return {"names": names, "files": files}


def _whole_lines(entries: str) -> Iterator[str]:
    """Yield the entries of frames up to the end of their list, or where a killed run broke off."""
    for line in entries.splitlines()[1:]:
        entry = line.strip().rstrip(",")
        if not entry.startswith("{") or not entry.endswith("}"):
            return
        yield entry


def log_entry(tracked: TrackedFrame) -> str:
    """Return what the log says of a frame, as one line of JSON.

    Index, name, time, whether it is damaged, and box, area and score of each object.
    """
    return json.dumps(
        {
            "index": tracked.index,
            "name": tracked.name,
            "time_seconds": round(tracked.frame.time_seconds, 6),
            **({"damaged": True} if tracked.frame.damaged else {}),
            "objects": [
                {
                    "id": result.object_id,
                    "box_xyxy": result.box_xyxy,
                    "area_px": result.area_px,
                    "score": round(result.score, 4),
                }
                for result in tracked.objects
            ],
        }
    )
