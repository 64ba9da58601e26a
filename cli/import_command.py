"""`persam-vos import`: masks of other tools as label PNGs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .echo import echo
from .options import collect
from .progress import Console
from .sandbox import in_another_process, process_option

if TYPE_CHECKING:
    from persam_vos.imports.run import Imported, ImportFormat

_TOLD = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What the options of `import` say."""

    path: Path
    output: Path
    import_format: ImportFormat
    clip: str | None
    overwrite: bool
    sandbox: bool
    quiet: bool
    as_json: bool


@click.command(name="import")
@click.argument("path", metavar="FILE|FOLDER", type=click.Path(path_type=Path))
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    default=Path("imported"),
    show_default=True,
    help="Folder for the label PNGs.",
)
@click.option(
    "--format",
    "import_format",
    type=click.Choice(["auto", "cvat", "coco", "youtube-vos", "label-studio", "labelme"]),
    default="auto",
    show_default=True,
    help="What wrote the file; coco is YouTube-VIS too.",
)
@click.option("--clip", metavar="NAME", help="Which video, where the file has several.")
@click.option("--overwrite", is_flag=True, help="Replace label PNGs of the same names.")
@process_option
@click.option("--quiet", "-q", is_flag=True, help="No warnings on stderr.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@collect(ImportOptions)
def import_(options: ImportOptions) -> None:
    """Turn masks and polygons that were drawn in another tool into label PNGs to track from."""
    from persam_vos.imports.run import import_masks

    work = partial(
        import_masks,
        options.path,
        options.output,
        import_format=options.import_format,
        clip=options.clip,
        overwrite=options.overwrite,
    )
    found = in_another_process(work) if options.sandbox else work()
    console = Console(quiet=options.quiet)
    for warning in found.warnings:
        console.warn(warning)
    if options.as_json:
        echo(json.dumps(asdict(found), indent=1, default=str))
    else:
        _print(found)


def _print(found: Imported) -> None:
    """Print objects and files, and how to track from them."""
    objects = ", ".join(f"{one} ({name})" for one, name in found.names.items())
    echo(f"{found.format}, {len(found.masks)} frames, objects {objects}")
    for number, mask in enumerate(found.masks[:_TOLD]):
        ids = ",".join(map(str, mask.object_ids))
        flag = f"--mask {mask.frame}={mask.path}"
        if number == 0 and mask.frame in (None, 0):
            flag = f"--first-mask {mask.path}"
        elif mask.frame is None:
            flag = str(mask.path)
        echo(f"{flag}  objects {ids}")
    if len(found.masks) > _TOLD:
        echo(f"and {len(found.masks) - _TOLD} more")
