"""Boxes, points and rough masks as they are typed."""

from __future__ import annotations

from typing import Any

import click
import pytest
from click.testing import CliRunner
from persam_vos_cli.prompt_options import PromptOptions, prompt_options

from persam_vos import Prompt


def typed(*arguments: str) -> PromptOptions:
    """Return what the options make of arguments; fails with what the program would print."""
    got: list[PromptOptions] = []

    @click.command()
    @prompt_options  # type: ignore[untyped-decorator]  # the command has not its type here
    def command(**values: Any) -> None:
        got.append(values["prompts"])

    result = CliRunner().invoke(command, arguments)
    if result.exit_code:
        raise click.UsageError(result.output)
    return got[0]


def test_boxes_and_points_go_to_the_start_frame_or_the_one_that_is_named() -> None:
    options = typed(
        *("--box", "10,20,30,50", "--box", "40:2=10%,20%,50%,60.5%"),
        *("--point", "1=15,25", "--point", "40:2=9, 9,-", "--scale", "part"),
    )
    assert options and options.frames() == {40}
    assert options.prompts("start") == {
        "start": [
            Prompt(object_id=1, box_xyxy=(10, 20, 30, 50), scale="part"),
            Prompt(object_id=1, points_xy=[(15, 25)], labels=[1], scale="part"),
        ],
        40: [
            Prompt(object_id=2, box_xyxy=(0.1, 0.2, 0.5, 0.605), shares=True, scale="part"),
            Prompt(object_id=2, points_xy=[(9, 9)], labels=[0], scale="part"),
        ],
    }


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("s.png", ("start", "s.png")),
        ("2=s.png", ("start", "2=s.png")),
        ("40:s.png", (40, "s.png")),
        ("40:2=a=b.png", (40, "2=a=b.png")),
    ],
)
def test_rough_masks_keep_their_objects(argument: str, expected: tuple[int | str, str]) -> None:
    assert typed("--rough", argument).rough_masks("start") == [expected]


def test_nothing_given_is_nothing() -> None:
    assert not typed()
    assert typed().prompts(0) == {}


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--box", "10,20,30", "expected 4 numbers"),
        ("--box", "a,b,c,d", "expected 4 numbers"),
        ("--box", "10%,20,30,40", "all of them pixels or all per cent"),
        ("--box", "10,20,30,40,-", "expected 4 numbers"),
        ("--box", "", "expected 4 numbers"),
        ("--box", "0=1,2,3,4", "got object id 0"),
        ("--box", "256=1,2,3,4", "got object id 256"),
        ("--box", "x:1=1,2,3,4", "expected 4 numbers"),
        ("--box", "1e3,2,3,4", "expected 4 numbers"),
        ("--point", "x,y", "expected 2 numbers"),
        ("--point", "1=9", "expected 2 numbers"),
        ("--point", "1=9,9,*", "expected 2 numbers"),
        ("--point", "1=nan,9", "expected 2 numbers"),
        ("--scale", "half", "is not one of"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_an_example(
    option: str, value: str, message: str
) -> None:
    with pytest.raises(click.UsageError) as caught:
        typed(option, value)
    assert message in " ".join(str(caught.value).split())
