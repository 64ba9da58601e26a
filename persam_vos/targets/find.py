"""Find a target's objects in a frame: propose masks, verify each, and say how sure it is.

What looks like the object is matched with all of the reference pictures, wherever it is; SAM draws
outlines; and what it drew is compared with the object once more, since something looks most like
the object in every picture.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from ..geometry import Geometry
from ..scoring.label_files import present_ids
from ..stages.decode import Decoder
from ..structures import Encoded, LabelMap
from .appearance import ObjectCells, compare
from .describe import in_picture
from .features import cell_features
from .propose import matched_points, propose
from .target import Target
from .verify import Judged, verify

Mask = npt.NDArray[np.bool_]

PRESENT = 0.9
"""Confidence from which an object is taken for found: many frames are looked at."""
_VOTERS = 5  # masks, the surest, that outline an object together: one alone may leave parts out


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
        return tuple(sorted(present_ids(self.labels)))

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
    def __call__(self, encoded: Encoded, wanted: Collection[int] | None = None) -> Found:
        """Find objects on a frame: those ``wanted``, or all.

        Where two masks meet, the surer one wins.
        """
        confidence, masks = dict[int, float](), dict[int, Mask]()
        for object_id in self.object_ids if wanted is None else sorted(wanted):
            judged = self.judge(encoded, object_id)
            sure = float(judged.confidence.amax()) if len(judged.confidence) else 0.0
            confidence[object_id] = sure
            if sure >= PRESENT:
                masks[object_id] = self.outline(encoded, judged)
        labels = np.zeros(encoded.frame.size_hw, np.uint8)
        for object_id in sorted(masks, key=confidence.__getitem__):
            labels[masks[object_id]] = object_id
        return Found(labels, confidence)

    @torch.inference_mode()
    def judge(
        self, encoded: Encoded, object_id: int, elsewhere: torch.Tensor | None = None
    ) -> Judged:
        """Propose masks of one object on a frame, and say what speaks for each.

        ``elsewhere`` are cells of stride 8, (2h, 2w) bool, that are not to be looked at.
        """
        row = self.object_ids.index(object_id)
        own, cells = self._objects[row], cell_features(encoded)
        inside = in_picture(cells.shape[:2], encoded)
        if elsewhere is not None:
            inside = inside & ~elsewhere
            cells = cells * inside[..., None]  # is like nothing
        inside = inside.flatten()
        likeness = compare(cells.flatten(0, 1), own, inside)
        weights = self.scale_weights[row]
        proposed = propose(self.decoder, encoded, cells, own, likeness, weights)
        points = matched_points(cells, own, likeness).points_xy[:, 0]
        judged = verify(cells.flatten(0, 1), inside, own, likeness, proposed)
        return replace(judged, likeness=likeness.probs.view(cells.shape[:2]), points_xy=points)

    def masks(self, encoded: Encoded, judged: Judged) -> Iterator[Mask]:
        """Scale the proposed masks to the picture: (H, W) bool each."""
        geometry = Geometry(encoded.frame.size_hw, self.image_size)
        for logits in judged.logits:
            yield (geometry.logits_to_image(logits[None])[0] > 0).cpu().numpy()

    def outline(self, encoded: Encoded, judged: Judged) -> Mask:
        """Return what most of the surest masks cover, (H, W) bool, or else the surest one."""
        surest = judged.confidence.argsort(descending=True)[:_VOTERS]
        voters = np.stack([*self.masks(encoded, judged.rows(surest))])
        outline = np.asarray(voters.mean(0) > 0.5)
        return outline if outline.any() else np.asarray(voters[0])
