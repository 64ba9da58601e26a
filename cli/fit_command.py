"""`persam-vos fit`: parse, call, print."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .echo import echo
from .options import EngineOptions, collect, engine_options, load_engine
from .progress import Console
from .sandbox import look_first, sandbox_option

if TYPE_CHECKING:
    from persam_vos import Target
    from persam_vos.media.sandbox import Untrusted


@dataclass(frozen=True, slots=True, kw_only=True)
class FitOptions:
    """What the options of `fit` say."""

    files: tuple[str, ...]
    output: Path
    overwrite: bool
    engine: EngineOptions
    sandbox: bool
    quiet: bool
    as_json: bool


@click.command()
@click.argument("files", metavar="IMAGE MASK...", nargs=-1, required=True)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    default=Path("target.safetensors"),
    show_default=True,
    help="The target file; it has 4 MB at most.",
)
@click.option("--overwrite", is_flag=True, help="Replace a file that is already there.")
@sandbox_option
@engine_options
@click.option("--quiet", "-q", is_flag=True, help="No progress and no warnings on stderr.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@collect(FitOptions)
def fit(options: FitOptions) -> None:
    """Learn objects from pictures, to find them in videos by `track --target`.

    Each IMAGE is followed by its MASK, a label PNG of its size. The ids in the masks are the
    objects: the same id in several masks is the same object, and pictures from several sides make
    it easier to find. A mask given as 2=cat.png shows object 2.
    """
    if len(options.files) % 2:
        raise click.UsageError(
            f"got {len(options.files)} files, expected a mask after each image, as in "
            "a.jpg a.png b.jpg b.png"
        )
    if options.sandbox:
        look_first(_untrusted(options.files))
    from persam_vos import fit_target

    console = Console(quiet=options.quiet)
    pairs = list(zip(options.files[::2], options.files[1::2], strict=True))
    target = fit_target(
        pairs,
        options.output,
        engine=lambda: load_engine(console, options.engine),
        overwrite=options.overwrite,
        on_warning=console.warn,
    )
    size_bytes = options.output.stat().st_size
    if options.as_json:
        echo(json.dumps(_facts(target, options.output, size_bytes), indent=1))
        return
    ids = ", ".join(map(str, target.object_ids))
    for one in target.references:
        shown = ", ".join(map(str, one.object_ids))
        echo(f"learned  objects {shown} from {one.image.name}")
    echo(f"target   {options.output} (objects {ids}, {size_bytes / 1e6:.1f} MB)")


def _untrusted(files: Sequence[str]) -> Untrusted:
    """Return images and masks, which take turns."""
    from persam_vos.media.reference_masks import mask_files
    from persam_vos.media.sandbox import Untrusted

    masks = tuple(str(file) for file in mask_files(files[1::2]))
    return Untrusted(sources=tuple(files[::2]), masks=masks)


def _facts(target: Target, path: Path, size_bytes: int) -> dict[str, Any]:
    """Return what `--json` prints."""
    return {
        "target": str(path),
        "size_bytes": size_bytes,
        "object_ids": target.object_ids,
        "network": asdict(target.network),
        "references": [
            {"image": one.image.name, "mask": one.mask.name, "object_ids": one.object_ids}
            for one in target.references
        ],
    }
