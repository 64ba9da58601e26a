"""Options of `track` for other formats than its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click

from persam_vos.exports.registry import EXPORTS


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """What the options of `export_options` say."""

    exports: tuple[str, ...]
    keep_alpha: bool


_OPTIONS = (
    click.option(
        "--export",
        "exports",
        multiple=True,
        metavar="NAME[:KEY=VALUE,...]",
        help="Also write OUTPUT/exports/NAME, when all is tracked; may be repeated. Names: "
        + ", ".join(EXPORTS)
        + ". 'persam-vos export --help' tells of each.",
    ),
    click.option(
        "--keep-alpha",
        is_flag=True,
        help="Keep soft masks in OUTPUT/alpha, for exports later; exports that need them keep them "
        "by themselves.",
    ),
)


def export_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of other formats; the command gets them as ``exports``."""

    @wraps(command)
    def chosen(*, exports: tuple[str, ...], keep_alpha: bool, **options: Any) -> None:
        command(exports=ExportOptions(exports=exports, keep_alpha=keep_alpha), **options)

    for option in reversed(_OPTIONS):
        chosen = option(chosen)
    return chosen
