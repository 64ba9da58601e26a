"""Printing: names and texts of others may hold what would rewrite the lines of a terminal."""

from __future__ import annotations

import click

from persam_vos.errors import printable


def echo(text: object, *, err: bool = False, nl: bool = True) -> None:
    """Print a text, to stderr with ``err``; its control characters as escapes."""
    click.echo(printable(str(text)), err=err, nl=nl)


def cell(text: object) -> str:
    """Return a text for rich to print as it is: its control characters as escapes, no markup."""
    from rich.markup import escape

    return escape(printable(str(text)))
