"""The log of a run: entries of frames as they come, and `track.json`, which is made of them."""

from __future__ import annotations

import contextlib
import json
import os
from array import array
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Literal, get_args

from ..files.atomic import TEMPORARY, atomic_path, make_folder, output_error
from ..files.durable import sync_file
from ..files.limits import parse_json, read_json
from ..files.output import inside
from ..structures import TrackedFrame

Half = Literal["backward", "forward"]
"""The way from the start frame to the first one, whose frames come last to first; or to the last.

A run has one of the two or both, one after the other.
"""

_FRAMES = ' "frames": ['
_NAMES = "names.txt"
_OLD_FILES = ["overlay.mp4", "trace.json"]
"""What runs of version 0.2.0 may have written beside masks; their logs do not say."""


class TrackLog:
    """The entries of frames so far, in files that a killed run leaves; memory keeps where each is.

    ``folder`` is that of a run's state; it has a file of lines for each half, and one with the
    names of the frames whose masks were begun. What is there is kept: see `cut`. Raises OutputError
    for what cannot be read or written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = make_folder(folder)
        self._names: IO[bytes] = self._opened(_NAMES)
        self._halves = {half: _Lines(self._opened(f"{half}.jsonl")) for half in get_args(Half)}

    def __len__(self) -> int:
        return sum(len(lines.places) for lines in self._halves.values())

    def count(self, half: Half) -> int:
        """Return how many frames of a half there are."""
        return len(self._halves[half].places)

    def begin(self, name: str) -> None:
        """Note that files of the frame of that name may be there from now on."""
        with self._guarded(_NAMES):
            self._names.write(os.fsencode(name) + b"\n")
            self._names.flush()

    def append(self, half: Half, entry: str) -> None:
        """Add one frame, by its `log_entry`; in the order in which they are tracked."""
        with self._guarded(f"{half}.jsonl"):
            self._halves[half].append(entry)

    def cut(self, half: Half, count: int) -> None:
        """Drop the entries of a half behind the first ``count``."""
        with self._guarded(f"{half}.jsonl"):
            self._halves[half].cut(count)

    def entry(self, number: int) -> dict[str, Any]:
        """Return the entry of a frame, counted from 0 in the order of the video."""
        backward = self._halves["backward"]
        before = len(backward.places)
        if number < before:
            return backward.entry(before - 1 - number)
        return self._halves["forward"].entry(number - before)

    def entries(self, half: Half) -> Iterator[dict[str, Any]]:
        """Yield the entries of a half, in the order in which they were tracked."""
        lines = self._halves[half]
        return (lines.entry(number) for number in range(len(lines.places)))

    def sync(self) -> None:
        """Have what was added on the disk, so that not even a power cut loses it."""
        for half in self._halves:
            sync_file(self._folder / f"{half}.jsonl")
        sync_file(self._folder / _NAMES)

    def write(self, path: Path, facts: Mapping[str, Any], ending: Mapping[str, Any]) -> None:
        """Write ``facts``, the frames in the order of the video, and ``ending``, as one file.

        ``ending`` has one fact at least.
        """
        head = json.dumps(dict(facts), indent=1)
        tail = json.dumps(dict(ending), indent=1)
        with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
            file.write(head[: head.rindex("}")].rstrip() + (",\n" if facts else "") + _FRAMES)
            for number in range(len(self)):
                entry = json.dumps(self.entry(number))
                file.write(("\n  " if number == 0 else ",\n  ") + entry)
            file.write("\n ],\n " + tail[1:].lstrip() + "\n")

    def close(self) -> None:
        """Close the files, which stay."""
        for file in (self._names, *(lines.file for lines in self._halves.values())):
            with contextlib.suppress(OSError):
                file.close()

    def _opened(self, name: str) -> IO[bytes]:
        path = self._folder / name
        with self._guarded(name):
            path.touch()
            file = path.open("r+b")
            file.seek(0, os.SEEK_END)
            return file

    @contextlib.contextmanager
    def _guarded(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise output_error(self._folder / name, error) from error


class _Lines:
    """Lines of a file, and where each begins, in 8 bytes; half a line at its end is dropped."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.places = array("q")
        self._end = 0
        file.seek(0)
        for line in file:
            if line.endswith(b"\n"):
                self.places.append(self._end)
                self._end += len(line)
        self.cut(len(self.places))

    def append(self, line: str) -> None:
        data = line.encode() + b"\n"
        self.file.seek(self._end)
        self.file.write(data)
        self.file.flush()  # so that what is left of a killed run lists its masks
        self.places.append(self._end)
        self._end += len(data)

    def cut(self, count: int) -> None:
        if count < len(self.places):
            self._end = self.places[count]
            del self.places[count:]
        self.file.truncate(self._end)

    def entry(self, number: int) -> dict[str, Any]:
        self.file.seek(self.places[number])
        entry: dict[str, Any] = json.loads(self.file.readline())
        return entry


def read_log(path: Path) -> dict[str, Any]:
    """Return the log of a run; it is empty where there is none, or no whole one."""
    try:
        log = read_json(path)
    except (OSError, ValueError):
        return {}
    return log if isinstance(log, dict) else {}


def listed_files(
    folder: Path, log: str, masks: str, state: str, alphas: Iterable[Path] = ()
) -> frozenset[Path]:
    """Return the files in ``folder`` that an earlier run wrote, finished or killed.

    Those are its log and what that lists: the mask of each frame, in the subfolder ``masks``, and
    ``files``; of ``alphas``, the soft masks that are there, those of these frames. What a killed
    run left counts too: what its ``state``, a subfolder, lists, and files that it had not finished.
    """
    found = {path for one in (".", masks, "alpha/*") for path in folder.glob(f"{one}/{TEMPORARY}*")}
    names: set[str] = set()
    for path in (folder / log, *folder.glob(f"{TEMPORARY}*.json")):
        told = _listed(path)
        if told is not None:
            found |= {path} | inside(folder, told["files"])
            names |= {*told["names"]}
    names |= {*_begun(folder / state / _NAMES)}
    found |= inside(folder / masks, [f"{name}.png" for name in names])
    return frozenset(found | {path for path in alphas if path.stem in names})


def _begun(path: Path) -> list[str]:
    """Return the names of frames that a run began to write."""
    try:
        return os.fsdecode(path.read_bytes()).splitlines()
    except OSError:
        return []


def _listed(path: Path) -> dict[str, list[str]] | None:
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
