"""What `persam-vos track` prints of a finished video."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .stage_table import print_stages

if TYPE_CHECKING:
    from persam_vos import TrackSummary


def summary_facts(summary: TrackSummary) -> dict[str, Any]:
    """Turn a summary into what `--json` prints."""
    return {
        name: str(value) if isinstance(value, Path) else value
        for name, value in asdict(summary).items()
    }


def print_summary(summary: TrackSummary) -> None:
    """Print how long it took, and where the files are."""
    rate = summary.frame_count / summary.wall_seconds
    ids = ", ".join(map(str, summary.object_ids))
    click.echo(
        f"{summary.frame_count} frames, objects {ids}, "
        f"{summary.wall_seconds:.1f} s ({rate:.2f} frames/s)"
    )
    click.echo(f"masks    {summary.masks}")
    if summary.overlay is not None:
        click.echo(f"overlay  {summary.overlay}")
    click.echo(f"log      {summary.log}")
    if summary.trace is not None:
        click.echo(f"trace    {summary.trace}")
        print_stages(summary)
