"""Colours that stand for objects: the label maps that annotation tools write beside their masks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import MaskError, param
from ..structures import LabelMap

LABEL_MAP_NAMES = ("labelmap.txt", "label_colors.txt")
"""As CVAT names them, in its formats "Segmentation mask" and "CamVid"."""
Rgb = tuple[int, int, int]


def find_label_map(mask: Path) -> Path | None:
    """Return the label map beside a mask, or beside its folder; None where there is none."""
    for folder in (mask.parent, mask.parent.parent):
        for name in LABEL_MAP_NAMES:
            if (folder / name).is_file():
                return folder / name
    return None


def read_label_colours(path: Path) -> dict[Rgb, str]:
    """Return the name of each colour of a label map, in its order, without the background.

    Lines are ``name:r,g,b:...`` or ``r g b name``. Raises MaskError for what is neither.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise _no_label_map(path, "a file that cannot be read as text") from error
    colours = {}
    for line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            name, colour = _parse(line)
        except ValueError as error:
            raise _no_label_map(path, repr(line[:60])) from error
        if colour != (0, 0, 0):
            colours[colour] = name
    if not 0 < len(colours) < 256:
        raise _no_label_map(path, f"{len(colours)} colours beside black")
    return colours


def ids_from_colours(
    rgb: npt.NDArray[np.uint8], colours: Mapping[Rgb, str], name: str
) -> tuple[LabelMap, str]:
    """Return (H, W) ids of (H, W, 3) colours, 1 for the first of ``colours``, and who is who.

    Raises MaskError for colours that are not among them.
    """
    packed = rgb.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], dtype=np.uint32)
    labels = np.zeros(packed.shape, np.uint8)
    known = packed == 0
    seen = []
    for number, ((red, green, blue), label) in enumerate(colours.items(), 1):
        here = packed == (red << 16 | green << 8 | blue)
        if here.any():
            labels[here] = number
            known |= here
            seen.append(f"{number} is {label}")
    if not known.all():
        strange = int(packed[~known][0])
        raise MaskError(
            name,
            got=f"colours that its label map does not have, such as #{strange:06x}",
            expected=f"the {len(colours)} colours of the label map",
            remedy="export mask and label map together, without anti-aliasing",
        )
    return labels, ", ".join(seen)


def _parse(line: str) -> tuple[str, Rgb]:
    if ":" in line:
        name, colour = line.split(":")[:2]
        parts = colour.split(",")
    else:
        *parts, name = line.split(maxsplit=3)
    red, green, blue = (int(part) for part in parts)
    if not all(0 <= part <= 255 for part in (red, green, blue)):
        raise ValueError(colour if ":" in line else line)
    return name.strip(), (red, green, blue)


def _no_label_map(path: Path, got: str) -> MaskError:
    return MaskError(
        f"{param('label_map')} {path}",
        got=got,
        expected="lines such as 'cat:255,0,0::' or '255 0 0 cat'",
        remedy="give the labelmap.txt that was exported with the masks",
    )
