"""Options that show the objects of `segment`: references with masks or prompts, or a target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from persam_vos.errors import UsageError, param

from .options import option_group
from .prompt_options import Coordinates, Shown, as_prompt

if TYPE_CHECKING:
    from persam_vos import ReferencePhoto


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceOptions:
    """What the options of `reference_options` say."""

    reference: tuple[str, ...]
    masks: tuple[str, ...]
    boxes: tuple[Shown, ...]
    points: tuple[Shown, ...]
    target: str | None

    def references(self) -> tuple[ReferencePhoto, ...]:
        """Put references and what shows their objects together.

        Masks are those of the references without box or point, in their order. Raises UsageError
        for a number of masks that does not fit.
        """
        from persam_vos import ReferencePhoto

        shown: dict[int, list[Shown]] = {}
        for one in (*self.boxes, *self.points):
            shown.setdefault(self._number(one), []).append(one)
        masked = [n for n in range(1, len(self.reference) + 1) if n not in shown]
        masks = self._masks(masked)
        return tuple(
            ReferencePhoto(
                image=image,
                masks=masks.get(number),
                prompts=[as_prompt(one) for one in shown.get(number, [])],
            )
            for number, image in enumerate(self.reference, 1)
        )

    def _number(self, one: Shown) -> int:
        """Return the number of the reference that a box or a point is in."""
        count = len(self.reference)
        if one.frame is None and count == 1:
            return 1
        if one.frame is None or not 1 <= one.frame <= count:
            raise UsageError(
                param(f"{one.kind}"),
                got=f"{'no reference' if one.frame is None else one.frame} in a {one.kind}",
                expected=f"the number of one of {count} references, as in 1:2=30,40,120,99",
            )
        return one.frame

    def _masks(self, masked: list[int]) -> dict[int, list[str]]:
        """Give masks to the references of those numbers; the only one takes all."""
        if len(masked) == 1:
            return {masked[0]: [*self.masks]} if self.masks else {}
        if len(masked) != len(self.masks):
            raise UsageError(
                param("mask"),
                got=f"{len(self.masks)} for {len(masked)} references without box or point",
                expected="one for each, in the same order",
            )
        return {number: [mask] for number, mask in zip(masked, self.masks, strict=True)}


_OPTIONS = (
    click.option(
        "--reference",
        type=click.Path(),
        multiple=True,
        metavar="PHOTO",
        help="A photo that shows the object; may be repeated, for other sides of it.",
    ),
    click.option(
        "--mask",
        "masks",
        multiple=True,
        metavar="[ID=]PNG",
        help="The mask of a reference, in the order of the references: a label PNG whose ids are "
        "the objects, or 2=cat.png. Of a single reference there may be several.",
    ),
    click.option(
        "--box",
        "boxes",
        type=Coordinates("box"),
        multiple=True,
        help="In place of a mask: a box round an object in the reference, 1=30,40,120,99 in "
        "pixels or per cent; 2:1=... in the second reference.",
    ),
    click.option(
        "--point",
        "points",
        type=Coordinates("point"),
        multiple=True,
        help="In place of a mask: a point on an object in the reference, 1=80,60, or with a minus "
        "on what is not part of it, 1=9,9,-.",
    ),
    click.option(
        "--target",
        type=click.Path(),
        metavar="FILE",
        help="In place of references: objects that `persam-vos fit` learned.",
    ),
)

reference_options = option_group("shown", ReferenceOptions, _OPTIONS)
"""Adds the options that show objects in photos."""
