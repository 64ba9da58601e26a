"""Find a target's objects in a frame: propose masks, verify each, and say how sure it is.

What looks like the object is matched with all of the reference pictures, wherever it is; SAM draws
outlines; and what it drew is compared with the object once more, since something looks most like
the object in every picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..geometry import Geometry
from ..stages.decode import Decoder
from ..structures import Encoded, LabelMap
from .appearance import ObjectCells, compare
from .describe import in_picture
from .features import cell_features
from .propose import propose
from .target import Target
from .verify import verify

PRESENT = 0.5
"""Confidence from which an object is taken for found."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a frame shows of a target; produced by `TargetFinder`.

    ``labels`` (H, W) uint8 has the objects that were found; ``confidence``, by id, how sure it is,
    in [0, 1], that each object is in the picture, found or not.
    """

    labels: LabelMap
    confidence: Mapping[int, float]

    @property
    def object_ids(self) -> tuple[int, ...]:
        """The objects that were found, ascending."""
        return tuple(int(i) for i in np.unique(self.labels) if i)

    @property
    def sure(self) -> float:
        """The highest confidence."""
        return max(self.confidence.values())


@dataclass(frozen=True, slots=True)
class TargetFinder:
    """Finds a target's objects in frames, each by itself; made once for any number of frames."""

    object_ids: tuple[int, ...]
    decoder: Decoder
    image_size: int
    scale_weights: torch.Tensor
    _objects: tuple[ObjectCells, ...]

    @classmethod
    def new(cls, target: Target, decoder: Decoder, image_size: int) -> TargetFinder:
        """Bring a target to the device; frames are encoded at ``image_size``."""
        device = decoder.compute.device
        return cls(
            target.object_ids,
            decoder,
            image_size,
            torch.from_numpy(target.scale_weights).to(device),
            tuple(ObjectCells.of(target, n, device) for n in range(len(target.object_ids))),
        )

    @torch.inference_mode()
    def __call__(self, encoded: Encoded, wanted: Sequence[int] | None = None) -> Found:
        """Find objects on a frame, of those ``wanted``, or all.

        Where two masks meet, the surer one wins.
        """
        cells = cell_features(encoded)
        inside = in_picture(cells.shape[:2], encoded).flatten()
        geometry = Geometry(encoded.frame.size_hw, self.image_size)
        confidence, masks = dict[int, float](), dict[int, np.ndarray]()
        for row, object_id in enumerate(self.object_ids):
            if wanted is not None and object_id not in wanted:
                continue
            own = self._objects[row]
            likeness = compare(cells.flatten(0, 1), own, inside)
            proposed = propose(
                self.decoder, encoded, cells, own, likeness, self.scale_weights[row]
            )
            confidence[object_id] = 0.0
            if proposed is not None:
                best, sure = verify(cells, inside, own, likeness, proposed)
                confidence[object_id] = sure
                if sure >= PRESENT:
                    logits = geometry.logits_to_image(proposed.logits[best][None])[0]
                    masks[object_id] = (logits > 0).cpu().numpy()
        labels = np.zeros(encoded.frame.size_hw, np.uint8)
        for object_id in sorted(masks, key=confidence.__getitem__):
            labels[masks[object_id]] = object_id
        return Found(labels, confidence)
