"""The options of live sources, and what they become."""

from __future__ import annotations

from dataclasses import dataclass

import click
import pytest
from click.testing import CliRunner
from persam_vos_cli.live_options import LiveOptions, live_options
from persam_vos_cli.options import collect

from persam_vos.live import LiveSettings, RawFormat


@dataclass(frozen=True)
class Options:
    live: LiveOptions


def options(*arguments: str) -> LiveOptions:
    found: list[Options] = []
    command = click.command()(live_options(collect(Options)(found.append)))
    result = CliRunner().invoke(command, arguments, standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return found[0].live


def test_without_options_settings_are_those_of_the_library() -> None:
    live = options("--source", "0")
    assert live.source == "0"
    assert live.settings() == LiveSettings()


def test_options_become_settings() -> None:
    given = ["--raw", "8x4:gray", "--rate", "12.5", "--no-drop", "--stall-timeout", "3", "--window"]
    found = options("--source", "-", *given).settings()
    raw = RawFormat(8, 4, "gray")
    assert found == LiveSettings(raw=raw, rate=12.5, drop=False, stall_timeout=3, window=True)


@pytest.mark.parametrize("flag", ["--no-drop", "--pipe", "--window", "--rate=3", "--raw=8x4:gray"])
def test_options_of_live_sources_need_one(flag: str) -> None:
    name = flag.partition("=")[0]
    with pytest.raises(click.UsageError, match=f"got {name} without --source"):
        options(flag).refuse_without_source()
    options().refuse_without_source()
