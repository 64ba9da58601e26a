"""What a user asks for of a live source."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError, param
from ..media.reference_masks import MaskInput
from .address import STDIN, check_source, shown_name
from .raw import RawFormat

DEFAULT_OUTPUT = Path("live_tracked")
STALL_TIMEOUT = 10.0
"""Seconds without a frame after which a source is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRequest:
    """A live source, the objects to track, and where the masks go.

    Produced by callers and the command line, consumed by `track_live`.

    ``source`` is the number of a camera, an address (rtsp, rtsps, http, https, tcp, udp or srt), or
    ``-``, which reads the file descriptor ``stdin``: raw frames as ``raw`` says, see `RawFormat`,
    JPEG files one after another, or a container. ``masks`` shows each object on the first frame;
    ``objects`` keeps some of the ids.

    ``drop`` leaves out the frames that come while one is tracked. A source that sends nothing for
    ``stall_timeout`` seconds is given up.

    Masks go to the folder ``output``, with ``overlay``, ``alpha`` and ``overwrite`` as in a
    `TrackRequest`; to the file descriptor ``pipe``, as H x W bytes a frame, row by row, each the id
    of an object or 0; and to a ``window``. Without ``pipe`` and ``window``, ``output`` is
    `DEFAULT_OUTPUT` by default. ``command`` is what the log says was run.

    Raises UsageError for values that no source could make right.

    >>> LiveRequest(source="rtsp://cam.local/1", masks="m.png").folder.name
    'live_tracked'
    >>> LiveRequest(source="clip.mp4", masks="m.png")
    Traceback (most recent call last):
    persam_vos.errors.UsageError: source: got 'clip.mp4', expected the number of a camera, an \
address such as rtsp://host/path, or - for stdin; give files and folders without source
    """

    source: str
    masks: MaskInput
    raw: str | None = None
    objects: Collection[int] | None = None
    drop: bool = True
    stall_timeout: float = STALL_TIMEOUT
    output: Path | None = None
    overlay: bool = True
    alpha: float = 0.5
    overwrite: bool = False
    pipe: int | None = None
    window: bool = False
    stdin: int = 0
    command: str = ""

    def __post_init__(self) -> None:
        check_source(self.source)
        if self.raw is not None:
            self.raw_format()
            if not self.reads_stdin:
                raise UsageError(
                    param("raw"),
                    got=f"{param('source', self.source)}",
                    expected=f"{param('source', STDIN)}, whose bytes it describes",
                    remedy="leave it out: this source says what it sends",
                )
        if not self.stall_timeout > 0:
            raise UsageError(
                param("stall_timeout"), got=f"{self.stall_timeout}", expected="seconds above 0"
            )
        if self.reads_stdin and os.isatty(self.stdin):
            raise UsageError(
                param("source", STDIN),
                got="a terminal on standard input",
                expected="frames that a program writes",
                remedy="pipe it in: ffmpeg ... -f mpegts - | persam-vos track --source - ...",
            )
        if self.pipe is not None and os.isatty(self.pipe):
            raise UsageError(
                param("pipe"),
                got="a terminal on standard output",
                expected="a program or a file that takes the masks",
                remedy="add one: | ffplay ..., or > labels.raw",
            )

    @property
    def reads_stdin(self) -> bool:
        """Whether the frames come on standard input."""
        return self.source == STDIN

    @property
    def name(self) -> str:
        """What messages and logs call the source; without a password."""
        return shown_name(self.source)

    @property
    def shown_command(self) -> str:
        """What the log says was run; without a password."""
        return (
            self.command.replace(self.source, self.name) if "://" in self.source else self.command
        )

    @property
    def folder(self) -> Path | None:
        """Where files go, None if nowhere."""
        if self.output is None and (self.pipe is not None or self.window):
            return None
        return self.output or DEFAULT_OUTPUT

    def raw_format(self) -> RawFormat:
        """Return what ``raw`` says; raises UsageError."""
        return RawFormat.parse(self.raw or "")
