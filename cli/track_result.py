"""What `persam-vos track` prints of a finished video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from persam_vos.errors import spelled

from .flags import as_flag
from .stage_table import print_stages

if TYPE_CHECKING:
    from persam_vos import TrackSummary

_SPANS_TOLD = 8


def summary_facts(summary: TrackSummary) -> dict[str, Any]:
    """Turn a summary into what `--json` prints."""
    facts = {
        name: str(value) if isinstance(value, Path) else value
        for name, value in asdict(summary).items()
    }
    return facts | {"warnings": [spelled(text, as_flag) for text in facts.pop("told")]}


def _told(spans: Sequence[tuple[int, int]]) -> str:
    """List spans of frames, the first few of them."""
    told = [str(first) if first == last else f"{first}-{last}" for first, last in spans]
    rest = len(told) - _SPANS_TOLD
    return ", ".join(told[:_SPANS_TOLD]) + (f" and {rest} times more" if rest > 0 else "")


def print_summary(summary: TrackSummary) -> None:
    """Print how long it took, and where the files are."""
    rate = summary.frame_count / summary.wall_seconds
    ids = ", ".join(map(str, summary.object_ids))
    click.echo(
        f"{summary.frame_count} frames, objects {ids}, "
        f"{summary.wall_seconds:.1f} s ({rate:.2f} frames/s)"
    )
    for object_id, spans in summary.absent.items():
        click.echo(f"absent   object {object_id} in frames {_told(spans)}")
    click.echo(f"masks    {summary.masks}")
    if summary.overlay is not None:
        click.echo(f"overlay  {summary.overlay}")
    click.echo(f"log      {summary.log}")
    if summary.trace is not None:
        click.echo(f"trace    {summary.trace}")
        print_stages(summary)
        for work, reason in summary.not_captured.items():
            click.echo(f"eager    {work}, since no graph could be captured: {reason}")
