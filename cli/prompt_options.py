"""Options that show objects by boxes, points and rough masks, for `track` and `mask`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import click

from .options import option_group

if TYPE_CHECKING:
    from persam_vos import Prompt
    from persam_vos.media.reference_prompts import Scale

Kind = Literal["box", "point"]

_PLACE = re.compile(r"(?:(?:(\d+):)?(\d+)=)?(.+)")  # [[FRAME:]ID=]WHAT
_NUMBER = r"-?\d+(?:\.\d+)?"


@dataclass(frozen=True, slots=True)
class Shown:
    """A box or a point as typed: ``xy`` are 4 or 2 numbers; ``frame`` None is the start frame."""

    frame: int | None
    object_id: int
    kind: Kind
    xy: tuple[float, ...]
    shares: bool
    positive: bool = True


@dataclass(frozen=True, slots=True)
class RoughMask:
    """A rough mask as typed: a file, or ``ID=`` and a file; ``frame`` None is the start frame."""

    frame: int | None
    mask: str


class Coordinates(click.ParamType[Shown]):
    """Takes ``[[FRAME:]ID=]x,y...`` in pixels, or all of it in per cent."""

    def __init__(self, kind: Kind) -> None:
        self.kind: Kind = kind
        self.name = "[[FRAME:]ID=]" + ("X0,Y0,X1,Y1" if kind == "box" else "X,Y[,-]")

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Shown:
        """Return what was typed; fails for what is no box or point."""
        if isinstance(value, Shown):
            return value
        example = {"box": "1=30,40,120,99 or 40:2=10%,20%,50%,60%", "point": "1=80,60 or 1=9,9,-"}
        match = _PLACE.fullmatch(str(value).replace(" ", ""))
        words = match[3].split(",") if match else []
        sign = words.pop() if self.kind == "point" and words[-1:] in (["-"], ["+"]) else "+"
        shares = [word.endswith("%") for word in words]
        numbers = [word.removesuffix("%") for word in words]
        count = 4 if self.kind == "box" else 2
        typed = len(words) == count and all(re.fullmatch(_NUMBER, number) for number in numbers)
        if match is None or not typed or len({*shares}) > 1:
            expected = f"{count} numbers, all of them pixels or all per cent, such as"
            self.fail(f"got {value!r}, expected {expected} {example[self.kind]}", param, ctx)
        frame, object_id = (match[1], match[2] or "1")
        if not 1 <= int(object_id) <= 255:
            self.fail(f"got object id {object_id} in {value!r}, expected 1 to 255", param, ctx)
        return Shown(
            None if frame is None else int(frame),
            int(object_id),
            self.kind,
            tuple(float(number) / (100 if shares[0] else 1) for number in numbers),
            shares[0],
            sign == "+",
        )


class _RoughMask(click.ParamType[RoughMask]):
    name = "[[FRAME:]ID=]PNG"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> RoughMask:
        del param, ctx
        if isinstance(value, RoughMask):
            return value
        match = re.fullmatch(r"(\d+):(?:(\d+)=)?(.+)", str(value))
        if match is None:
            return RoughMask(None, str(value))
        frame, object_id, path = match.groups()
        return RoughMask(int(frame), path if object_id is None else f"{object_id}={path}")


_OPTIONS = (
    click.option(
        "--box",
        "boxes",
        type=Coordinates("box"),
        multiple=True,
        help="A box round an object, of which its mask is made: 1=30,40,120,99 in pixels of the "
        "video as it is shown, 40:2=10%,20%,50%,60% on frame 40; may be repeated.  "
        "[default: object 1 on the start frame]",
    ),
    click.option(
        "--point",
        "points",
        type=Coordinates("point"),
        multiple=True,
        help="A point on an object, 1=80,60, or with a minus on what is not part of it, 1=9,9,-. "
        "It refines the mask of an object that is tracked or has one there; may be repeated.",
    ),
    click.option(
        "--rough",
        type=_RoughMask(),
        multiple=True,
        help="A scribble or a coarse mask of an object, which is snapped to it: 1=s.png, or "
        "40:2=s.png on frame 40; may be repeated.",
    ),
    click.option(
        "--scale",
        type=click.Choice(["whole", "part", "subpart"]),
        help="How much is meant by a box or point.  [default: what fits best]",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptOptions:
    """What the options of `prompt_options` say."""

    boxes: tuple[Shown, ...]
    points: tuple[Shown, ...]
    rough: tuple[RoughMask, ...]
    scale: Scale | None

    def __bool__(self) -> bool:
        return bool(self.boxes or self.points or self.rough)

    def frames(self) -> set[int]:
        """Return the frames that are named."""
        named = [shown.frame for shown in (*self.boxes, *self.points)]
        named += [rough.frame for rough in self.rough]
        return {frame for frame in named if frame is not None}

    def prompts(self, start: int | str) -> dict[int | str, list[Prompt]]:
        """Return boxes and points by frame; raises UsageError for a box that holds nothing."""
        by_frame: dict[int | str, list[Prompt]] = {}
        for shown in (*self.boxes, *self.points):
            prompt = as_prompt(shown, self.scale)
            by_frame.setdefault(_frame(shown.frame, start), []).append(prompt)
        return by_frame

    def rough_masks(self, start: int | str) -> list[tuple[int | str, str]]:
        """Return the frame and the file, maybe with its object, of each rough mask."""
        return [(_frame(rough.frame, start), rough.mask) for rough in self.rough]


prompt_options = option_group("prompts", PromptOptions, _OPTIONS)
"""Adds the options that show objects."""


def as_prompt(shown: Shown, scale: Scale | None = None) -> Prompt:
    """Return a box or a point as the library takes it; raises UsageError for a box of nothing."""
    from persam_vos import Prompt

    box = shown.kind == "box"
    x0, y0, *rest = shown.xy
    return Prompt(
        object_id=shown.object_id,
        box_xyxy=(x0, y0, rest[0], rest[1]) if box else None,
        points_xy=() if box else [(x0, y0)],
        labels=() if box else [int(shown.positive)],
        shares=shown.shares,
        scale=scale,
    )


def _frame(frame: int | None, start: int | str) -> int | str:
    return start if frame is None else frame
