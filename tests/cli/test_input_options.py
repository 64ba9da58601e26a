"""Options on the input: what is typed, and what the request gets."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from persam_vos_cli.input_options import InputOptions, input_options


def parse(*arguments: str) -> InputOptions:
    found: list[InputOptions] = []

    def command(reading: InputOptions) -> None:
        found.append(reading)

    result = CliRunner().invoke(click.command()(input_options(command)), arguments)
    assert result.exit_code == 0, result.output
    return found[0]


def test_by_default_all_is_read() -> None:
    options = parse()
    assert (options.start, options.end, options.stride) == (None, None, 1)
    assert options.region() is None
    assert options.reader == "pyav"
    assert options.deinterlace


def test_frames_are_numbers_and_times_are_texts() -> None:
    options = parse("--start", "40", "--end", "00:01:30.5", "--stride", "2")
    assert (options.start, options.end, options.stride) == (40, "00:01:30.5", 2)


def test_a_region_is_four_numbers() -> None:
    options = parse("--roi", "1,2,30,40")
    region = options.region()
    assert region is not None
    assert (region.x, region.y, region.width, region.height) == (1, 2, 30, 40)


@pytest.mark.parametrize(
    ("arguments", "field", "value"),
    [
        (("--invert-mask",), "invert_mask", True),
        (("--label-map", "a.txt"), "label_map", Path("a.txt")),
        (("--stream", "1"), "stream", 1),
        (("--no-deinterlace",), "deinterlace", False),
        (("--allow-network",), "allow_network", True),
    ],
)
def test_each_option_has_its_field(arguments: tuple[str, ...], field: str, value) -> None:
    assert getattr(parse(*arguments), field) == value
