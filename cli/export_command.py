"""`persam-vos export`: a finished run in another format."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from persam_vos.exports.registry import EXPORTS

from .echo import echo
from .options import collect
from .progress import Console
from .sandbox import look_first, sandbox_option

if TYPE_CHECKING:
    from persam_vos.media.sandbox import Untrusted


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportCommandOptions:
    """What the options of `export` say."""

    run: Path
    name: str
    output: Path | None
    source: str | None
    overwrite: bool
    sandbox: bool
    quiet: bool
    as_json: bool


class _WithTable(click.Command):
    """A command whose help ends with the table of exports and their options."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        from persam_vos.exports.exporter import option_table

        for entry in EXPORTS.values():
            with formatter.section(entry.name):
                formatter.write_text(f"{entry.summary[0].upper()}{entry.summary[1:]}.")
                rows = [
                    (f"{name}={values}", text) for name, values, text in option_table(entry.kind)
                ]
                if rows:
                    formatter.write_dl(rows, col_max=40)


@click.command(cls=_WithTable)
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("name", metavar="NAME[:KEY=VALUE,...]")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="File or folder to write.  [default: RUN/exports/NAME, with the format's suffix]",
)
@click.option(
    "--source",
    metavar="VIDEO",
    help="Where the video is, if it was moved since.  [default: where track.json says]",
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier export.")
@sandbox_option
@click.option("--quiet", "-q", is_flag=True, help="No progress and no warnings on stderr.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@collect(ExportCommandOptions)
def export(options: ExportCommandOptions) -> None:
    """Write the finished run in the folder RUN in another format; no network is needed.

    Of the formats below each option has its default first. The first frames of a run that broke
    off are exported as far as they go.
    """
    from persam_vos.exports.registry import parse_export
    from persam_vos.exports.run import export_run

    console = Console(quiet=options.quiet)
    chosen = parse_export(options.name)
    if options.sandbox:
        look_first(_untrusted(options), meanwhile="persam_vos.exports.run")
    with console.frames() as progress:
        done = export_run(
            options.run,
            chosen,
            output=options.output,
            source=options.source,
            overwrite=options.overwrite,
            on_start=lambda name, count: progress.start(f"export {name}", count),
            on_frame=progress.advance,
        )
    for warning in done.warnings:
        console.warn(warning)
    if options.as_json:
        facts = {"export": done.name, "path": str(done.path), "frame_count": done.frame_count}
        echo(json.dumps(facts | {"warnings": list(done.warnings)}, indent=1))
    else:
        echo(f"{done.frame_count} frames")
        echo(f"{done.name}  {done.path}")


def _untrusted(options: ExportCommandOptions) -> Untrusted:
    """Return the source of a run and its first mask; raises MediaError for a folder without one."""
    from persam_vos.exports.clip import open_clip
    from persam_vos.media.output_paths import MASKS
    from persam_vos.media.sandbox import Untrusted

    clip = open_clip(options.run, source=options.source)
    mask = clip.folder / MASKS / f"{clip.entries[0].name}.png"
    return Untrusted(sources=(clip.info.path,), masks=(str(mask),), options=clip.reading)
