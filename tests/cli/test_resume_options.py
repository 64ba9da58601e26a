"""`--resume` alone, and with a value."""

from __future__ import annotations

from collections.abc import Sequence

import click
import pytest
from click.testing import CliRunner
from persam_vos_cli.resume_options import ResumableCommand, ResumeOptions, resume_options

from persam_vos.request import Resume


def parsed(arguments: Sequence[str]) -> tuple[Resume, str | None]:
    """What was chosen, and the video."""
    found: list[tuple[Resume, str | None]] = []

    @click.command(cls=ResumableCommand)
    @click.argument("video", required=False)
    @resume_options  # type: ignore[untyped-decorator]  # of Callable[..., None]
    def command(video: str | None, going_on: ResumeOptions) -> None:
        found.append((going_on.choice, video))

    result = CliRunner().invoke(command, list(arguments))
    if result.exit_code:
        raise ValueError(result.output)
    return found[0]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["a.mp4"], (False, "a.mp4")),
        (["--resume", "a.mp4"], (True, "a.mp4")),
        (["a.mp4", "--resume"], (True, "a.mp4")),
        (["--resume=anyway", "a.mp4"], ("anyway", "a.mp4")),
        (["--resume", "anyway", "a.mp4"], ("anyway", "a.mp4")),
        (["--", "--resume"], (False, "--resume")),
    ],
    ids=str,
)
def test_the_word_behind_resume_is_not_taken_for_its_value(
    arguments: list[str], expected: tuple[Resume, str]
) -> None:
    assert parsed(arguments) == expected


@pytest.mark.parametrize(
    "wrong",
    [["--resume=perhaps"], ["--checkpoint-every", "-1"], ["--keep-checkpoints", "-1"]],
    ids=str,
)
def test_what_makes_no_sense_is_refused(wrong: list[str]) -> None:
    with pytest.raises(ValueError, match="Error: Invalid value"):
        parsed(wrong)
