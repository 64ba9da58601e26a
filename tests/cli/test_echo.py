"""What is printed cannot rewrite the terminal."""

from __future__ import annotations

import pytest
from persam_vos_cli.echo import cell, echo


def test_control_characters_are_printed_as_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    echo("a\x1b[2J\x9b\u202e\udcff\tb\nc é 🦊")
    echo("gone\r", err=True)
    out, err = capsys.readouterr()
    assert out == "a\\x1b[2J\\x9b\\u202e\\udcff\tb\nc é 🦊\n"
    assert err == "gone\\r\n"


def test_markup_in_a_cell_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.console import Console

    Console(highlight=False).print(cell("[red]x[/red] \x1b[1m"))
    assert capsys.readouterr().out == "[red]x[/red] \\x1b[1m\n"
