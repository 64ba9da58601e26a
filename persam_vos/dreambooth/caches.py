"""Photos as latents: encoded anew each time, or once where the crop is always the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from .photos import ClassPhotos, InstancePhotos, PhotoCrop
from .seeds import generator, shuffled_index

Photos = InstancePhotos | ClassPhotos


@dataclass(frozen=True, slots=True)
class EncodedCrop:
    """A crop of a photo, encoded; produced by `CropSource`, consumed by `denoising`.

    ``moments`` (2 C, h, w) float32 are mean and log variance of its latents, unscaled; ``mask``
    (1, R, R) float32 in [0, 1] is at the crop's resolution, on the CPU.
    """

    moments: torch.Tensor
    mask: torch.Tensor
    original_size_hw: tuple[int, int]
    crop_top_left_yx: tuple[int, int]


@dataclass(frozen=True, slots=True)
class CropSource:
    """Photos in a random order without end, each round through all of them; by number.

    Crops and order depend on ``seed`` and ``purpose`` alone. With ``keep`` each photo is read and
    encoded once, and kept on the CPU: for crops that are always the same.
    """

    photos: Photos
    vae: Any
    seed: int
    purpose: str
    keep: bool = False
    kept: dict[int, EncodedCrop] = field(default_factory=dict)

    def take(self, numbers: Sequence[int]) -> list[EncodedCrop]:
        """Return the crops of these places in the order, encoded on the autoencoder's device."""
        count = len(self.photos)
        indices = [shuffled_index(one, count, self.seed, self.purpose) for one in numbers]
        if not self.keep:
            return self._encode(
                [
                    self.photos.draw(index, generator(self.seed, f"{self.purpose} crop", number))
                    for number, index in zip(numbers, indices, strict=True)
                ]
            )
        for index in indices:
            if index not in self.kept:
                crop = self.photos.draw(index, generator(self.seed, f"{self.purpose} crop", index))
                (self.kept[index],) = self._encode([crop])
        return [self.kept[index] for index in indices]

    @torch.no_grad()
    def _encode(self, crops: Sequence[PhotoCrop]) -> list[EncodedCrop]:
        pixels = torch.stack([one.pixels for one in crops]).to(self.vae.device)
        moments = self.vae.encode(pixels).latent_dist.parameters
        if self.keep:
            moments = moments.cpu()
        return [
            EncodedCrop(one, crop.mask, crop.original_size_hw, crop.crop_top_left_yx)
            for one, crop in zip(moments, crops, strict=True)
        ]
