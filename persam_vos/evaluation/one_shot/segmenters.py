"""Who answers episodes: a method for photos, or masks that any tool made before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from ...errors import ScoringError, param
from ...photos.method import PhotoMethod
from ...scoring.label_files import read_label_file
from .pictures import BoolMask, ShotPicture

_OBJECT = 1


class Segmenter(Protocol):
    """Answers episodes: is shown an object, and asked for it in one query after the other."""

    def learn(self, supports: Sequence[ShotPicture]) -> None:
        """Learn the object of an episode, in place of the one before."""

    def segment(self, query: ShotPicture, name: str) -> BoolMask:
        """Return the (H, W) mask of the object in a query; its own mask is not looked at.

        ``name`` is the episode's: see `Fold.result_name`.
        """


@dataclass(slots=True)
class PhotoSegmenter:
    """Asks a method for photos. Of a support without a pixel of the object nothing can be learned.

    Its query then gets an empty mask, as the published programs give it a score of 0.
    """

    method: PhotoMethod
    _has_object: bool = False

    def learn(self, supports: Sequence[ShotPicture]) -> None:
        """Learn the object from the supports that show it."""
        shown = [one for one in supports if one.mask.any()]
        self._has_object = bool(shown)
        if shown:
            self.method.learn([(one.image, one.mask.astype(np.uint8)) for one in shown])

    def segment(self, query: ShotPicture, name: str) -> BoolMask:  # noqa: ARG002 - the protocol's
        """Return the mask of the object."""
        if not self._has_object:
            return np.zeros(query.mask.shape, np.bool_)
        (found,) = self.method.segment(query.image)
        return found.mask


@dataclass(frozen=True, slots=True)
class StoredMasks:
    """Takes masks from a folder, each by the name of its episode."""

    folder: Path

    def learn(self, supports: Sequence[ShotPicture]) -> None:
        """Learn nothing: the masks are there."""

    def segment(self, query: ShotPicture, name: str) -> BoolMask:
        """Read a mask; raises ScoringError for one that is missing or of another size."""
        path = self.folder / f"{name}.png"
        labels = read_label_file(path)
        if labels.shape != query.mask.shape:
            raise ScoringError(
                f"{path}",
                got=f"{labels.shape[1]} x {labels.shape[0]} pixels",
                expected=f"{query.mask.shape[1]} x {query.mask.shape[0]}, as the truth",
                remedy=f"choose the size that masks were made at with {param('eval_size')}",
            )
        return labels > 0
