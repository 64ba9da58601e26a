"""`persam-vos mask --target`: find a target's objects in one picture, and show them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from .echo import echo

if TYPE_CHECKING:
    from persam_vos import Engine
    from persam_vos.targets.find import Found
    from persam_vos.tracking.plan import TrackPlan


class Wanted(Protocol):
    """What is wanted of the masks; `MaskOptions` says it."""

    @property
    def output(self) -> Path:
        """The label PNG."""

    @property
    def preview(self) -> Path | None:
        """A picture of the masks."""

    @property
    def as_json(self) -> bool:
        """Print JSON."""


def find_and_show(wanted: Wanted, plan: TrackPlan, engine: Engine) -> None:
    """Find the plan's target on its start frame; write the mask, and print how sure it is.

    A target that is not there is an answer: the mask is then empty.
    """
    from persam_vos.files.atomic import make_folder
    from persam_vos.media.label_png import write_label_png
    from persam_vos.media.prompt_preview import draw_preview, write_preview
    from persam_vos.tracking.start import find_masks

    frame, found = find_masks(plan, engine)
    make_folder(wanted.output.parent)
    write_label_png(wanted.output, found.labels)
    if wanted.preview is not None:
        make_folder(wanted.preview.parent)
        write_preview(wanted.preview, draw_preview(frame.image, found.labels, {}, None))
    objects = [_object_facts(found, object_id) for object_id in sorted(found.confidence)]
    if wanted.as_json:
        preview = None if wanted.preview is None else str(wanted.preview)
        facts = {"mask": str(wanted.output), "preview": preview, "frame": frame.index}
        echo(json.dumps(facts | {"objects": objects}, indent=1))
        return
    for one in objects:
        echo(f"object {one['object_id']}: {_in_words(one)}")
    echo(f"mask     {wanted.output}")
    if wanted.preview is not None:
        echo(f"preview  {wanted.preview}")


def _object_facts(found: Found, object_id: int) -> dict[str, Any]:
    area = int((found.labels == object_id).sum())
    return {
        "object_id": object_id,
        "area_px": area,
        "area_share": round(area / found.labels.size, 5),
        "confidence": round(found.confidence[object_id], 4),
    }


def _in_words(facts: dict[str, Any]) -> str:
    from persam_vos.targets.find import PRESENT

    sure = f"{min(facts['confidence'], 0.999):.1%} sure"
    if not facts["area_px"]:
        return f"not found, its mask is empty ({sure}, {PRESENT:.0%} are needed)"
    return f"{facts['area_px']} pixels ({100 * facts['area_share']:.2g} % of the picture), {sure}"
