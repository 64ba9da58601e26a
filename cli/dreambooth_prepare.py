"""`persam-vos dreambooth prepare`: parse, call, print."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from persam_vos.dreambooth.layout_names import LAYOUTS, Layout
from persam_vos.errors import UsageError, param

from .echo import echo
from .options import collect, command_line, load_chosen
from .photo_options import PhotoEngineOptions, photo_engine_options
from .progress import Console
from .prompt_options import Coordinates, Shown, as_prompt
from .sandbox import look_at_each, sandbox_option

if TYPE_CHECKING:
    from persam_vos.dreambooth.prepare import PrepareRequest, PrepareSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareOptions:
    """What the options of `dreambooth prepare` say."""

    photos: Path
    masks: tuple[Path, ...]
    boxes: tuple[Shown, ...]
    points: tuple[Shown, ...]
    reference: str | None
    output: Path
    layout: Layout
    resolution: int
    overwrite: bool
    sandbox: bool
    engine: PhotoEngineOptions
    quiet: bool
    as_json: bool

    def request(self) -> PrepareRequest:
        """Return what is asked for; raises UsageError for a contradiction."""
        from persam_vos.dreambooth.prepare import PrepareRequest

        for one in (*self.boxes, *self.points):
            if one.frame is not None:
                raise UsageError(
                    param(one.kind),
                    got=f"the number {one.frame} of a photo",
                    expected=f"coordinates alone: {param('reference')} names the photo",
                )
        return PrepareRequest(
            photos=self.photos,
            masks=self.masks,
            prompts=[as_prompt(one) for one in (*self.boxes, *self.points)],
            reference=self.reference,
            output=self.output,
            layout=self.layout,
            resolution=self.resolution,
            settings=self.engine.settings(),
            overwrite=self.overwrite,
            command=command_line(),
        )


@click.command()
@click.argument("photos", type=click.Path(path_type=Path))
@click.option(
    "--mask",
    "masks",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="PNG",
    help="A mask of the subject in one photo: that of its name, or --reference, or else the first. "
    "May be repeated, for other sides of it; each is then called as its photo is.",
)
@click.option(
    "--box",
    "boxes",
    type=Coordinates("box"),
    multiple=True,
    help="In place of a mask: a box round the subject, 30,40,120,99 in pixels or per cent.",
)
@click.option(
    "--point",
    "points",
    type=Coordinates("point"),
    multiple=True,
    help="In place of a mask: a point on the subject, 80,60, or with a minus on what is not part "
    "of it, 9,9,-.",
)
@click.option(
    "--reference",
    metavar="PHOTO",
    help="The photo that the mask, the box or the points are of.  [default: the first]",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    default=Path("masks"),
    show_default=True,
    help="The folder of the masks, and of contact-sheet.png, which shows them all.",
)
@click.option(
    "--layout",
    type=click.Choice(LAYOUTS),
    default="plain",
    show_default=True,
    help="plain: a mask for each photo, for `dreambooth train`. kohya, onetrainer: photos and "
    "masks as these trainers want them. alpha: photos whose transparency is the mask.",
)
@click.option(
    "--resolution",
    type=click.IntRange(min=64),
    default=512,
    show_default=True,
    metavar="N",
    help="Pixels of the short side in training, by which it is told whether the subject is tiny.",
)
@click.option("--overwrite", is_flag=True, help="Replace the masks of an earlier run.")
@sandbox_option
@photo_engine_options
@click.option("--quiet", "-q", is_flag=True, help="No progress and no warnings on stderr.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@collect(PrepareOptions)
def prepare(options: PrepareOptions) -> None:
    """Find the subject of one photo in all of them, as masks to train by.

    PHOTOS is a folder of nothing but photos of the subject, in one of which --mask, --box or
    --point show it. Look at contact-sheet.png before training: photos where the subject was not
    found, is tiny, or cut off by the edge are marked, and listed. If it was not found in one, the
    exit code is 1.
    """
    from persam_vos.dreambooth.prepare import prepare as prepare_photos

    console, request = Console(quiet=options.quiet), options.request()
    if options.sandbox:
        look_at_each(_untrusted(request))
    choice = options.engine.choice()
    with console.frames("photos") as bar:
        summary = prepare_photos(
            request,
            engine=lambda: load_chosen(console, choice),
            on_start=lambda total: bar.start("photos", total),
            on_photo=bar.advance,
        )
    if options.as_json:
        echo(json.dumps(_facts(summary), indent=1))
    else:
        _print(summary)
    if summary.not_found:
        click.get_current_context().exit(1)


def _untrusted(request: PrepareRequest) -> list[str]:
    """Return all photos and masks."""
    folder = request.photos
    photos = sorted(str(one) for one in folder.iterdir()) if folder.is_dir() else []
    return [*photos, *map(str, request.masks)]


def _facts(summary: PrepareSummary) -> dict[str, Any]:
    """Return what `--json` prints."""
    return {
        "output": str(summary.output),
        "layout": summary.layout,
        "sheets": [str(one) for one in summary.sheets],
        "photos": {
            name: {**asdict(one), "gates": one.gates} for name, one in summary.facts.items()
        },
    }


def _print(summary: PrepareSummary) -> None:
    """Print a line for each photo, and what to do next."""
    longest = max(len(name) for name in summary.facts)
    for name, one in summary.facts.items():
        words = [f"{one.coverage:6.1%}", "given" if one.given else "found"]
        told = " ".join(words) if one.coverage else "     -"
        gates = "; ".join(one.describe(gate) for gate in one.gates)
        echo(f"{name:{longest}} {told}{'  ' if gates else ''}{gates}".rstrip())
    echo(f"sheet    {', '.join(map(str, summary.sheets))}")
    echo(f"masks    {summary.output}")
    if summary.not_found:
        rest = "whose masks are empty" if summary.layout == "plain" else "which are left out"
        photos = ", ".join(summary.not_found)
        echo(f"not found in {photos}, {rest}: show the subject there, too, or take them out")
