"""`persam-vos segment`: parse, call, print."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from persam_vos.photos.settings import INSTANCES, Instances

from .echo import echo
from .options import collect, command_line, load_chosen
from .photo_options import PhotoEngineOptions, photo_engine_options
from .progress import Console
from .reference_options import ReferenceOptions, reference_options
from .sandbox import look_first, sandbox_option

if TYPE_CHECKING:
    from persam_vos import PhotoSettings, SegmentRequest
    from persam_vos.media.sandbox import Untrusted
    from persam_vos.photos.run import SegmentSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentOptions:
    """What the options of `segment` say."""

    photos: tuple[str, ...]
    shown: ReferenceOptions
    output: Path
    instances: Instances
    cutouts: bool
    overwrite: bool
    resume: bool
    sandbox: bool
    engine: PhotoEngineOptions
    quiet: bool
    as_json: bool

    def settings(self) -> PhotoSettings:
        """Return how objects are found; raises UsageError for a contradiction."""
        return replace(self.engine.settings(), instances=self.instances)

    def request(self) -> SegmentRequest:
        """Return what is asked for; raises UsageError for a contradiction."""
        from persam_vos import SegmentRequest

        return SegmentRequest(
            photos=self.photos,
            references=self.shown.references(),
            target=self.shown.target,
            output=self.output,
            settings=self.settings(),
            cutouts=self.cutouts,
            overwrite=self.overwrite,
            resume=self.resume,
            sandbox=self.sandbox,
            command=command_line(),
        )


@click.command()
@click.argument("photos", metavar="PHOTOS...", nargs=-1, required=True)
@reference_options
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    default=Path("photos_segmented"),
    show_default=True,
    help="The folder of the results.",
)
@click.option(
    "--instances",
    type=click.Choice(INSTANCES),
    default="best",
    show_default=True,
    help="Find the best instance of an object in a photo, or all of them.",
)
@click.option("--cutouts/--no-cutouts", default=True, show_default=True, help="Write cut-outs.")
@click.option("--overwrite", is_flag=True, help="Replace the results of an earlier run.")
@click.option(
    "--resume", is_flag=True, help="Go on with a run that broke off; finished photos are kept."
)
@sandbox_option
@photo_engine_options
@click.option("--quiet", "-q", is_flag=True, help="No progress and no warnings on stderr.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@collect(SegmentOptions)
def segment(options: SegmentOptions) -> None:
    """Find an object that one photo shows in any number of others.

    Written are masks, cut-outs, COCO, and pages to look at, overview.html.

    PHOTOS are files, folders or globs, of any size; the object is shown by --reference with --mask,
    --box or --point, or by --target. Objects that are not in a photo get an empty mask. Photos that
    cannot be read are listed and passed over; the exit code is then 1.
    """
    from persam_vos import segment_to_folder

    console, request = Console(quiet=options.quiet), options.request()
    if options.sandbox:
        look_first(_untrusted(request))
    choice = options.engine.choice()
    with console.frames("photos") as bar:
        summary = segment_to_folder(
            request,
            engine=lambda: load_chosen(console, choice),
            on_start=lambda done, total: bar.start("photos", total, done=done),
            on_photo=bar.advance,
            on_warning=console.warn,
        )
    for error in summary.failures.values():
        console.fail(error)
    if options.as_json:
        echo(json.dumps(asdict(summary) | {"output": str(summary.output)}, indent=1))
    else:
        _print(summary)
    if summary.failures:
        click.get_current_context().exit(1)


def _untrusted(request: SegmentRequest) -> Untrusted:
    """Return the references and their masks; photos are looked at when their turn comes."""
    from persam_vos.media.reference_masks import mask_files
    from persam_vos.media.sandbox import Untrusted

    masks = tuple(str(file) for one in request.references for file in mask_files(one.masks))
    return Untrusted(sources=tuple(str(one.image) for one in request.references), masks=masks)


def _print(summary: SegmentSummary) -> None:
    """Print what was found, and where it is."""
    read = summary.photo_count - len(summary.failures)
    for object_id, count in summary.found.items():
        echo(f"object {object_id}: in {count} of {read} photos")
    if summary.failures:
        echo(f"not read {len(summary.failures)} of {summary.photo_count} photos")
    if summary.cut:
        echo(f"cut      {len(summary.cut)} photos lack their end, such as {summary.cut[0]}")
    if summary.resumed:
        echo(f"resumed  {summary.resumed} photos were finished before")
    echo(f"overview {summary.output / 'overview.html'}")
    echo(f"masks    {summary.output / 'masks'}")
