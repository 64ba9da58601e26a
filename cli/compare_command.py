"""`persam-vos compare`: parse, call, print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .echo import cell, echo

if TYPE_CHECKING:
    from persam_vos.scoring.compare import Change, Comparison

_FOLDER = click.Path(path_type=Path)


@click.command()
@click.argument("before", metavar="A", type=_FOLDER)
@click.argument("after", metavar="B", type=_FOLDER)
@click.option("--json", "print_json", is_flag=True, help="Print all digits as JSON.")
def compare(*, before: Path, after: Path, print_json: bool) -> None:
    """Show the results in folders A and B side by side, worst regressions first.

    A and B are outputs of `eval` or `score`. Differences are B minus A, in percent.
    """
    from persam_vos.scoring.compare import as_json
    from persam_vos.scoring.compare import compare as compare_folders

    found = compare_folders(before, after)
    if print_json:
        echo(json.dumps(as_json(found), indent=1))
    else:
        _print(found, before, after)


def _print(found: Comparison, before: Path, after: Path) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    table = Table(box=box.SIMPLE, padding=(0, 1), collapse_padding=True, pad_edge=False)
    table.add_column("clip", overflow="fold")
    for measure in ("J&F", "J", "F"):
        for column in (f"{measure} A", "B", "B-A"):
            table.add_column(column, justify="right", no_wrap=True)
    for change in found.clips:
        table.add_row(cell(change.name), *_cells(change))
    table.add_section()
    table.add_row("total", *_cells(found.total))
    console.print(cell(f"A  {before}\nB  {after}"), soft_wrap=True)
    console.print(table)
    notes = [
        *(
            f"only in {letter}: {', '.join(names)}"
            for letter, names in (("A", found.only_before), ("B", found.only_after))
            if names
        ),
        *found.notes,
    ]
    for note in notes:
        console.print(cell(f"note: {note}"), soft_wrap=True)


def _cells(change: Change) -> list[str]:
    """Return before, after and difference of J&F, J and F."""
    parts = (change.before, change.after, change.difference)
    rows = zip(*((part.jf, part.region, part.boundary) for part in parts), strict=True)
    return [
        text
        for old, new, gain in rows
        for text in (f"{100 * old:.1f}", f"{100 * new:.1f}", _signed(gain))
    ]


def _signed(gain: float) -> str:
    """Return a difference in percent with its sign, coloured unless it rounds to 0."""
    text = f"{round(100 * gain, 1) + 0.0:+.1f}"
    if text in ("+0.0", "-0.0"):
        return "0.0"
    return f"[{'red' if gain < 0 else 'green'}]{text}[/]"
