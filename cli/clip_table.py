"""The live table of finished clips, on stderr."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table

from persam_vos.errors import printable

from .echo import cell
from .flags import in_flags

if TYPE_CHECKING:
    from persam_vos import Engine
    from persam_vos.evaluation import ClipOutcome

_COLUMNS = ("frames", "objects", "J", "F", "J&F", "frames/s", "MB")


class ClipTable:
    """A row for each finished clip: live on a terminal, line by line elsewhere; a context manager.

    Nothing is shown before `start`.
    """

    def __init__(self, total: int, *, quiet: bool) -> None:
        self._total = total
        self._done = 0
        self._device = ""
        self._console = Console(stderr=True, quiet=quiet, highlight=False)
        self._table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), collapse_padding=True)
        self._table.add_column("clip", overflow="fold")
        for column in _COLUMNS:
            self._table.add_column(column, justify="right")
        self._live = Live(console=self._console, refresh_per_second=4)

    def __enter__(self) -> ClipTable:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live.is_started:
            self._show(busy=False)
            self._live.stop()

    def start(self, engine: Engine) -> None:
        """Say on what the clips are tracked, and that it goes on."""
        self._device = engine.compute.describe()
        if engine.encoding.warning:
            self._console.print(
                printable(f"warning: {engine.encoding.warning}"),
                style="yellow",
                soft_wrap=True,
                markup=False,
            )
        if self._console.is_terminal:
            self._live.start()
            self._show(busy=True)

    def add(self, outcome: ClipOutcome) -> None:
        """Show a finished clip."""
        self._done += 1
        cells = _cells(outcome)
        if self._live.is_started:
            state = "" if outcome.facts else " (failed)"
            name = f"{outcome.name}{' (kept)' if outcome.reused else state}"
            self._table.add_row(*map(cell, (name, *cells)))
            self._show(busy=True)
            return
        told = [f"{column} {cell}" for column, cell in zip(_COLUMNS, cells, strict=True) if cell]
        if outcome.error:
            told.append(f"failed: {in_flags(outcome.error)}")
        if outcome.reused:
            told.append("kept")
        line = f"{self._done}/{self._total} {outcome.name}: {', '.join(told)}"
        self._console.print(printable(line), soft_wrap=True, markup=False)

    def _show(self, *, busy: bool) -> None:
        text = f"{self._done} of {self._total} clips, {self._device}"
        below: RenderableType = Spinner("dots", text=text) if busy else text
        self._live.update(Group(self._table, below) if self._table.rows else below)


def _cells(outcome: ClipOutcome) -> tuple[str, ...]:
    """Return the cells of a row, in the order of the columns."""
    facts, score = outcome.facts, outcome.score
    if facts is None:
        return ("",) * len(_COLUMNS)
    numbers = ("", "", "")
    if score is not None:
        region, boundary = float(score.region.mean()), float(score.boundary.mean())
        numbers = (f"{region:.3f}", f"{boundary:.3f}", f"{score.jf_mean:.3f}")
    return (
        str(facts.frame_count),
        str(len(facts.object_ids)),
        *numbers,
        f"{facts.frames_per_second:.2f}",
        f"{facts.peak_memory_bytes / 1e6:.0f}",
    )
