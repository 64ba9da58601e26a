"""What files are called in the layouts of different trainers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

Layout = Literal["plain", "kohya", "onetrainer", "alpha"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)

IMAGES, MASKS, CONFIG = "images", "masks", "dataset.toml"
_PATHS: Mapping[Layout, tuple[str, ...]] = {
    "plain": ("{}.png",),
    "kohya": (f"{IMAGES}/{{}}.png", f"{MASKS}/{{}}.png"),
    "onetrainer": (f"{IMAGES}/{{}}.png", f"{IMAGES}/{{}}-masklabel.png"),
    "alpha": (f"{IMAGES}/{{}}.png",),
}


def pair_names(layout: Layout, name: str) -> tuple[str, ...]:
    """Return what is written of a photo called ``name`` without its ending, relative."""
    return tuple(path.format(name) for path in _PATHS[layout])
