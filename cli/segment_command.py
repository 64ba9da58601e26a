"""`persam-vos segment`: parse, call, print."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from persam_vos.config import DEFAULT_RECIPE, RECIPES, RecipeName
from persam_vos.photos.settings import (
    DEFAULT_PHOTO_METHOD,
    INSTANCES,
    PHOTO_MECHANISMS,
    PHOTO_METHODS,
    Instances,
    PhotoMechanism,
    PhotoMethodName,
    default_photo_method,
)

from .options import NetworkOptions, Recipe, collect, command_line, load_chosen, network_options
from .progress import Console
from .reference_options import ReferenceOptions, reference_options

if TYPE_CHECKING:
    from persam_vos import PhotoSettings, SegmentRequest
    from persam_vos.photos.run import SegmentSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentOptions:
    """What the options of `segment` say."""

    photos: tuple[str, ...]
    shown: ReferenceOptions
    output: Path
    method: PhotoMethodName | None
    recipe: RecipeName
    without: tuple[PhotoMechanism, ...]
    instances: Instances
    cutouts: bool
    overwrite: bool
    resume: bool
    network: NetworkOptions
    quiet: bool
    as_json: bool

    def settings(self) -> PhotoSettings:
        """Return how objects are found; raises UsageError for a contradiction."""
        from persam_vos import PhotoSettings

        without = frozenset(self.without)
        method = self.method or default_photo_method(recipe=self.recipe, without=without)
        return PhotoSettings(
            method=method, recipe=self.recipe, without=without, instances=self.instances
        )

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
    "--method",
    type=click.Choice(PHOTO_METHODS),
    help=f"How objects are found.  [default: {DEFAULT_PHOTO_METHOD}; persam-f with --recipe public "
    "or --without]",
)
@click.option(
    "--recipe",
    type=Recipe(RECIPES),
    default=DEFAULT_RECIPE,
    show_default=True,
    help="upstream (or public) does what the published photo programs do, to the letter.",
)
@click.option(
    "--without",
    type=click.Choice(PHOTO_MECHANISMS),
    multiple=True,
    help="A mechanism of the paper to switch off; may be repeated.",
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
@network_options
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
    choice = options.network.of_settings(request.settings.engine_settings())
    with console.frames("photos") as bar:
        summary = segment_to_folder(
            request,
            engine=lambda: load_chosen(console, choice),
            on_start=lambda done, total: bar.start("photos", total, done),
            on_photo=bar.advance,
            on_warning=console.warn,
        )
    for error in summary.failures.values():
        console.fail(error)
    if options.as_json:
        click.echo(json.dumps(asdict(summary) | {"output": str(summary.output)}, indent=1))
    else:
        _print(summary)
    if summary.failures:
        click.get_current_context().exit(1)


def _print(summary: SegmentSummary) -> None:
    """Print what was found, and where it is."""
    read = summary.photo_count - len(summary.failures)
    for object_id, count in summary.found.items():
        click.echo(f"object {object_id}: in {count} of {read} photos")
    if summary.failures:
        click.echo(f"not read {len(summary.failures)} of {summary.photo_count} photos")
    if summary.resumed:
        click.echo(f"resumed  {summary.resumed} photos were finished before")
    click.echo(f"overview {summary.output / 'overview.html'}")
    click.echo(f"masks    {summary.output / 'masks'}")
