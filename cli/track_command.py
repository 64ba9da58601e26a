"""`persam-vos track`: parse, call, print."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .echo import echo
from .export_options import ExportOptions, export_options
from .input_options import FrameId, input_options
from .live_options import LiveOptions, live_options
from .options import EngineOptions, collect, command_line, engine_options, workers_option
from .progress import Console
from .prompt_options import prompt_options
from .request_options import RequestOptions
from .resume_options import ResumableCommand, ResumeOptions, resume_options
from .sandbox import sandbox_option
from .target_options import target_option
from .track_live import track_live_source
from .track_many import refuse_common, track_several
from .track_one import track_one
from .track_result import print_summary, summary_facts

if TYPE_CHECKING:
    from persam_vos import TrackRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackOptions(RequestOptions):
    """What the options of `track` say."""

    sources: tuple[str, ...]
    output: Path | None
    workers: int
    overwrite: bool
    going_on: ResumeOptions
    alpha: float
    constant_rate: bool
    live: LiveOptions
    engine: EngineOptions
    exports: ExportOptions
    profile: bool
    quiet: bool
    as_json: bool

    def requests(self) -> list[TrackRequest]:
        """Return what to do for each video; raises MaskError or UsageError for its masks."""
        from persam_vos import TrackRequest

        template = replace(
            self.request(self.live.source or self.sources[0]),
            alpha=self.alpha,
            constant_rate=self.constant_rate,
            overwrite=self.overwrite,
            resume=self.going_on.choice,
            checkpoint_every=self.going_on.checkpoint_every,
            keep_checkpoints=self.going_on.keep_checkpoints,
            exports=self.exports.exports,
            keep_alpha=self.exports.keep_alpha,
            profile=self.profile,
            command=command_line(),
        )
        if self.live.source is not None:
            return [replace(template, output=self.output)]
        if len(self.sources) == 1:
            request = TrackRequest.from_template(template, self.sources[0])
            return [replace(request, output=self.output or request.output)]
        files = [*self.masks, *(mask for _, mask in (*self.later_masks, *self.rough_masks))]
        refuse_common(self.sources, files)
        return [
            TrackRequest.from_template(template, source, parent=self.output)
            for source in self.sources
        ]


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


class _FrameMask(click.ParamType[tuple[int | str, str]]):
    name = "FRAME[:ID]=PNG"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int | str, str]:
        match = re.fullmatch(r"(\d+|name:[^=]+?)(?::(\d+))?=(.+)", str(value))
        if match is None:
            self.fail(f"got {value!r}, expected 40=mask.png or 40:2=dog.png", param, ctx)
        frame, object_id, path = match.groups()
        number = int(frame) if frame.isdecimal() else frame
        return number, path if object_id is None else f"{object_id}={path}"


@click.command(cls=ResumableCommand)
@click.argument("sources", metavar="VIDEO...", nargs=-1)
@click.option(
    "--first-mask",
    "masks",
    multiple=True,
    metavar="[ID=]PNG",
    help="The objects on the start frame: a label PNG, or one file per object as 1=a.png. {name} "
    "in it stands for the name of the video: 'masks/{name}.png'; several videos need it.",
)
@click.option(
    "--start-frame",
    type=FrameId(),
    help="The frame that --first-mask shows, counted from 0, or by the name of its image.  "
    "[default: 0; without --first-mask the earliest frame of --mask]",
)
@click.option(
    "--mask",
    "later_masks",
    type=_FrameMask(),
    multiple=True,
    help="Objects on another frame, to add or correct them from there on: 40=m.png, or one file "
    "per object as 40:2=dog.png; FRAME may be name:00040. Repeatable; {name} as in --first-mask.",
)
@prompt_options
@target_option
@click.option(
    "--direction",
    type=click.Choice(["both", "forward", "backward"]),
    default="both",
    show_default=True,
    help="Which way to go from the start frame; only frames on the way get a mask.",
)
@click.option("--objects", type=_ObjectIds(), help="Track these ids of the mask only, as 1,3.")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="Folder for masks/, overlay.mp4, track.json; several videos get OUTPUT/NAME_tracked "
    "each.  [default: NAME_tracked, after VIDEO's name]",
)
@workers_option
@click.option("--overwrite", is_flag=True, help="Replace results that are already there.")
@resume_options
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
    "--constant-rate",
    is_flag=True,
    help="Give the overlay pictures at a constant rate where the video's is variable.",
)
@input_options
@sandbox_option
@live_options
@export_options
@engine_options
@click.option(
    "--profile",
    is_flag=True,
    help="Show where the time went, and write trace.json for chrome://tracing or Perfetto.",
)
@click.option("--quiet", "-q", is_flag=True, help="No progress and no warnings on stderr.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@collect(TrackOptions)
def track(options: TrackOptions) -> None:
    """Cut objects out of each VIDEO (a file, a folder of images or a glob): show each object once.

    Or, with --source, out of what a camera or a stream sends.

    By a mask (--first-mask), a box, a point, a scribble (--rough) or other pictures (--target).

    Of several videos, one that fails does not stop the others; the exit code is then 1.
    """
    if not (options.masks or options.later_masks or options.prompts or options.target):
        raise click.UsageError(
            "got no object, expected one by --first-mask PNG, --mask FRAME=PNG, --box, --point, "
            "--rough PNG or --target FILE"
        )
    _check_sources(options)
    console, requests = Console(quiet=options.quiet), options.requests()
    if options.live.source is not None:
        track_live_source(
            console, requests[0], options.engine, options.live, as_json=options.as_json
        )
        return
    if len(requests) > 1:
        track_several(
            console,
            requests,
            options.engine,
            workers=options.workers,
            sandbox=options.sandbox,
            as_json=options.as_json,
        )
        return
    summary = track_one(console, requests[0], options.engine, sandbox=options.sandbox)
    if options.as_json:
        echo(json.dumps(summary_facts(summary), indent=1))
    else:
        print_summary(summary)


def _check_sources(options: TrackOptions) -> None:
    """Raise click.UsageError unless there are videos, or a live source."""
    if options.live.source is not None and options.going_on.resume:
        raise click.UsageError("got --source and --resume, expected one: what was live is gone")
    if options.live.source is None:
        options.live.refuse_without_source()
        if not options.sources:
            raise click.UsageError("got no VIDEO, expected one, or a live source with --source")
    elif options.sources:
        raise click.UsageError(
            f"got --source and {options.sources[0]}, expected a live source or videos"
        )
