"""``persam-vos weights``: list the known weights, fetch them, say where they are."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from persam_vos.weights import ENCODERS, WEIGHTS, cache_dir, cached_files, is_cached, original_files

from . import progress
from .echo import echo

_NAME = click.argument("name", type=click.Choice([*WEIGHTS, *ENCODERS]))


@click.group()
def weights() -> None:
    """List, fetch and find the weights of the network."""


@weights.command("list")
def list_weights() -> None:
    """List the known weights, and which of them the cache has."""
    table = Table(box=None, pad_edge=False)
    for heading in ("name", "parameters", "size", "licence", "cached", "sha256", "for"):
        table.add_column(heading, no_wrap=heading != "for")
    for info in (*WEIGHTS.values(), *ENCODERS.values()):
        table.add_row(
            info.name,
            f"{info.parameters / 1e6:.1f} M",
            f"{info.size_bytes / 1e6:.0f} MB",
            info.licence,
            "yes" if is_cached(info.name) else "no",
            info.sources[0].files[0].sha256[:8],
            info.purpose,
        )
    console = Console()
    console.print(table)
    console.print(f"cache: {cache_dir()}", soft_wrap=True, highlight=False)


@weights.command()
@_NAME
@click.option("--quiet", is_flag=True, help="Show no progress.")
def fetch(name: str, quiet: bool) -> None:
    """Fetch weights into the cache, unless they are there, and print where they are."""
    with progress.Console(quiet=quiet).download() as on_progress:
        paths = original_files(name, on_progress=on_progress)
    _print_paths(paths)


@weights.command()
@_NAME
def path(name: str) -> None:
    """Print where weights are in the cache; fail when they are not."""
    _print_paths(cached_files(name))


def _print_paths(paths: tuple[Path, ...]) -> None:
    """Print one path a line, to stdout."""
    for one in paths:
        echo(one)
