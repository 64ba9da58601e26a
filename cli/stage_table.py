"""The table of where the time went, on stdout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from persam_vos import TrackSummary

_COLUMNS = ("busy s", "share", "waiting s", "calls", "ms per call")


def print_stages(summary: TrackSummary) -> None:
    """Print a row for each stage and its parts; ``share`` is of the run's wall time.

    Stages run side by side, so that their shares may add up to more than the whole.
    """
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), collapse_padding=True)
    table.add_column("stage")
    for column in _COLUMNS:
        table.add_column(column, justify="right")
    for stage in summary.stages:
        parents, _, name = stage.name.rpartition("/")
        table.add_row(
            f"  {name}" if parents else name,
            f"{stage.busy_seconds:.2f}",
            f"{stage.busy_seconds / summary.wall_seconds:.0%}",
            "" if parents else f"{stage.waiting_seconds:.2f}",
            str(stage.calls),
            f"{1000 * stage.busy_seconds / stage.calls:.2f}",
        )
    Console(highlight=False).print(table)
