"""How the library's parameters are written on the command line."""

from __future__ import annotations

import shlex

from persam_vos.errors import PersamVosError

_FLAGS = {
    "masks": "--first-mask",
    "later_masks": "--mask",
    "rough_masks": "--rough",
    "exports": "--export",
    "box_xyxy": "--box",
    "points_xy": "--point",
    "references": "--reference",
    "masks_dir": "--masks",
    "mirrored": "--quality best",
}
"""Where a flag is not its parameter's name with dashes."""


def as_flag(name: str, value: str | None = None) -> str:
    """Write a parameter as a flag: ``--image-size``, ``--device cpu``; True is the flag alone."""
    flag = _FLAGS.get(name, f"--{name.replace('_', '-')}")
    return flag if value in (None, "True") else f"{flag} {shlex.quote(str(value))}"


def in_flags(error: PersamVosError) -> str:
    """Return the line of an error, in the words of the command line."""
    return error.render(as_flag)
