"""The output folder: palette masks, an overlay video and a log, written as frames come."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from .clock import Clock
from .errors import OutputError
from .media.atomic import make_folder, output_error, temporary_path
from .media.label_png import write_label_png
from .media.overlay import draw_overlay
from .media.video_writer import VideoWriter
from .structures import SourceInfo, TrackedFrame

MASKS, OVERLAY, LOG = "masks", "overlay.mp4", "track.json"


class OutputFolder:
    """Write `masks/*.png`, `overlay.mp4` and `track.json` of one clip; a context manager.

    Nothing that is there is touched before the first frame. Each file appears whole or not at all.
    When the block is left early, masks stay, the overlay ends where it got to, and the log says
    ``"complete": false``. Raises OutputError for an output that exists (without ``overwrite``) or
    cannot be written.
    """

    def __init__(
        self,
        path: Path,
        info: SourceInfo,
        *,
        overlay: bool,
        alpha: float,
        overwrite: bool,
        clock: Clock,
    ) -> None:
        self.path = path
        self.overlay_path = path / OVERLAY if overlay else None
        self._info = info
        self._alpha = alpha
        self._clock = clock
        self._writer: VideoWriter | None = None
        self._log: TrackLog | None = None
        self._facts: Mapping[str, Any] = {}
        self._ending: Mapping[str, Any] = {}
        if not overwrite:
            _refuse_existing(path)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What could not be done as asked, e.g. sound that could not be copied."""
        return () if self._writer is None else self._writer.warnings

    def describe(self, facts: Mapping[str, Any]) -> None:
        """Set what the log says before its frames; call before the first `write`."""
        self._facts = facts

    def finish(self, ending: Mapping[str, Any]) -> None:
        """Set what the log says after its frames; marks the run as complete."""
        self._ending = {"complete": True, **ending}

    def write(self, tracked: TrackedFrame) -> None:
        """Write one frame's mask, overlay picture and log entry."""
        if self._log is None:
            self._start()
        assert self._log is not None
        with self._clock.measure("write"):
            write_label_png(self.path / MASKS / f"{tracked.name}.png", tracked.label_map)
            self._log.append(tracked)
            if self._writer is not None:
                image = draw_overlay(tracked.frame.image, tracked.label_map, alpha=self._alpha)
                self._writer.write(image, tracked.frame.time_seconds)

    def __enter__(self) -> OutputFolder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if self._writer is not None:
                self._writer.close()
        finally:
            if self._log is not None:
                self._log.close(self._ending or {"complete": False})

    def _start(self) -> None:
        """Make the folder, and remove what an earlier run left in it."""
        masks = make_folder(self.path / MASKS)
        try:
            for old in (*masks.glob("*.png"), self.path / OVERLAY, self.path / LOG):
                old.unlink(missing_ok=True)
        except OSError as error:
            raise output_error(self.path, error) from error
        self._log = TrackLog(self.path / LOG, self._facts)
        if self.overlay_path is not None:
            self._writer = VideoWriter(self.overlay_path, self._info)


class TrackLog:
    """Write `track.json` entry by entry, so that memory does not grow with the clip."""

    def __init__(self, path: Path, facts: Mapping[str, Any]) -> None:
        self._path = path
        self._temporary = temporary_path(path)
        self._file: IO[str] = self._temporary.open("w", encoding="utf-8")
        head = json.dumps(dict(facts), indent=1)
        self._emit(head[: head.rindex("}")].rstrip() + (",\n" if facts else "") + ' "frames": [')
        self._first = True

    def append(self, tracked: TrackedFrame) -> None:
        """Add one frame: index, name, time, and box, area and score of each object."""
        entry = {
            "index": tracked.index,
            "name": tracked.name,
            "time_seconds": round(tracked.frame.time_seconds, 6),
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
        self._emit(("\n  " if self._first else ",\n  ") + json.dumps(entry))
        self._first = False

    def close(self, ending: Mapping[str, Any]) -> None:
        """Add what is only known at the end, and move the file into place."""
        tail = json.dumps(dict(ending), indent=1)
        self._emit("\n ],\n " + tail[1:].lstrip() + "\n")
        try:
            self._file.close()
            self._temporary.replace(self._path)
        except OSError as error:
            raise self._refused(error) from error

    def _emit(self, text: str) -> None:
        try:
            self._file.write(text)
        except OSError as error:
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> OutputError:
        self._temporary.unlink(missing_ok=True)
        return output_error(self._path, error)


def _refuse_existing(path: Path) -> None:
    """Raise OutputError if ``path`` holds an earlier result, or is no folder."""
    if path.exists() and not path.is_dir():
        raise OutputError(f"--output {path}", got="a file", expected="a folder or a new name")
    for existing in (path / MASKS, path / OVERLAY, path / LOG):
        if existing.exists() and not (existing.is_dir() and not any(existing.iterdir())):
            raise OutputError(
                f"--output {path}",
                got=f"a folder that already holds {existing.name}",
                expected="a folder without results",
                remedy="choose another folder, or add --overwrite to replace them",
            )
