"""Where the masks of a live source are written: to a folder, to a pipe, or to both."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from ..media.output_folder import OutputFolder, OverlayStyle
from ..request import TrackRequest
from ..runtime.timer import StageTimer
from ..structures import SourceInfo, TrackedFrame
from ..tracking.plan import input_files
from .latency import LatencyLog
from .pipe import LabelPipe
from .settings import LiveSettings


class LiveOutputs:
    """What a request asks for, opened; a context manager that closes it.

    ``latency`` and ``count`` are those of the frames that were written. Raises OutputError as
    `OutputFolder` and `LabelPipe` do.
    """

    def __init__(
        self, request: TrackRequest, settings: LiveSettings, info: SourceInfo, timer: StageTimer
    ) -> None:
        self.latency = LatencyLog()
        self.count = 0
        self.folder: OutputFolder | None = None
        path = settings.folder(request)
        if path is not None:
            self.folder = OutputFolder(
                path,
                info,
                overlay=OverlayStyle(alpha=request.alpha) if request.overlay else None,
                overwrite=request.overwrite,
                timer=timer,
                inputs=input_files(request),
            )
        self._pipe: LabelPipe | None = None
        if settings.pipe is not None:
            self._pipe = LabelPipe(settings.pipe, stall_seconds=settings.stall_timeout)

    def describe(self, facts: Mapping[str, Any]) -> None:
        """Set what the log says before its frames; call before the first `write`."""
        if self.folder is not None:
            self.folder.describe(facts)

    def write(self, tracked: TrackedFrame, arrived: float) -> None:
        """Write a frame that arrived then, by ``time.perf_counter``; frames come in order.

        Raises BrokenPipeError where the reader of the pipe has gone.
        """
        if self.folder is not None:
            self.folder.write(tracked)
            self.folder.flush()
        if self._pipe is not None:
            self._pipe.write(tracked.label_map)
        self.latency.note(time.perf_counter() - arrived)
        self.count += 1

    def finish(self, ending: Mapping[str, Any]) -> None:
        """Set what the log says after its frames."""
        if self.folder is not None:
            self.folder.finish(ending)

    @contextmanager
    def hurrying(self) -> Iterator[None]:
        """Let a write that waits for the reader of the pipe give up when the block raises."""
        try:
            yield
        except BaseException:
            if self._pipe is not None:
                self._pipe.hurry()
            raise

    def __enter__(self) -> LiveOutputs:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.folder is not None:
            self.folder.__exit__(kind, error, trace)
