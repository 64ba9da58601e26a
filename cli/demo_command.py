"""`persam-vos demo`: the main job on a clip that the project renders itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import click

from .echo import echo
from .options import EngineOptions, collect, command_line, engine_options
from .progress import Console
from .track_one import track_one
from .track_result import summary_facts


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """What the options of `demo` say."""

    output: Path
    overwrite: bool
    engine: EngineOptions
    quiet: bool
    as_json: bool


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
@collect(DemoOptions)
def demo(options: DemoOptions) -> None:
    """Render a clip with exact masks, track it from its first mask, and score the result."""
    from persam_vos import TrackRequest
    from persam_vos.demo import write_demo
    from persam_vos.scoring import score_folders

    clip = write_demo(options.output / "clip", overwrite=options.overwrite)
    request = TrackRequest(
        source=str(clip.video),
        masks=clip.first_mask,
        output=options.output / "result",
        overwrite=options.overwrite,
        command=command_line(),
    )
    summary = track_one(Console(quiet=options.quiet), request, options.engine)
    score = score_folders(summary.masks, clip.truth)
    region, boundary = score.region.mean, score.boundary.mean
    if options.as_json:
        facts = summary_facts(summary) | {"clip": str(clip.video), "J": region, "F": boundary}
        echo(json.dumps(facts, indent=1))
        return
    rate = summary.frame_count / summary.wall_seconds
    echo(f"clip     {clip.video} ({summary.frame_count} frames, {rate:.2f} frames/s)")
    echo(f"masks    {summary.masks}")
    echo(f"J        {region:.3f}")
    echo(f"F        {boundary:.3f}")
    echo(f"J&F      {(region + boundary) / 2:.3f}")
    echo(f"overlay  {summary.overlay}")
