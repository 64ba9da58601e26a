"""`persam-vos demo`: the main job on a clip that the project renders itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from .options import command_line, engine_options
from .progress import Console
from .track_command import run_track
from .track_result import summary_facts


@click.command()
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    default=Path("demo"),
    show_default=True,
    help="Folder for the clip, its true masks and the result.",
)
@click.option("--overwrite", is_flag=True, help="Replace a demo that is already there.")
@engine_options
@click.option("--quiet", "-q", is_flag=True, help="No progress and no warnings on stderr.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def demo(
    *, output: Path, overwrite: bool, quiet: bool, as_json: bool, **engine_choice: Any
) -> None:
    """Render a clip with exact masks, track it from its first mask, and score the result."""
    from persam_vos import score_folders, write_demo

    console = Console(quiet=quiet)
    clip = write_demo(output / "clip", overwrite=overwrite)
    summary = run_track(
        console,
        str(clip.video),
        [str(clip.first_mask)],
        output / "result",
        engine_choice=engine_choice,
        overwrite=overwrite,
        command=command_line(),
    )
    score = score_folders(summary.masks, clip.truth)
    region, boundary = score.region.mean, score.boundary.mean
    if as_json:
        facts = summary_facts(summary) | {"clip": str(clip.video), "J": region, "F": boundary}
        click.echo(json.dumps(facts, indent=1))
        return
    rate = summary.frame_count / summary.wall_seconds
    click.echo(f"clip     {clip.video} ({summary.frame_count} frames, {rate:.2f} frames/s)")
    click.echo(f"masks    {summary.masks}")
    click.echo(f"J        {region:.3f}")
    click.echo(f"F        {boundary:.3f}")
    click.echo(f"J&F      {(region + boundary) / 2:.3f}")
    click.echo(f"overlay  {summary.overlay}")
