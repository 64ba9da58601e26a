"""`persam-vos track`: parse, call, print."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import engine_options, make_engine
from .progress import Console
from .stage_table import print_stages

if TYPE_CHECKING:
    from persam_vos import Engine, ReferenceMasks, SourceInfo, TrackSummary


class _ObjectIds(click.ParamType[tuple[int, ...]]):
    name = "IDS"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        try:
            ids = tuple(int(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"got {value!r}, expected object ids such as 1,3", param, ctx)
        if not all(1 <= object_id <= 255 for object_id in ids):
            self.fail(f"got {value!r}, expected ids from 1 to 255", param, ctx)
        return ids


@click.command()
@click.argument("source", metavar="VIDEO")
@click.option(
    "--first-mask",
    "masks",
    required=True,
    multiple=True,
    metavar="[ID=]PNG",
    help="The objects on the first frame: a label PNG, or one file per object as 1=a.png.",
)
@click.option("--objects", type=_ObjectIds(), help="Track these ids of the mask only, as 1,3.")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="Folder for masks/, overlay.mp4, track.json.  [default: VIDEO's name + _tracked]",
)
@click.option("--overwrite", is_flag=True, help="Replace results that are already there.")
@click.option(
    "--overlay/--no-overlay", default=True, show_default=True, help="Write the overlay video."
)
@click.option(
    "--alpha",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Strength of the overlay's fill, 0 (contour only) to 1.",
)
@click.option(
    "--reader",
    type=click.Choice(["pyav", "decord"]),
    default="pyav",
    show_default=True,
    help="Which library reads videos.",
)
@engine_options
@click.option(
    "--profile",
    is_flag=True,
    help="Show where the time went, and write trace.json for chrome://tracing or Perfetto.",
)
@click.option("--quiet", "-q", is_flag=True, help="No progress and no warnings on stderr.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def track(
    *,
    source: str,
    masks: tuple[str, ...],
    objects: tuple[int, ...] | None,
    output: Path | None,
    overwrite: bool,
    overlay: bool,
    alpha: float,
    reader: Any,
    profile: bool,
    quiet: bool,
    as_json: bool,
    **engine_choice: Any,
) -> None:
    """Cut objects out of VIDEO (a file, a folder of images or a glob) from one mask each."""
    console = Console(quiet=quiet)
    summary = run_track(
        console,
        source,
        masks,
        output or Path(f"{_stem(source)}_tracked"),
        engine_choice=engine_choice,
        objects=objects,
        reader=reader,
        overlay=overlay,
        alpha=alpha,
        overwrite=overwrite,
        profile=profile,
    )
    if as_json:
        click.echo(json.dumps(summary_facts(summary), indent=1))
    else:
        _print_summary(summary)


def run_track(
    console: Console,
    source: str,
    masks: Sequence[str],
    output: Path,
    *,
    engine_choice: dict[str, Any],
    **options: Any,
) -> TrackSummary:
    """Track with progress on ``console``; the input is checked before weights are fetched."""
    from persam_vos import track_to_folder

    with console.frames() as progress:

        def start(info: SourceInfo, reference: ReferenceMasks, engine: Engine) -> None:
            for warning in reference.warnings:
                console.warn(warning)
            count = len(reference.object_ids)
            objects = "1 object" if count == 1 else f"{count} objects"
            progress.start(f"{objects}, {engine.compute.describe()}", info.frame_count)

        return track_to_folder(
            source,
            list(masks),
            output,
            engine=lambda: make_engine(console, **engine_choice),
            command=shlex.join(["persam-vos", *sys.argv[1:]]),
            on_start=start,
            on_frame=lambda _: progress.advance(),
            **options,
        )


def summary_facts(summary: TrackSummary) -> dict[str, Any]:
    """Turn a summary into what `--json` prints."""
    return {
        name: str(value) if isinstance(value, Path) else value
        for name, value in asdict(summary).items()
    }


def _print_summary(summary: TrackSummary) -> None:
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


def _stem(source: str) -> str:
    """Name a source for its default output: a file's stem, a folder's name, a glob's folder."""
    path = Path(source)
    if any(sign in path.name for sign in "*?["):
        path = path.parent
    path = path.resolve()
    return (path.name if path.is_dir() else path.stem) or "video"
