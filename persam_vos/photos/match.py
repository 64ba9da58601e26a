"""Our own method for photos: matched with all cells of the references, outlined by SAM, verified.

What looks like the object is found as for a target in videos (see ``targets``), at stride 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..geometry import PATCH
from ..stages.prompts import box_of
from ..structures import Frame, LabelMap, RgbImage
from ..targets.find import PRESENT, TargetFinder
from ..targets.target import SourceFile, Target
from ..tracking.engine import Engine
from ..tracking.targets import ReferencePicture, describe_target, new_finder
from .method import Instance, PhotoObject
from .references import checked_references
from .settings import PhotoSettings

_NOBODY = SourceFile("", 0, "")  # references may come from anywhere


@dataclass(slots=True)
class MatchPhotos:
    """Finds objects by their cells, in one photo after the other."""

    engine: Engine
    settings: PhotoSettings
    _finder: TargetFinder | None = None

    @property
    def object_ids(self) -> tuple[int, ...]:
        """The objects that were learned, ascending."""
        return () if self._finder is None else self._finder.object_ids

    def learn(self, references: Sequence[tuple[RgbImage, LabelMap]]) -> None:
        """Learn objects from pictures and their labels."""
        pictures = [
            ReferencePicture(Frame(0, "", image, 0.0), labels, (_NOBODY, _NOBODY), ())
            for image, labels in checked_references(references)
        ]
        self.use(describe_target(pictures, self.engine))

    def use(self, target: Target) -> None:
        """Look for the objects of a target, in place of what was learned before."""
        self._finder = new_finder(target, self.engine)

    @torch.inference_mode()
    def segment(self, image: RgbImage) -> tuple[PhotoObject, ...]:
        """Find all objects in a photo."""
        assert self._finder is not None, "objects are learned first"
        finder = self._finder
        encoded = self.engine.encode(Frame(0, "", image, 0.0))
        results = []
        for object_id in finder.object_ids:
            judged = finder.judge(encoded, object_id)
            sure = float(judged.confidence.amax()) if len(judged.confidence) else 0.0
            mask = np.zeros(image.shape[:2], np.bool_)
            if len(judged.confidence):
                mask = finder._outline(encoded, judged)
            present = sure >= PRESENT
            if not present and self.settings.absent_is_empty:
                mask = mask & False
            rows, columns = (-(-side // PATCH) for side in encoded.input_hw)
            results.append(
                PhotoObject(
                    object_id,
                    mask,
                    sure,
                    sure,
                    present,
                    np.zeros((rows, columns), np.float32),
                    (),
                    box_of(mask),
                    (Instance(mask, sure),) if mask.any() else (),
                )
            )
        return tuple(results)
