"""Options that commands share: how they become a choice of engine, and the log of `--verbose`."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import click
import pytest
from click.testing import CliRunner
from persam_vos_cli.flags import in_flags
from persam_vos_cli.options import EngineOptions, collect, engine_options

from persam_vos.errors import UsageError
from persam_vos.request import EngineChoice

LOGGER = logging.getLogger("persam_vos")


@dataclass(frozen=True)
class Options:
    name: str
    engine: EngineOptions


def choose(*arguments: str) -> EngineChoice:
    """Return what a command with these options would load."""
    found: list[EngineChoice] = []

    def run(options: Options) -> None:
        assert options.name == "clip"
        LOGGER.info("loading %s", options.name)
        found.append(options.engine.choice())

    command = click.command()(click.argument("name")(engine_options(collect(Options)(run))))
    result = CliRunner().invoke(command, ["clip", *arguments], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    click.echo(result.stderr, err=True, nl=False)
    return found[0]


def test_without_options_it_is_the_default_choice() -> None:
    assert choose() == EngineChoice()


@pytest.mark.parametrize(
    ("arguments", "size", "small", "mirrored"),
    [
        (["--quality", "fast"], 768, 0, False),
        (["--quality", "best"], 1280, 240, True),
        (["--image-size", "512"], 512, 240, False),
        (["--quality", "fast", "--image-size", "512"], 512, 0, False),
        (["--quality", "best", "--image-size", "512"], 512, 240, True),
    ],
)
def test_quality_and_size(arguments: list[str], size: int, small: int, mirrored: bool) -> None:
    settings = choose(*arguments).settings
    assert (settings.image_size, settings.small_side) == (size, small)
    assert settings.mirrored is mirrored


def test_the_papers_methods_see_pictures_once() -> None:
    best = ("--quality", "best", "--image-size", "1024")
    with pytest.raises(UsageError) as raised:
        choose("--method", "persam", *best)
    assert in_flags(raised.value).startswith("--quality best: got --method persam, expected")


@pytest.mark.parametrize("name", ["upstream", "public"])
def test_the_upstream_recipe_has_two_spellings(name: str) -> None:
    settings = choose("--recipe", name).settings
    assert (settings.recipe, settings.method) == ("upstream", "persam-f")


def test_what_contradicts_each_other_is_refused() -> None:
    with pytest.raises(UsageError, match="without: got refinement with recipe='upstream'"):
        choose("--recipe", "upstream", "--without", "refinement")
    with pytest.raises(click.BadParameter):
        choose("--recipe", "private")


def test_the_log_is_shown_if_wanted_and_only_then(capsys: pytest.CaptureFixture[str]) -> None:
    choose()
    assert capsys.readouterr().err == ""
    before = list(LOGGER.handlers)
    choose("-v")
    assert capsys.readouterr().err == "persam_vos: loading clip\n"
    assert before == LOGGER.handlers
    choose()
    assert capsys.readouterr().err == ""
