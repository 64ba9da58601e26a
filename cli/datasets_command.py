"""``persam-vos datasets``: list the known datasets, fetch them, say where they are."""

from __future__ import annotations

from pathlib import Path

import click

from persam_vos.datasets.catalog import DATA_VARIABLE, DATASETS, data_dir, default_root
from persam_vos.datasets.one_shot import ONE_SHOT
from persam_vos.errors import DatasetError

from . import progress
from .echo import echo

_NAME = click.argument("name", type=click.Choice(list(DATASETS)))
_SPLIT = click.option("--split", help="The split that is wanted.  [default: the dataset's own]")


@click.group()
def datasets() -> None:
    """List, fetch and find datasets."""


@datasets.command("list")
def list_datasets() -> None:
    """List the known datasets, and which of them are on this machine."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("name", "splits", "here", "fetch", "licence", "what"):
        table.add_column(heading, no_wrap=heading != "what")
    for info in DATASETS.values():
        splits = info.splits or (info.default_split, "LIST")
        here = [split for split in splits if info.splits and _is_here(info.name, split)]
        table.add_row(
            info.name,
            ", ".join(splits),
            ", ".join(here) or "-",
            "yes" if info.archives else "by hand",
            info.licence,
            info.purpose,
        )
    for one in ONE_SHOT.values():
        folds = f"{one.fold_count} folds" if one.fold_count > 1 else "-"
        table.add_row(one.name, folds, "-", "by hand", "-", f"one shot: {one.purpose}")
    console = Console()
    console.print(table)
    console.print(f"{DATA_VARIABLE}: {data_dir()}", soft_wrap=True, highlight=False)


@datasets.command()
@_NAME
@_SPLIT
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    help=f"Folder to unpack it in.  [default: ${DATA_VARIABLE}, or the cache]",
)
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
def fetch(name: str, split: str | None, root: Path | None, quiet: bool) -> None:
    """Fetch a dataset, unless it is there, and print the root of its tree."""
    from persam_vos.datasets.archives import fetch_dataset

    with progress.Console(quiet=quiet).download() as on_progress:
        echo(fetch_dataset(name, split=split, folder=root, on_progress=on_progress))


@datasets.command()
@_NAME
@_SPLIT
def path(name: str, split: str | None) -> None:
    """Print the root of a dataset's tree; fail when it is not there."""
    echo(default_root(name, split))


def _is_here(name: str, split: str) -> bool:
    try:
        default_root(name, split)
    except DatasetError:
        return False
    return True
