"""What a target holds: how objects look, learned from pictures other than the video's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from ..structures import LabelMap, RgbImage


@dataclass(frozen=True, slots=True)
class Cells:
    """Some cells of the feature grid of a picture, and what they show.

    ``features`` (n, D) float16 are rows of `features.cell_features`; ``coverage`` (n, N) float16 in
    [0, 1] is the fraction of each cell that each object of the target covers. On the CPU.
    """

    features: torch.Tensor
    coverage: torch.Tensor


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that a target was made from: its name without folders, size and sha256 in hex."""

    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class TargetReference:
    """One picture in which objects of a target were shown.

    ``image`` and ``mask`` say which files it was made from; ``size_hw`` is the picture's size in
    pixels; ``object_ids`` are the objects that it shows. ``objects`` are cells of stride 8 on them,
    ``background`` cells of stride 16 beside them. ``thumbnail`` is (h, w, 3) uint8 RGB,
    ``thumbnail_labels`` (h, w) uint8 with the objects' ids.
    """

    image: SourceFile
    mask: SourceFile
    size_hw: tuple[int, int]
    object_ids: tuple[int, ...]
    objects: Cells
    background: Cells
    thumbnail: RgbImage
    thumbnail_labels: LabelMap


@dataclass(frozen=True, slots=True)
class NetworkIdentity:
    """The network that made features: only features of the same network can be compared.

    ``weights`` is their name in the registry, or ``custom``; ``encoder`` the architecture of the
    image encoder; ``sha256`` has the digest of each of the weights' files.
    """

    weights: str
    encoder: str
    sha256: Mapping[str, str]

    def __str__(self) -> str:
        return f"weights {self.weights} (encoder {self.encoder})"

    def fits(self, other: NetworkIdentity) -> bool:
        """Tell whether both are the same network.

        Published weights are known by name: they come in several forms, with digests of their own.
        """
        same = (self.weights, self.encoder) == (other.weights, other.encoder)
        return same and (self.weights != "custom" or dict(self.sha256) == dict(other.sha256))


@dataclass(frozen=True, slots=True)
class Target:
    """Objects to be found in other pictures; made by `fit_target`, or read from a file.

    ``object_ids`` (N) ascend. ``scale_weights`` (N, 3) float32 are those of PerSAM-F: how much of
    each of SAM's three scales makes the object. ``image_size`` is the long side in pixels at which
    the pictures were encoded, ``feature_widths`` how many of the D numbers of a cell are from the
    encoder's neck, from its earlier layer and from colours; ``version`` is that of the package.
    """

    object_ids: tuple[int, ...]
    references: tuple[TargetReference, ...]
    scale_weights: npt.NDArray[np.float32]
    network: NetworkIdentity
    image_size: int
    feature_widths: tuple[int, int, int]
    version: str

    def keep(self, object_ids: Sequence[int]) -> Target:
        """Return the target of some of its objects; cells of the others count as background."""
        columns = [self.object_ids.index(i) for i in object_ids]
        references = tuple(
            replace(
                one,
                object_ids=tuple(i for i in one.object_ids if i in object_ids),
                objects=replace(one.objects, coverage=one.objects.coverage[:, columns]),
                background=replace(one.background, coverage=one.background.coverage[:, columns]),
            )
            for one in self.references
        )
        return replace(
            self,
            object_ids=tuple(object_ids),
            references=references,
            scale_weights=self.scale_weights[columns],
        )
