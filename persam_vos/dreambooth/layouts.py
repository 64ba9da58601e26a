"""Masks, with photos where need be, as trainers of different makers want them.

All but ``plain`` have upright copies of the photos, as PNG: some trainers do not heed EXIF, and a
mask is of the upright photo. Photos without the subject are left out there.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..exports.rgba import with_alpha
from ..files.atomic import make_folder
from ..structures import Alpha, RgbImage
from .layout_names import CONFIG, IMAGES, MASKS, Layout, pair_names

_REPEATS = 100  # of each photo in a round: of few photos, rounds are short otherwise


def write_pair(
    folder: Path, layout: Layout, name: str, image: RgbImage, mask: Alpha
) -> tuple[str, ...]:
    """Write the mask of a photo, and the photo if the layout has it; returns their relative names.

    ``image`` is (H, W, 3) uint8 RGB, upright, ``mask`` (H, W) uint8 with 255 on the subject. Raises
    OutputError or OSError.
    """
    if layout != "plain" and not mask.any():
        return ()
    names = pair_names(layout, name)
    for path, pixels in zip(names, _contents(layout, image, mask), strict=True):
        make_folder((folder / path).parent)
        Image.fromarray(pixels).save(folder / path, compress_level=4)
    return names


def write_config(folder: Path, layout: Layout, place: Path, resolution: int) -> tuple[str, ...]:
    """Write what a trainer reads beside the pairs; returns its relative names.

    For kohya's scripts a data set, by the absolute paths it will have at ``place``. Raises OSError.
    """
    if layout != "kohya":
        return ()
    lines = (
        "# --dataset_config of kohya's scripts, with --masked_loss. Say what the subject is:",
        "# class_tokens are the prompt of each photo that has no caption file beside it.",
        "[[datasets]]",
        f"resolution = {resolution}",
        "",
        "[[datasets.subsets]]",
        f"image_dir = {_toml(place / IMAGES)}",
        f"conditioning_data_dir = {_toml(place / MASKS)}",
        'class_tokens = "sks"',
        f"num_repeats = {_REPEATS}",
    )
    (folder / CONFIG).write_text("\n".join(lines) + "\n", "utf-8")
    return (CONFIG,)


def _contents(layout: Layout, image: RgbImage, mask: Alpha) -> tuple[npt.NDArray[np.uint8], ...]:
    """Return the pixels of each file of `pair_names`."""
    if layout == "plain":
        return (mask,)
    if layout == "alpha":
        with_mask = with_alpha(image, mask, premultiplied=False)  # colours stay under alpha 0
        return (np.asarray(with_mask, np.uint8),)
    return (image, np.dstack([mask] * 3) if layout == "kohya" else mask)


def _toml(path: Path) -> str:
    """Write a path as a string of TOML, whose escapes are JSON's."""
    return json.dumps(str(path.absolute()), ensure_ascii=False)
