"""Options of `track` on what is read, and how."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from persam_vos.media.read_options import Reader
    from persam_vos.media.region import Region


class FrameId(click.ParamType[int | str]):
    """A frame by its index, or by its name as name:00040."""

    name = "N|name:NAME"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str:
        """Return the index as a number, or the name with its prefix."""
        if re.fullmatch(r"\d+", str(value)):
            return int(value)
        if not re.fullmatch(r"name:.+", str(value)):
            self.fail(f"got {value!r}, expected a frame such as 40 or name:00040", param, ctx)
        return str(value)


class _Place(click.ParamType[int | str]):
    """A frame by its index, or a time."""

    name = "N|hh:mm:ss.fff"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str:
        """Return the index as a number, or the time as it is; the library knows what is one."""
        del param, ctx
        return int(value) if re.fullmatch(r"\d+", str(value)) else str(value)


_INPUT_OPTIONS = (
    click.option(
        "--start",
        type=_Place(),
        help="The first frame to track, by its index or its time: 40, 1:30 or 12.5s. Results keep "
        "the numbers and times of the whole video.  [default: the first of all]",
    ),
    click.option("--end", type=_Place(), help="The last frame to track.  [default: the last]"),
    click.option(
        "--stride",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        metavar="N",
        help="Track every Nth frame from the first one on.",
    ),
    click.option(
        "--roi",
        metavar="X,Y,W,H",
        help="Track in this part of the picture alone, at its own resolution: left, top, width and "
        "height in pixels. Masks are given and written for the whole picture.",
    ),
    click.option(
        "--invert-mask", is_flag=True, help="Black is the object in masks, and white is not."
    ),
    click.option(
        "--label-map",
        type=click.Path(path_type=Path),
        help="Which colour of a mask is which object: CVAT's labelmap.txt.  [default: one "
        "that lies beside the mask]",
    ),
    click.option(
        "--stream",
        type=click.IntRange(min=0),
        metavar="N",
        help="Which of several video streams, counted from 0.  [default: the file's main one]",
    ),
    click.option(
        "--deinterlace/--no-deinterlace",
        default=True,
        show_default=True,
        help="Make whole pictures of interlaced ones.",
    ),
    click.option("--allow-network", is_flag=True, help="Read addresses such as https://..."),
    click.option(
        "--reader",
        type=click.Choice(["pyav", "decord"]),
        default="pyav",
        show_default=True,
        help="Which library reads videos.",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class InputOptions:
    """What the options of `input_options` say; named as the fields of a TrackRequest."""

    invert_mask: bool
    label_map: Path | None
    stream: int | None
    deinterlace: bool
    allow_network: bool
    reader: Reader
    start: int | str | None
    end: int | str | None
    stride: int
    roi: str | None

    def region(self) -> Region | None:
        """Return the region of interest; raises UsageError for what is none."""
        from persam_vos.media.region import Region

        return None if self.roi is None else Region.parse(self.roi)


def input_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options on the input; the command gets them as ``reading``."""
    names = [field.name for field in fields(InputOptions)]

    @wraps(command)
    def chosen(**options: Any) -> None:
        reading = InputOptions(**{name: options.pop(name) for name in names})
        command(reading=reading, **options)

    for option in reversed(_INPUT_OPTIONS):
        chosen = option(chosen)
    return chosen
