"""Parameters as the command line writes them."""

from __future__ import annotations

import click
import pytest
from persam_vos_cli.demo_command import demo
from persam_vos_cli.eval_command import evaluate
from persam_vos_cli.flags import as_flag, in_flags
from persam_vos_cli.track_command import track

from persam_vos.errors import OutputError, param


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("image_size", None, "--image-size"),
        ("image_size", "256", "--image-size 256"),
        ("overwrite", "True", "--overwrite"),
        ("output", "a b", "--output 'a b'"),
        ("masks", None, "--first-mask"),
        ("later_masks", "40", "--mask 40"),
    ],
)
def test_parameters_are_written_as_flags(name: str, value: str | None, expected: str) -> None:
    assert as_flag(name, value) == expected


def test_a_whole_error_is_written_in_flags() -> None:
    error = OutputError(param("output", "out"), got="it", remedy=f"add {param('overwrite', True)}")
    assert in_flags(error) == "--output out: got it; add --overwrite"


CLIPS = evaluate.get_command(click.Context(evaluate), "davis2017")


@pytest.mark.parametrize("command", [track, CLIPS, demo])
@pytest.mark.parametrize("name", ["device", "dtype", "backend", "image_size", "without", "recipe"])
def test_what_errors_name_is_an_option(command: click.Command, name: str) -> None:
    assert as_flag(name) in {flag for option in command.params for flag in option.opts}
