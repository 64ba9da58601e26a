"""Targets of random numbers, for what does not look at features."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from persam_vos.targets.target import (
    Cells,
    NetworkIdentity,
    SourceFile,
    Target,
    TargetReference,
)

WIDTH = 12  # of features
IDENTITY = NetworkIdentity("mobile-sam", "vit_t", {"mobile_sam.pt": "6d" * 32})


def made_target(object_ids: tuple[int, ...] = (1, 4), references: int = 2) -> Target:
    """A target whose first reference shows all objects, the others the first one alone."""
    return Target(
        object_ids=object_ids,
        references=tuple(
            _reference(number, object_ids, object_ids if number == 0 else object_ids[:1])
            for number in range(references)
        ),
        scale_weights=np.full((len(object_ids), 3), 1 / 3, np.float32),
        network=IDENTITY,
        image_size=1024,
        feature_widths=(6, 3, 3),
        version="0.2.0",
    )


def _reference(number: int, object_ids: tuple[int, ...], shown: tuple[int, ...]) -> TargetReference:
    generator = torch.Generator().manual_seed(number)

    def features(count: int) -> torch.Tensor:
        rows = torch.randn((count, WIDTH), generator=generator)
        return torch.nn.functional.normalize(rows, dim=1).half()

    coverage = torch.zeros(6, len(object_ids)).half()
    for row in range(6):
        coverage[row, row % len(shown)] = 1
    source = SourceFile(f"{number}.jpg", 1234, "ab" * 32)
    return TargetReference(
        image=source,
        mask=replace(source, name=f"{number}.png"),
        size_hw=(90, 160),
        object_ids=shown,
        objects=Cells(features(6), coverage),
        background=Cells(features(5), torch.zeros(5, len(object_ids)).half()),
        thumbnail=np.full((9, 16, 3), number, np.uint8),
        thumbnail_labels=np.full((9, 16), shown[0], np.uint8),
    )
