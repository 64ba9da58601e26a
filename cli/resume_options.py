"""Options of `track` for going on with a run, and for what that needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from persam_vos.config import CHECKPOINT_SECONDS, KEPT_CHECKPOINTS

from .options import option_group

if TYPE_CHECKING:
    from persam_vos.request import Resume

_FLAG, _EXACT, _ANYWAY = "--resume", "exact", "anyway"


class ResumableCommand(click.Command):
    """A command whose ``--resume`` may have a value, for which click would take the next word."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words behind the command."""
        return super().parse_args(ctx, _with_value(args))


def _with_value(args: Sequence[str]) -> list[str]:
    """Give a bare ``--resume`` the value that it stands for.

    >>> _with_value(["--resume", "clip.mp4", "--resume", "anyway", "--", "--resume"])
    ['--resume=exact', 'clip.mp4', '--resume', 'anyway', '--', '--resume']
    """
    end = args.index("--") if "--" in args else len(args)
    return [
        f"{_FLAG}={_EXACT}" if arg == _FLAG and place < end and following != _ANYWAY else arg
        for place, (arg, following) in enumerate(zip(args, [*args[1:], ""], strict=True))
    ]


_OPTIONS = (
    click.option(
        _FLAG,
        type=click.Choice([_EXACT, _ANYWAY]),
        metavar="[=anyway]",
        help="Go on with the run that is in OUTPUT, as it was asked for: a run that was killed, "
        "stopped or is finished. The result is that of one run. Masks and prompts may have "
        "changed: only frames that they can change are tracked again. Anything else that changed "
        "is named and refused; with '=anyway', not what changes last digits only (versions, "
        "backend, number of threads).",
    ),
    click.option(
        "--checkpoint-every",
        type=click.FloatRange(0),
        default=CHECKPOINT_SECONDS,
        show_default=True,
        metavar="SECONDS",
        help="How often the state is saved for --resume, in OUTPUT/.resume; less often where that "
        "would take over 2% of the time; 0 for never.",
    ),
    click.option(
        "--keep-checkpoints",
        type=click.IntRange(0),
        default=KEPT_CHECKPOINTS,
        show_default=True,
        metavar="N",
        help="Saved states to keep of each direction, spread over it, so that corrections need not "
        "begin at its start. Each takes up to 140 MB, whatever the length of the video; 0 leaves "
        "none when all is done.",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeOptions:
    """What the options of `resume_options` say."""

    resume: str | None
    checkpoint_every: float
    keep_checkpoints: int

    @property
    def choice(self) -> Resume:
        """Whether to go on, as a request has it."""
        return "anyway" if self.resume == _ANYWAY else self.resume is not None


resume_options = option_group("going_on", ResumeOptions, _OPTIONS)
"""Adds the options for going on with a run; the command gets them as ``going_on``."""
