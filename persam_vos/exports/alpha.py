"""Soft masks of a finished run: those that it kept, or made of its labels' outlines."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from ..errors import MediaError
from ..files.open_picture import FAILURES, open_picture
from ..media.output_paths import alpha_path
from ..structures import Alpha
from .clip import Clip, ClipFrame


def alphas(clip: Clip, frame: ClipFrame) -> Mapping[int, Alpha]:
    """Return the soft mask of each visible object of a frame, by its id.

    Raises MediaError for a kept one that cannot be read.
    """
    ids = [one.object_id for one in frame.visible]
    if clip.alpha_folder is None:
        from ..stages.coverage import coverage_of_mask  # here, as torch takes seconds to import

        return {one: coverage_of_mask(frame.labels == one) for one in ids}
    return {one: _kept(clip, frame, one) for one in ids}


def together(of_objects: Mapping[int, Alpha], size_hw: tuple[int, int]) -> Alpha:
    """Return the soft mask of all objects together: their coverage adds up, to 255 at most."""
    total = np.zeros(size_hw, np.uint8)
    for alpha in of_objects.values():
        total = np.asarray(cv2.add(total, alpha), dtype=np.uint8)
    return total


def _kept(clip: Clip, frame: ClipFrame, object_id: int) -> Alpha:
    path = alpha_path(clip.folder, object_id, frame.name)
    try:
        with open_picture(path, str(path), formats=("PNG",)) as picture:
            alpha = np.asarray(picture.convert("L"))
    except FAILURES as error:
        raise MediaError(
            str(path),
            got="no soft mask that can be read",
            expected="one for each object and frame",
            remedy="track again, or remove the folder alpha/ to have them made of the labels",
        ) from error
    if alpha.shape != clip.info.size_hw:
        (height, width), (wanted_height, wanted_width) = alpha.shape, clip.info.size_hw
        raise MediaError(
            str(path), got=f"{width} x {height}", expected=f"{wanted_width} x {wanted_height}"
        )
    return alpha
