"""The output folder: palette masks, an overlay video and a log, written as frames come."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, get_args

from ..errors import OutputError
from ..files.atomic import atomic_path, make_folder, output_error, remove_unfinished
from ..files.durable import sync_file, sync_folder
from ..runtime.ordered_pool import worker_count
from ..runtime.ordered_writer import OrderedWriter
from ..runtime.timer import StageTimer
from ..scoring.label_files import read_label_file
from ..structures import Frame, LabelMap, SourceInfo, TrackedFrame
from .label_png import write_grey_png, write_label_png
from .output_paths import LOG, MASKS, OVERLAY, alpha_path, check_output
from .overlay import draw_overlay
from .run_state import RESUME, RUN, SEGMENTS, Kept, remove_state
from .segmented_video import SegmentedVideo, remove_segments
from .track_log import Half, TrackLog, log_entry
from .visibility import Visibility


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlayStyle:
    """How the overlay is drawn: ``alpha`` in [0, 1] is the strength of the fill.

    ``constant_rate`` gives it evenly spaced pictures where those of the source are not.
    """

    alpha: float = 0.5
    constant_rate: bool = False


class OutputFolder:
    """Write `masks/*.png`, `overlay.mp4` and `track.json` of one clip; a context manager.

    Nothing that is there is touched before the first frame. Each file appears whole or not at all.
    When the block is left early, masks stay, the overlay ends where it got to, and the log says
    ``"complete": false``; without a finished mask there is neither. Of an earlier run only the
    files that its log lists are replaced. Raises OutputError for an output that exists (without
    ``overwrite`` or ``resume``), for files in the way that no log lists or that are ``inputs`` of
    this run, and for what cannot be written.

    Frames come in order by `write`. Those of a backward half come before them, by
    `write_backwards`, which writes their masks; `catch_up` then draws their overlay.

    While frames come, the log and the overlay are in the folder `RESUME`, so that a killed run
    leaves them. It goes when the block is left, unless the run is ``resumable``: then `settle` is
    to be called when all is well. With ``resume`` what is there stays as far as `go_on` says.

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
        overlay: OverlayStyle | None,
        overwrite: bool,
        timer: StageTimer,
        inputs: Collection[Path] = (),
        resumable: bool = False,
        resume: bool = False,
    ) -> None:
        self.path = path
        self.state = path / RESUME
        self.overlay_path = None if overlay is None else path / OVERLAY
        self._info = info
        self._style = overlay or OverlayStyle()
        self._timer = timer
        self._resumable = resumable
        self._kept: Kept | None = Kept() if resume else None
        self._overlay: SegmentedVideo | None = None
        self._log: TrackLog | None = None
        self._masks: OrderedWriter | None = None
        self._stale: Collection[Path] = ()
        self._facts: Mapping[str, Any] = {}
        self._identity: Mapping[str, Any] | None = None
        self._ending: Mapping[str, Any] = {}
        self._unsynced: list[Path] = []
        self.visibility = Visibility()
        self._files = [] if overlay is None else [OVERLAY]
        self._old = check_output(path, info, overwrite=overwrite, resume=resume, inputs=inputs)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What could not be done as asked, e.g. sound that could not be copied."""
        return () if self._overlay is None else self._overlay.warnings

    def describe(
        self,
        facts: Mapping[str, Any],
        *,
        others: Collection[str] = (),
        identity: Mapping[str, Any] | None = None,
    ) -> None:
        """Set what the log says before its frames; call before the first `write`.

        ``others`` are names of files that the caller writes here, for the log to list: a later run
        may replace them. ``identity`` is what a resumable run is of, and kept with its state.
        """
        self._facts, self._identity = facts, identity
        self._files += others

    def go_on(self, kept: Kept, stale: Collection[Path]) -> None:
        """Set what stays of the run that is resumed; call before the first `write`.

        ``stale`` are files of its state that no longer hold.
        """
        self._kept, self._stale = kept, stale

    def finish(self, ending: Mapping[str, Any]) -> None:
        """Set what the log says after its frames; marks the run as complete."""
        self.flush()
        damaged: list[int] = []
        for half in get_args(Half):
            for entry in () if self._log is None else self._log.entries(half):
                shown = {one["id"]: one["area_px"] > 0 for one in entry["objects"]}
                self.visibility.note(entry["index"], shown)
                damaged += [entry["index"]] if entry.get("damaged") else []
        absent = {str(object_id): spans for object_id, spans in self.visibility.spans().items()}
        told = {"damaged_frames": sorted(damaged)} if damaged else {}
        self._ending = {"complete": True, "absent": absent, **told, **ending}

    @property
    def frame_count(self) -> int:
        """How many frames are written, with those of the run that is resumed."""
        return 0 if self._log is None else len(self._log)

    def count(self, half: Half) -> int:
        """Return how many frames of a half are written, with those of the run that is resumed."""
        return 0 if self._log is None else self._log.count(half)

    def write(self, tracked: TrackedFrame) -> None:
        """Write one frame's mask, overlay picture and log entry."""
        self._write_mask(tracked, "forward")
        self._draw(tracked.frame, tracked.label_map)

    def write_backwards(self, tracked: TrackedFrame) -> None:
        """Write the mask of one frame, whose index is the last one's less 1."""
        self._write_mask(tracked, "backward")

    def catch_up(self, frames_from: Callable[[int], Iterator[Frame]]) -> None:
        """Draw the frames that have masks and are not in the overlay, such as a backward half.

        ``frames_from`` gives the pictures of the source in order, from the frame of that index on.
        """
        if self._log is None and self._kept is None:
            return
        log = self._start() if self._log is None else self._log
        self.flush()
        if self._overlay is None or self._overlay.count >= len(log):
            return
        first = log.entry(self._overlay.count)["index"]
        missing = islice(frames_from(first), len(log) - self._overlay.count)
        for frame in self._timer.each("read", missing):
            with self._timer.measure("write"):
                labels = read_label_file(self._mask_path(frame.name))
            self._draw(frame, labels)

    def flush(self) -> None:
        """Wait until the masks that were handed in are there; raises OutputError."""
        if self._masks is not None:
            self._masks.flush()

    def sync(self) -> None:
        """Have all masks and log entries so far on the disk, so that a power cut loses none."""
        self.flush()
        if self._log is None:
            return
        try:
            for path in self._unsynced:
                sync_file(path)
            for folder in {path.parent for path in self._unsynced}:
                sync_folder(folder)
            self._unsynced.clear()
            self._log.sync()
        except OSError as error:
            raise output_error(self.path, error) from error

    def settle(self, *, keep_state: bool) -> None:
        """End a resumable run whose results are all there; its state goes unless it is kept.

        Segments of the overlay go anyway. Raises OutputError.
        """
        if not keep_state:
            remove_state(self.state)
            return
        try:
            remove_segments(self.state / SEGMENTS)
        except OSError as error:
            raise output_error(self.state, error) from error

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

    def _write_mask(self, tracked: TrackedFrame, half: Half) -> None:
        """Have one frame's mask written, and its log entry added after it."""
        log = self._start() if self._log is None else self._log
        assert self._masks is not None  # as there is a log
        log.begin(tracked.name)
        path = self._mask_path(tracked.name)
        self._masks.submit(
            partial(self._save_mask, path, tracked),
            commit=partial(self._commit, path, tracked, partial(log.append, half)),
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

    def _commit(self, path: Path, tracked: TrackedFrame, append: Callable[[str], None]) -> None:
        """Note a mask that is there."""
        append(log_entry(tracked))
        if self._resumable:
            self._unsynced += [
                path,
                *(alpha_path(self.path, i, tracked.name) for i in tracked.alphas),
            ]

    def _draw(self, frame: Frame, label_map: LabelMap) -> None:
        """Add one picture to the overlay, if there is to be one."""
        if self._overlay is not None:
            with self._timer.measure("write"), self._timer.part("overlay"):
                image = draw_overlay(frame.image, label_map, alpha=self._style.alpha)
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
            self._close_log(self._log)

    def _close_overlay(self) -> None:
        if self._overlay is None or self._log is None:
            return
        if len(self._log):
            self._overlay.close()
        else:
            self._overlay.abort()

    def _close_log(self, log: TrackLog) -> None:
        """Write the log, if there is a mask; the state of a run goes if it is of no more use."""
        written = len(log)
        try:
            if written:
                facts = {**self._facts, "files": self._files}
                log.write(self.path / LOG, facts, self._ending or {"complete": False})
        finally:
            log.close()
            if not (written and self._resumable):
                remove_state(self.state)

    def _start(self) -> TrackLog:
        """Make the folder, and remove what an earlier run wrote to it, but for what is kept."""
        kept = self._kept or Kept()
        make_folder(self.path / MASKS)
        try:
            self._begin_state(kept)
            self._log = log = TrackLog(self.state)
            log.cut("backward", kept.backward)
            log.cut("forward", kept.forward)
            names = {entry["name"] for half in get_args(Half) for entry in log.entries(half)}
            for old in self._old:
                if old.suffix != ".png" or old.stem not in names:
                    old.unlink(missing_ok=True)
        except OSError as error:
            raise output_error(self.path, error) from error
        self._masks = _mask_writer()
        if self.overlay_path is not None:
            self._overlay = SegmentedVideo(
                self.overlay_path,
                self.state / SEGMENTS,
                self._info,
                constant_rate=self._style.constant_rate,
                kept=kept.pictures,
            )
        return log

    def _begin_state(self, kept: Kept) -> None:
        """Write down what the run is of, once nothing is left that would contradict it.

        In this order a run that is killed here can still be resumed.
        """
        if self._kept is None:
            remove_state(self.state)
        remove_unfinished(self.state)
        for path in (self.path / LOG, *self._stale):
            if path in self._stale or path in self._old:
                path.unlink(missing_ok=True)
        if kept.pictures == 0:
            remove_segments(self.state / SEGMENTS)
        if self._identity is not None:
            with atomic_path(make_folder(self.state) / RUN) as temporary:
                temporary.write_text(json.dumps(self._identity), encoding="utf-8")
                sync_file(temporary)
            sync_folder(self.state)


def _mask_writer() -> OrderedWriter:
    """Return what writes masks: threads where there are cores for them, else who asks."""
    workers = worker_count()
    return OrderedWriter(workers=workers, pending=2 * workers if workers > 1 else 0)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
