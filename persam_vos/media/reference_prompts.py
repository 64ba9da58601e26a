"""The user's boxes, points and rough masks of some frames: checked, and brought to pixels."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from ..errors import UsageError, param
from ..scoring.label_files import present_ids
from ..structures import LabelMap

Scale = Literal["whole", "part", "subpart"]
"""How much of what is shown is meant: the whole of it, a part, or a part of the part."""

XY = tuple[float, float]
BoxXyxy = tuple[float, float, float, float]

_POSITIVE, _NEGATIVE = 1, 0
_MIN_SIDE = 1.0  # pixels: a box within one pixel holds nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """Shows an object by a box, by points, or by both; produced by callers and the command line.

    ``box_xyxy`` is (x0, y0, x1, y1), tight round the object; ``points_xy`` are (x, y) on the object
    or, where ``labels`` has a 0 rather than a 1, on what does not belong to it; without ``labels``
    all are on the object. Coordinates are pixels of the frame as it is shown, from its top left
    corner; or, with ``shares``, shares of its width and height from 0 to 1. ``scale`` chooses
    between the masks that fit: whole, part or subpart; None takes the best one. Several prompts may
    speak of one object on a frame: one box, and any number of points.

    Raises UsageError for values that no picture could make right.

    >>> dog = Prompt(object_id=1, box_xyxy=(30, 40, 120, 99))
    >>> paw = Prompt(object_id=2, points_xy=[(0.25, 0.5), (0.3, 0.9)], labels=[1, 0], shares=True)
    >>> Prompt(box_xyxy=(30, 40, 30, 99))
    Traceback (most recent call last):
    persam_vos.errors.UsageError: box_xyxy: got 30,40,30,99, expected x0 < x1 and y0 < y1
    """

    object_id: int = 1
    box_xyxy: BoxXyxy | None = None
    points_xy: Sequence[XY] = ()
    labels: Sequence[int] = ()
    shares: bool = False
    scale: Scale | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.object_id <= 255:
            raise UsageError(
                param("object_id"), got=f"object id {self.object_id}", expected="1 to 255"
            )
        if self.scale is not None and self.scale not in get_args(Scale):
            expected = f"one of {', '.join(get_args(Scale))}"
            raise UsageError(param("scale"), got=repr(self.scale), expected=expected)
        if self.box_xyxy is None and not self.points_xy:
            raise UsageError(
                f"prompt of object {self.object_id}", got="nothing", expected="a box or a point"
            )
        if self.box_xyxy is not None:
            _check_box(self.box_xyxy)
        for point in self.points_xy:
            _check_numbers("points_xy", point, ("x", "y"))
        labels = tuple(self.labels) or (_POSITIVE,) * len(self.points_xy)
        if len(labels) != len(self.points_xy) or not {*labels} <= {_POSITIVE, _NEGATIVE}:
            raise UsageError(
                param("labels"),
                got=f"{_listed(labels)} for {len(self.points_xy)} points",
                expected="a 1 (on the object) or a 0 (not on it) for each point",
            )
        object.__setattr__(self, "labels", labels)

    def in_pixels(self, size_hw: tuple[int, int], subject: str) -> Prompt:
        """Return the prompt in pixels of a picture; raises UsageError where it is not in it."""
        height, width = size_hw
        factors = (width, height) if self.shares else (1, 1)
        points = [(x * factors[0], y * factors[1]) for x, y in self.points_xy]
        box = None
        if self.box_xyxy is not None:
            x0, y0, x1, y1 = self.box_xyxy
            box = (x0 * factors[0], y0 * factors[1], x1 * factors[0], y1 * factors[1])
            if min(box[2] - box[0], box[3] - box[1]) < _MIN_SIDE:
                raise UsageError(
                    f"box of {subject}",
                    got=f"{box[2] - box[0]:g} x {box[3] - box[1]:g} pixels",
                    expected="at least one pixel each way",
                    remedy="draw it round the object",
                )
        for x, y in [*points, *((box[:2], box[2:]) if box else ())]:
            if not (0 <= x <= width and 0 <= y <= height):
                raise UsageError(
                    f"{'box' if (x, y) not in points else 'point'} of {subject}",
                    got=f"{x:g},{y:g}, which is outside of the picture",
                    expected=f"x from 0 to {width} and y from 0 to {height}",
                    remedy="use pixels of the video as it is shown, or shares of it",
                )
        return replace(self, box_xyxy=box, points_xy=points, shares=False)


@dataclass(frozen=True, slots=True)
class FramePrompts:
    """What is shown of a frame other than finished masks; consumed by ``tracking``.

    ``by_id`` has a prompt in pixels for each object id, ``rough`` are (H, W) labels of rough masks.
    An object may have both.
    """

    by_id: Mapping[int, Prompt]
    rough: LabelMap | None = None

    @property
    def object_ids(self) -> frozenset[int]:
        """The objects that are shown, in either way."""
        rough = frozenset() if self.rough is None else present_ids(self.rough)
        return rough | {*self.by_id}

    def refined(self, known: Collection[int]) -> frozenset[int]:
        """Return those of ``known`` objects of which points alone are given: they have a mask."""
        points = {one for one, prompt in self.by_id.items() if prompt.box_xyxy is None}
        return frozenset(known) & points - FramePrompts({}, self.rough).object_ids


def read_prompts(
    prompts: Sequence[Prompt], size_hw: tuple[int, int], frame: int
) -> dict[int, Prompt]:
    """Bring the prompts of a frame to its pixels, all of an object together, by object id.

    Raises UsageError for prompts that are outside of the picture or contradict each other.
    """
    by_id: dict[int, Prompt] = {}
    for prompt in prompts:
        subject = f"object {prompt.object_id} on frame {frame}"
        given = prompt.in_pixels(size_hw, subject)
        known = by_id.get(prompt.object_id)
        by_id[prompt.object_id] = given if known is None else _together(known, given, subject)
    return dict(sorted(by_id.items()))


def refuse_unknown(prompts: FramePrompts, known: Collection[int], frame: int) -> None:
    """Raise UsageError for an object that is shown only by what it is not.

    Of those that are ``known`` on the frame, because they have a mask there or are tracked, points
    that do not belong to it are enough.
    """
    rough = FramePrompts({}, prompts.rough).object_ids
    for object_id, prompt in prompts.by_id.items():
        shown = prompt.box_xyxy is not None or _POSITIVE in prompt.labels
        if not shown and object_id not in rough and object_id not in known:
            raise UsageError(
                f"object {object_id} on frame {frame}",
                got="only points that do not belong to it, of an object that is not known there",
                expected="a point on it, a box or a mask",
            )


def _together(one: Prompt, other: Prompt, subject: str) -> Prompt:
    """Return one prompt that says what two of one object say."""
    if one.box_xyxy is not None and other.box_xyxy is not None:
        raise UsageError(
            subject, got="two boxes", expected="one", remedy="leave one out, or add points"
        )
    if None not in (one.scale, other.scale) and one.scale != other.scale:
        raise UsageError(subject, got=f"scales {one.scale} and {other.scale}", expected="one")
    return replace(
        one,
        box_xyxy=one.box_xyxy or other.box_xyxy,
        points_xy=[*one.points_xy, *other.points_xy],
        labels=[*one.labels, *other.labels],
        scale=one.scale or other.scale,
    )


def _check_box(box: BoxXyxy) -> None:
    _check_numbers("box_xyxy", box, ("x0", "y0", "x1", "y1"))
    x0, y0, x1, y1 = box
    if not (x0 < x1 and y0 < y1):
        raise UsageError(param("box_xyxy"), got=_listed(box), expected="x0 < x1 and y0 < y1")


def _check_numbers(name: str, numbers: Sequence[float], names: Sequence[str]) -> None:
    if len(numbers) != len(names) or not all(math.isfinite(number) for number in numbers):
        expected = f"numbers {', '.join(names)}"
        raise UsageError(param(name), got=_listed(numbers), expected=expected)


def _listed(numbers: Sequence[float]) -> str:
    return ",".join(f"{number:g}" for number in numbers)
