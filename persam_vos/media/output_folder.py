"""The output folder: palette masks, an overlay video and a log, written as frames come."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any

from ..errors import OutputError, param
from ..files.atomic import make_folder, output_error
from ..files.output import refuse_unwritable, replaceable
from ..runtime.ordered_pool import worker_count
from ..runtime.ordered_writer import OrderedWriter
from ..runtime.timer import StageTimer
from ..scoring.label_files import read_label_file
from ..structures import Frame, LabelMap, SourceInfo, TrackedFrame
from .label_png import write_grey_png, write_label_png
from .overlay import draw_overlay
from .track_log import TrackLog, listed_files, log_entry
from .video_writer import VideoWriter
from .visibility import Visibility

MASKS, OVERLAY, LOG, TRACE = "masks", "overlay.mp4", "track.json", "trace.json"
ALPHA, EXPORTS = "alpha", "exports"
_FILES = (OVERLAY, LOG, TRACE)


class OutputFolder:
    """Write `masks/*.png`, `overlay.mp4` and `track.json` of one clip; a context manager.

    Nothing that is there is touched before the first frame. Each file appears whole or not at all.
    When the block is left early, masks stay, the overlay ends where it got to, and the log says
    ``"complete": false``; without a finished mask there is neither. Of an earlier run only the
    files that its log lists are replaced. Raises OutputError for an output that exists (without
    ``overwrite``), for files in the way that no log lists or that are ``inputs`` of this run, and
    for what cannot be written.

    Frames come in order by `write`. Those of a backward half come before them, by
    `write_backwards`, which writes their masks; `finish_backward` then writes their log and
    overlay.

    On machines of many cores masks are written by a few threads, behind the call that hands them in
    by two for each thread at most. The log takes in a frame when its mask is there; what a mask's
    writing raises is raised by a later call, or where the block is left. Then neither log nor masks
    go beyond the frame before it; the overlay may, by as many.
    """

    def __init__(
        self,
        path: Path,
        info: SourceInfo,
        *,
        overlay: bool,
        alpha: float,
        overwrite: bool,
        timer: StageTimer,
        inputs: Collection[Path] = (),
        constant_rate: bool = False,
    ) -> None:
        self.path = path
        self.overlay_path = path / OVERLAY if overlay else None
        self._info = info
        self._alpha = alpha
        self._timer = timer
        self._overlay: VideoWriter | None = None
        self._log: TrackLog | None = None
        self._masks: OrderedWriter | None = None
        self._facts: Mapping[str, Any] = {}
        self._ending: Mapping[str, Any] = {}
        self._written = 0
        self.visibility = Visibility()
        self._constant_rate = constant_rate
        self._damaged: list[int] = []
        self._files = [OVERLAY] if overlay else []
        self._old = check_output(path, info, overwrite=overwrite, inputs=inputs)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What could not be done as asked, e.g. sound that could not be copied."""
        return () if self._overlay is None else self._overlay.warnings

    def describe(self, facts: Mapping[str, Any], *, others: Collection[str] = ()) -> None:
        """Set what the log says before its frames; call before the first `write`.

        ``others`` are names of files that the caller writes here, for the log to list: a later run
        may replace them.
        """
        self._facts = facts
        self._files += others

    def finish(self, ending: Mapping[str, Any]) -> None:
        """Set what the log says after its frames; marks the run as complete."""
        absent = {str(object_id): spans for object_id, spans in self.visibility.spans().items()}
        damaged = {"damaged_frames": sorted(self._damaged)} if self._damaged else {}
        self._ending = {"complete": True, "absent": absent, **damaged, **ending}

    def write(self, tracked: TrackedFrame) -> None:
        """Write one frame's mask, overlay picture and log entry."""
        log = self._log or self._start()
        self._write_mask(tracked, log.append)
        self._draw(tracked.frame, tracked.label_map)

    def write_backwards(self, tracked: TrackedFrame) -> None:
        """Write the mask of one frame, whose index is the last one's less 1."""
        log = self._log or self._start()
        self._write_mask(tracked, log.hold)

    def finish_backward(self, frames: Iterator[Frame]) -> None:
        """Write overlay and log of the backward half; ``frames`` are its pictures in order."""
        if self._log is None or self._masks is None:
            return
        self._masks.flush()
        count = self._log.release()
        if self._overlay is None:
            return
        for frame in islice(self._timer.each("read", frames), count):
            with self._timer.measure("write"):
                labels = read_label_file(self._mask_path(frame.name))
            self._draw(frame, labels)

    def flush(self) -> None:
        """Wait until the masks that were handed in are there; raises OutputError."""
        if self._masks is not None:
            self._masks.flush()

    def __enter__(self) -> OutputFolder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._close()
            return
        with contextlib.suppress(OutputError):  # the first error is the one to see
            self._close()

    def _write_mask(self, tracked: TrackedFrame, add_entry: Callable[[str], None]) -> None:
        """Have one frame's mask written, and its log entry added after it."""
        assert self._masks is not None  # as there is a log
        path = self._mask_path(tracked.name)
        self.visibility.note(tracked)
        if tracked.frame.damaged:
            self._damaged.append(tracked.index)
        self._masks.submit(
            partial(self._save_mask, path, tracked),
            commit=partial(self._count, add_entry, log_entry(tracked)),
            undo=partial(_remove, path),
        )

    def _mask_path(self, name: str) -> Path:
        return self.path / MASKS / f"{name}.png"

    def _save_mask(self, path: Path, tracked: TrackedFrame) -> None:
        """Write a mask and its soft ones; called by several threads at once."""
        with self._timer.measure("write"), self._timer.part("masks"):
            write_label_png(path, tracked.label_map)
            for object_id, alpha in tracked.alphas.items():
                write_grey_png(alpha_path(self.path, object_id, tracked.name), alpha)

    def _count(self, add_entry: Callable[[str], None], entry: str) -> None:
        """Count a mask that is there."""
        self._written += 1
        add_entry(entry)

    def _draw(self, frame: Frame, label_map: LabelMap) -> None:
        """Add one picture to the overlay, if there is to be one."""
        if self._overlay is not None:
            with self._timer.measure("write"), self._timer.part("overlay"):
                image = draw_overlay(frame.image, label_map, alpha=self._alpha)
                self._overlay.write(image, frame.time_seconds, frame.duration_seconds)

    def _close(self) -> None:
        """Finish masks, overlay and log; drop the latter two if no mask was finished."""
        if self._log is None or self._masks is None:
            return
        try:
            try:
                self._masks.close()
            finally:
                self._close_overlay()
        except BaseException:
            self._ending = {}
            raise
        finally:
            if self._written:
                self._log.close(self._ending or {"complete": False})
            else:
                self._log.abort()

    def _close_overlay(self) -> None:
        if self._overlay is None:
            return
        if self._written:
            self._overlay.close()
        else:
            self._overlay.abort()

    def _start(self) -> TrackLog:
        """Make the folder, and remove what an earlier run wrote to it."""
        make_folder(self.path / MASKS)
        try:
            for old in self._old:
                old.unlink(missing_ok=True)
        except OSError as error:
            raise output_error(self.path, error) from error
        self._log = TrackLog(self.path / LOG, {**self._facts, "files": self._files})
        self._masks = _mask_writer()
        if self.overlay_path is not None:
            self._overlay = VideoWriter(
                self.overlay_path, self._info, constant_rate=self._constant_rate
            )
        return self._log


