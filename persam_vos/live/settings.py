"""How a live source is read, and where else its masks go."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError, param
from ..request import TrackRequest
from .address import STDIN, check_source
from .raw import RawFormat

DEFAULT_OUTPUT = Path("live_tracked")
LARGEST_RATE = 1000
STALL_TIMEOUT = 10.0
"""Seconds without a frame after which a source is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSettings:
    """How a live source is read, and where its masks go; consumed by `track_live`.

    The source ``-`` reads the file descriptor ``stdin``: JPEG files one after another, a container
    that needs no seeking, or raw frames as ``raw`` says. ``rate`` in frames per second gives JPEG
    files and raw frames their times; without it these are those of their arrival.

    ``drop`` leaves out the frames that come while one is tracked. A source that sends nothing for
    ``stall_timeout`` seconds is given up.

    Masks go to the file descriptor ``pipe``, as H x W bytes a frame, row by row, each the id of an
    object or 0; and are shown in a ``window``. Raises UsageError for values that are always wrong.
    """

    raw: RawFormat | None = None
    rate: float | None = None
    drop: bool = True
    stall_timeout: float = STALL_TIMEOUT
    pipe: int | None = None
    window: bool = False
    stdin: int = 0

    def __post_init__(self) -> None:
        if not self.stall_timeout > 0:
            raise UsageError(
                param("stall_timeout"), got=f"{self.stall_timeout}", expected="seconds above 0"
            )
        if self.rate is not None and not 0 < self.rate <= LARGEST_RATE:
            raise UsageError(
                param("rate"),
                got=f"{self.rate:g}",
                expected=f"frames per second above 0, at most {LARGEST_RATE}",
            )
        if self.pipe is not None and os.isatty(self.pipe):
            raise UsageError(
                param("pipe"),
                got="a terminal on standard output",
                expected="a program or a file that takes the masks",
                remedy="add one: | ffplay ..., or > labels.raw",
            )

    def folder(self, request: TrackRequest) -> Path | None:
        """Return where files go: by default to `DEFAULT_OUTPUT`, or nowhere if masks go elsewhere.

        >>> request = TrackRequest(source="rtsp://cam.local/1", masks="m.png")
        >>> LiveSettings().folder(request).name, LiveSettings(window=True).folder(request)
        ('live_tracked', None)
        """
        if request.output is None and (self.pipe is not None or self.window):
            return None
        return request.output or DEFAULT_OUTPUT


def check_live(request: TrackRequest, settings: LiveSettings) -> None:
    """Raise UsageError for what cannot be asked of a live source.

    >>> check_live(TrackRequest(source="clip.mp4", masks="m.png"), LiveSettings())
    Traceback (most recent call last):
    persam_vos.errors.UsageError: source: got 'clip.mp4', expected the number of a camera, an \
address such as rtsp://host/path, or - for stdin; give files and folders without source
    """
    source = str(request.source)
    check_source(source)
    for name in ("raw", "rate"):
        if getattr(settings, name) is not None and source != STDIN:
            raise UsageError(
                param(name),
                got=param("source", source),
                expected=f"{param('source', STDIN)}, whose bytes it describes",
                remedy="leave it out: this source says what it sends",
            )
    if source == STDIN and os.isatty(settings.stdin):
        raise UsageError(
            param("source", STDIN),
            got="a terminal on standard input",
            expected="frames that a program writes",
            remedy=f"pipe them in, as in ffmpeg ... | persam-vos track {param('source', STDIN)}",
        )
    shown = [request.start_frame or 0]
    shown += [*request.later_masks, *request.prompts, *request.rough_masks]
    later = [frame for frame in shown if frame not in (0, "start")]
    unfit = {
        f"objects on frame {later[0] if later else 0}": bool(later),
        param("direction"): request.direction == "backward",
        param("target"): request.target is not None,
        param("start"): request.start is not None,
        param("end"): request.end is not None,
        param("stride"): request.stride != 1,
        param("roi"): request.roi is not None,
        param("exports"): bool(request.exports),
        param("keep_alpha"): request.keep_alpha,
        param("profile"): request.profile,
    }
    for what, given in unfit.items():
        if given:
            raise UsageError(
                what,
                got=param("source", source),
                expected="objects shown on the first frame, and whole frames tracked forwards",
                remedy="leave it out, or record the source and track the file",
            )
