"""Look for a target's objects while a clip is tracked: the lost, and those not yet seen."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..scoring.label_files import present_ids
from ..structures import Encoded, LabelMap
from ..targets.find import TargetFinder

EVERY = 5
"""On every so many frames objects that are not in the picture are looked for: it takes time."""
SURE = 0.97
"""Confidence from which it is shown to tracking: more than `PRESENT`, since one frame decides."""


@dataclass(frozen=True, slots=True)
class FoundAgain:
    """An object that tracking did not see and its target found, on a frame, and how sure it is."""

    frame: int
    object_id: int
    confidence: float


@dataclass(slots=True)
class TargetRefinder:
    """Finds objects that tracking does not see; a `Reference` for the frames that are ``due``.

    ``found`` is what it found so far.
    """

    finder: TargetFinder
    found: list[FoundAgain] = field(default_factory=list)

    @property
    def in_order(self) -> tuple[FoundAgain, ...]:
        """What it found, by frame and object."""
        return tuple(sorted(self.found, key=lambda one: (one.frame, one.object_id)))

    def due(self, index: int) -> bool:
        """Tell whether objects are looked for on a frame."""
        return index % EVERY == 0

    def __call__(self, encoded: Encoded, tracked: LabelMap | None) -> LabelMap:
        """Return labels (H, W) of what was found; all zeros where nothing is missing."""
        nothing = np.zeros(encoded.frame.size_hw, np.uint8)
        seen = frozenset() if tracked is None else present_ids(tracked)
        missing = [i for i in self.finder.object_ids if i not in seen]
        if not missing:
            return nothing
        found = self.finder(encoded, missing)
        sure = [i for i in found.object_ids if found.confidence[i] >= SURE]
        believed = np.isin(found.labels, sure) & (True if tracked is None else tracked == 0)
        labels = np.where(believed, found.labels, nothing)
        for object_id in sorted(present_ids(labels)):
            confidence = found.confidence[object_id]
            self.found.append(FoundAgain(encoded.frame.index, object_id, confidence))
        return labels
