"""Progress for people, on stderr: downloads in bytes, clips in frames, with rate and ETA."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console as RichConsole
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from persam_vos.errors import printable

from .echo import echo


class _Speed(ProgressColumn):
    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        told = "" if speed is None else f"{speed:.2f} {self._unit}/s"
        return Text(told, style="progress.data.speed")


class Console:
    """Writes for people to stderr; silent if ``quiet``. Bars need a terminal; a file gets none."""

    def __init__(self, *, quiet: bool) -> None:
        self._rich = RichConsole(stderr=True, quiet=quiet, highlight=False, soft_wrap=True)
        self._silent = quiet or not self._rich.is_terminal

    def warn(self, message: str) -> None:
        """Show a warning on a line of its own."""
        self._rich.print(printable(f"warning: {message}"), style="yellow", markup=False)

    def fail(self, message: str) -> None:
        """Show what went wrong, on a line of its own; never silent."""
        echo(f"persam-vos: {message}", err=True)

    def say(self, message: str) -> None:
        """Show a line of information."""
        self._rich.print(printable(message), markup=False)

    @contextmanager
    def download(self) -> Iterator[Callable[[str, int, int | None], None]]:
        """Yield a callback that shows the progress of fetching weights, bar by bar."""
        with Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=self._rich,
            disable=self._silent,
            transient=True,
        ) as progress:
            tasks: dict[str, TaskID] = {}

            def show(what: str, done: int, total: int | None) -> None:
                if what not in tasks:
                    tasks[what] = progress.add_task(what, total=total)
                progress.update(tasks[what], completed=done, total=total)

            yield show

    @contextmanager
    def frames(self, unit: str = "frames") -> Iterator[FrameProgress]:
        """Yield a bar of frames, or of another ``unit``, which appears when it is started."""
        progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            _Speed(unit),
            TextColumn("ETA"),
            TimeRemainingColumn(),
            console=self._rich,
            disable=self._silent,
            speed_estimate_period=10,
        )
        try:
            yield FrameProgress(progress)
        finally:
            progress.stop()


class FrameProgress:
    """Counts finished frames on a bar, of one clip after the other."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None

    def start(self, what: str, total: int | None, *, done: int = 0) -> None:
        """Show the bar, in place of the last one; ``total`` is None when nobody knows.

        ``done`` frames were finished before.
        """
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._progress.start()
        self._task = self._progress.add_task(what, total=total, completed=done)

    def describe(self, what: str) -> None:
        """Change the words before the bar."""
        if self._task is not None:
            self._progress.update(self._task, description=what)

    def advance(self) -> None:
        """Count one frame."""
        if self._task is not None:
            self._progress.advance(self._task)
