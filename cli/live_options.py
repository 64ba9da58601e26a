"""Options of `track` for live sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from .options import option_group

if TYPE_CHECKING:
    from persam_vos.live import LiveSettings

_STDOUT = 1


_OPTIONS = (
    click.option(
        "--source",
        metavar="SOURCE",
        help="Track a live source in place of a VIDEO: the number of a camera, an address (rtsp, "
        "rtsps, http, https, tcp, udp, srt), or - for stdin: JPEG files one after another, a "
        "stream such as MPEG-TS or Matroska, or raw frames. Objects are shown on its first frame. "
        "Ctrl-C ends it, with all files whole.",
    ),
    click.option(
        "--raw",
        metavar="WxH:PIXELS",
        help="Frames on stdin are raw, as 640x480:rgb24; rgb24, bgr24, gray or yuv420p.",
    ),
    click.option(
        "--rate",
        type=float,
        metavar="N",
        help="Frames per second of raw frames and JPEG files on stdin.  [default: their times are "
        "those of their arrival]",
    ),
    click.option(
        "--drop/--no-drop",
        default=True,
        show_default=True,
        help="Leave out the frames of a live source that come while one is tracked; --no-drop has "
        "the source wait.",
    ),
    click.option(
        "--stall-timeout",
        type=float,
        default=10.0,
        show_default=True,
        metavar="SECONDS",
        help="Give a live source up that sends nothing for so long.",
    ),
    click.option(
        "--pipe",
        is_flag=True,
        help="Write masks of a live source to stdout: raw frames, a byte a pixel, the object's id "
        "or 0. Without --output, no folder is written.",
    ),
    click.option(
        "--window",
        is_flag=True,
        help="Show the masks of a live source in a window; q ends it. Without --output, no folder "
        "is written.",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveOptions:
    """What the options of `live_options` say."""

    source: str | None
    raw: str | None
    rate: float | None
    drop: bool
    stall_timeout: float
    pipe: bool
    window: bool

    def settings(self) -> LiveSettings:
        """Return how the source is read; raises UsageError."""
        from persam_vos.live import LiveSettings, RawFormat

        return LiveSettings(
            raw=None if self.raw is None else RawFormat.parse(self.raw),
            rate=self.rate,
            drop=self.drop,
            stall_timeout=self.stall_timeout,
            pipe=_STDOUT if self.pipe else None,
            window=self.window,
        )

    def refuse_without_source(self) -> None:
        """Raise click.UsageError for an option that only live sources have, without one."""
        given = {
            "--raw": self.raw,
            "--rate": self.rate,
            "--no-drop": not self.drop,
            "--pipe": self.pipe,
        }
        given["--window"] = self.window
        for flag, value in given.items():
            if value:
                raise click.UsageError(f"got {flag} without --source, which it is for")


live_options = option_group("live", LiveOptions, _OPTIONS)
"""Adds the options of live sources."""