def alpha_path(folder: Path, object_id: int, name: str) -> Path:
    """Return where a run's soft mask of an object lies, on the frame of that name."""
    return folder / ALPHA / str(object_id) / f"{name}.png"


def check_output(
    path: Path,
    info: SourceInfo,
    *,
    overwrite: bool,
    inputs: Collection[Path] = (),
    others: Collection[str] = (),
) -> tuple[Path, ...]:
    """Raise OutputError for an output as `OutputFolder` does, but touch nothing.

    Returns the files of an earlier run that the new one will remove.
    """
    _refuse_source(path, info)
    refuse_unwritable(path)
    masks = [one for one in (path / MASKS).glob("*") if one.suffix.lower() == ".png"]
    alphas = [*(path / ALPHA).glob("*/*.png")]
    own = listed_files(path, LOG, MASKS, alphas)
    files = [path / name for name in (*_FILES, *others)]
    there = dict.fromkeys((*masks, *alphas, *files, *sorted(own)))
    return replaceable(path, there, own=own, overwrite=overwrite, inputs=inputs)


def _mask_writer() -> OrderedWriter:
    """Return what writes masks: threads where there are cores for them, else who asks."""
    workers = worker_count()
    return OrderedWriter(workers=workers, pending=2 * workers if workers > 1 else 0)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def _refuse_source(path: Path, info: SourceInfo) -> None:
    """Raise OutputError if writing would replace the pictures that are read."""
    source = Path(info.path).resolve()
    for written in ((path / MASKS).resolve(), (path / OVERLAY).resolve()):
        if written in (source, *source.parents):
            raise OutputError(
                param("output", path),
                got=f"the folder whose {written.name} is the input",
                expected="a folder that does not hold the input",
                remedy="choose another folder",
            )
