"""`persam-vos check`: parse, call, print."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .check_report import print_report, report_facts
from .echo import echo
from .input_options import input_options
from .options import EngineOptions, collect, engine_options, load_engine
from .progress import Console
from .prompt_options import prompt_options
from .request_options import RequestOptions
from .sandbox import files_of, look_first, sandbox_option
from .track_command import track

if TYPE_CHECKING:
    from persam_vos import Engine

AS_TRACK = ("masks", "start_frame", "later_masks", "target", "direction", "objects", "overlay")
"""Options that mean what they mean to `track`, and are described there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOptions(RequestOptions):
    """What the arguments and options of `check` say."""

    source: str
    engine: EngineOptions
    fix: Path | None
    specks: int | None
    measure: bool
    quiet: bool
    as_json: bool


@click.command()
@click.argument("source", metavar="VIDEO")
@prompt_options
@input_options
@sandbox_option
@engine_options
@click.option(
    "--fix",
    type=click.Path(path_type=Path),
    metavar="OUT.png",
    help="Write a clean mask of --first-mask: a palette PNG of the frames' size, without soft "
    "outlines, void, specks and small holes. What it says and measures is then about that mask. "
    "It replaces no file.",
)
@click.option(
    "--specks",
    type=click.IntRange(min=1),
    metavar="N",
    help="Pieces and holes of less than N pixels go with --fix.  [default: a ten-thousandth of "
    "the picture, at least 4]",
)
@click.option(
    "--measure/--no-measure",
    default=True,
    show_default=True,
    help="Track a few frames, to say how long all will take and in how much memory.",
)
@click.option("--quiet", "-q", is_flag=True, help="No progress on stderr.")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
@collect(CheckOptions)
def check(options: CheckOptions) -> None:
    """Look at VIDEO and its masks before a long run, and say what will happen and what to do.

    Takes the options of `track`. The exit code is 0 if a run would go through, however good its
    masks may be, and 1 if it would fail.
    """
    if options.fix is not None and not options.masks:
        raise click.UsageError("got --fix without a mask, expected --first-mask PNG beside it")
    if options.specks is not None and options.fix is None:
        raise click.UsageError("got --specks alone, expected --fix OUT.png beside it")
    started = time.perf_counter()
    from persam_vos.checking.check import check as check_request
    from persam_vos.checking.check import fix_masks

    started = time.perf_counter() - started
    console, request = Console(quiet=options.quiet), options.request(options.source)
    if options.sandbox:
        look_first(files_of(request))
    clean = None
    if options.fix is not None:
        clean = fix_masks(request, options.fix, speck_px=options.specks)
        request = replace(request, masks=options.fix, objects=None)
    with ExitStack() as reading:
        progress = reading.enter_context(console.frames())
        progress.start("reading", None)

        def load() -> Engine:
            reading.close()  # its bar makes room for those of the download
            return load_engine(console, options.engine)

        report = check_request(
            request,
            settings=options.engine.choice().settings,
            engine=load if options.measure else None,
            started_seconds=started,
            on_frame=progress.advance,
        )
    changes = None if clean is None else clean.changes
    if options.as_json:
        echo(json.dumps(report_facts(report, options.fix, changes), indent=1))
    else:
        print_report(report, options.fix, changes)
    if report.fails:
        click.get_current_context().exit(1)


check.params[1:1] = [option for option in track.params if option.name in AS_TRACK]
