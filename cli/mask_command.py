"""`persam-vos mask`: what is understood of boxes, points and rough masks, before a long run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from persam_vos.errors import UsageError, param

from .echo import echo
from .input_options import FrameId
from .mask_target import find_and_show
from .options import EngineOptions, collect, engine_options, load_engine
from .progress import Console
from .prompt_options import PromptOptions, prompt_options
from .request_options import files_by_frame
from .sandbox import files_of, look_first, sandbox_option

if TYPE_CHECKING:
    from persam_vos import TrackRequest
    from persam_vos.structures import RgbImage
    from persam_vos.tracking.prompted import FrameMasks, MadeMask

_UNSURE = 0.75  # predicted IoU under which a mask is likely to be another one than is meant


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskOptions:
    """What the options of `mask` say."""

    source: str
    frame: int | str | None
    masks: tuple[str, ...]
    prompts: PromptOptions
    target: str | None
    output: Path
    preview: Path | None
    candidates: bool
    overwrite: bool
    engine: EngineOptions
    sandbox: bool
    quiet: bool
    as_json: bool

    def request(self) -> TrackRequest:
        """Return what to track, of which the start is made; raises UsageError for more frames."""
        from persam_vos import TrackRequest

        frames: set[int | str] = {*self.prompts.frames()}
        frame = frames.pop() if len(frames) == 1 and self.frame is None else self.frame or 0
        if frames - {frame}:
            raise UsageError(
                "prompts",
                got=f"prompts of frames {', '.join(map(str, sorted(map(str, {*frames, frame}))))}",
                expected="those of one frame",
                remedy="make the masks of one frame after the other",
            )
        return TrackRequest(
            source=self.source,
            masks=self.masks or None,
            start_frame=frame,
            prompts=self.prompts.prompts(frame),
            rough_masks=files_by_frame("--rough", self.prompts.rough_masks(frame)),
            target=self.target,
        )


@click.command()
@click.argument("source", metavar="VIDEO|IMAGE")
@click.option("--frame", type=FrameId(), help="The frame to look at, counted from 0.  [default: 0]")
@prompt_options
@click.option(
    "--target",
    type=click.Path(),
    metavar="FILE",
    help="Objects to find, in a file that `persam-vos fit` made of other pictures; in place of "
    "boxes, points and masks.",
)
@click.option(
    "--first-mask",
    "masks",
    multiple=True,
    metavar="[ID=]PNG",
    help="Masks that are finished, or that points refine, as for `track`.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    required=True,
    help="The mask, a label PNG that `track --first-mask` takes.",
)
@click.option(
    "--preview",
    type=click.Path(path_type=Path),
    metavar="PNG",
    help="Also draw the masks over the picture, with boxes and points.",
)
@click.option(
    "--candidates",
    is_flag=True,
    help="The preview shows the masks of all three scales side by side, and which is taken.",
)
@click.option("--overwrite", is_flag=True, help="Replace files that are already there.")
@sandbox_option
@engine_options
@click.option("--quiet", "-q", is_flag=True, help="No progress and no warnings on stderr.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@collect(MaskOptions)
def mask(options: MaskOptions) -> None:
    """Make masks of objects in VIDEO or IMAGE from a box, a point or a scribble, and show them.

    Or find objects that other pictures showed (--target). `persam-vos track --first-mask` takes the
    result; --box, --point and --target of `track` give the same.
    """
    _check_usage(options)
    console, request = Console(quiet=options.quiet), options.request()
    if options.sandbox:
        look_first(files_of(request))
    from persam_vos.files.atomic import make_folder
    from persam_vos.media.label_png import write_label_png
    from persam_vos.media.prompt_preview import write_preview
    from persam_vos.tracking.plan import input_files, plan_request
    from persam_vos.tracking.start import first_masks

    plan, reference = plan_request(request)
    _check_outputs(options, input_files(request, plan.source))
    for warning in reference.warnings:
        console.warn(warning)
    if options.target is not None:
        find_and_show(options, plan, load_engine(console, options.engine))
        return
    found = first_masks(plan, load_engine(console, options.engine))
    make_folder(options.output.parent)
    write_label_png(options.output, found.label_map)
    if options.preview is not None:
        make_folder(options.preview.parent)
        write_preview(options.preview, _preview(found, candidates=options.candidates))
    for one in found.made:
        if one.taken.predicted_iou < _UNSURE:
            console.warn(
                f"object {one.object_id}: this mask is not sure (predicted IoU "
                f"{one.taken.predicted_iou:.2f}); look at --preview, and add a point or a box"
            )
    if options.as_json:
        echo(json.dumps(_facts(options, found), indent=1))
    else:
        _print(options, found)


def _check_usage(options: MaskOptions) -> None:
    """Raise click.UsageError for options that are missing, or contradict each other."""
    if not options.prompts and options.target is None:
        raise click.UsageError("got no prompt, expected --box, --point, --rough or --target")
    if options.target is not None and (options.prompts or options.masks or options.candidates):
        raise click.UsageError(
            "got --target with prompts, masks or --candidates, expected --target alone"
        )
    if options.candidates and options.preview is None:
        raise click.UsageError("got --candidates without --preview PNG, which shows them")


def _check_outputs(options: MaskOptions, inputs: Sequence[Path]) -> None:
    """Raise OutputError for a file that may not be replaced."""
    from persam_vos.files.output import check_file

    asked = {"output": options.output, "preview": options.preview}
    outputs = {name: path for name, path in asked.items() if path is not None}
    for name, path in outputs.items():
        check_file(path, overwrite=options.overwrite, inputs=inputs, name=name)
    if len({path.resolve() for path in outputs.values()}) < len(outputs):
        raise UsageError(param("preview"), got="the name of the mask", expected="another name")


def _preview(found: FrameMasks, *, candidates: bool) -> RgbImage:
    """Draw the masks, or the candidates of each, over the picture."""
    from persam_vos.media.prompt_preview import TitledLabels, draw_preview, draw_side_by_side

    image, prompts = found.frame.image, found.prompts
    if not candidates:
        return draw_preview(image, found.label_map, prompts.by_id, prompts.rough)
    rows = []
    for one in found.made:
        shown = [
            TitledLabels(
                f"{one.object_id}: {each.scale}, IoU {each.predicted_iou:.2f}, "
                f"stability {each.stability:.2f}",
                (each.mask * one.object_id).astype("uint8"),
                each is one.taken,
            )
            for each in one.candidates
        ]
        prompt = prompts.by_id.get(one.object_id)
        rows.append((shown, {} if prompt is None else {one.object_id: prompt}))
    return draw_side_by_side(image, rows)


def _facts(options: MaskOptions, found: FrameMasks) -> dict[str, Any]:
    """Say what was made, for `--json`."""
    preview = options.preview
    return {
        "mask": str(options.output),
        "preview": None if preview is None else str(preview),
        "frame": found.frame.index,
        "objects": [_object_facts(one, found) for one in found.made],
    }


def _object_facts(one: MadeMask, found: FrameMasks) -> Mapping[str, Any]:
    area = int((found.label_map == one.object_id).sum())
    facts = {
        "object_id": one.object_id,
        "area_px": area,
        "area_share": round(area / found.label_map.size, 5),
        "predicted_iou": round(one.taken.predicted_iou, 4),
        "stability": round(one.taken.stability, 4),
        "scale": one.taken.scale,
    }
    return facts | ({} if one.before_iou is None else {"before_iou": round(one.before_iou, 4)})


def _print(options: MaskOptions, found: FrameMasks) -> None:
    """Print what was made, and where the files are."""
    for one in found.made:
        facts = _object_facts(one, found)
        line = (
            f"object {one.object_id}: {facts['area_px']} pixels "
            f"({100 * facts['area_share']:.2g} % of the picture), predicted IoU "
            f"{one.taken.predicted_iou:.2f}, stability {one.taken.stability:.2f}, {one.taken.scale}"
        )
        if one.before_iou is not None:
            line += f", IoU {one.before_iou:.2f} with the mask that was given"
        echo(line)
    echo(f"mask     {options.output}")
    if options.preview is not None:
        echo(f"preview  {options.preview}")
