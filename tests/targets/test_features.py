from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F

from persam_vos.structures import Encoded
from persam_vos.targets.features import cell_features, coarser, feature_widths, parts_of


def test_cells_of_stride_8_have_features_of_norm_1(last: Encoded) -> None:
    cells = cell_features(last)
    height, width = last.features.shape[-2:]
    assert cells.shape == (2 * height, 2 * width, sum(feature_widths(last)))
    assert torch.allclose(cells.norm(dim=-1), torch.tensor(1.0), atol=1e-4)


def test_features_are_taken_apart_again(last: Encoded) -> None:
    assert last.layer_s8 is not None
    parts = parts_of(cell_features(last).flatten(0, 1), feature_widths(last))
    layer = F.normalize(last.layer_s8[0].flatten(1).T, dim=1)
    assert torch.allclose(parts.layer, layer, atol=1e-3)
    assert parts.colours.shape[1] == 6


def test_an_encoder_without_layers_is_compared_by_its_neck(last: Encoded) -> None:
    plain = replace(last, layer_s8=None)
    assert feature_widths(plain) == (256, 0, 6)
    parts = parts_of(cell_features(plain).flatten(0, 1), feature_widths(plain))
    assert torch.equal(parts.layer, parts.neck)


def test_coarser_cells_are_means_of_four() -> None:
    rows = F.normalize(torch.randn(4, 6, 5, generator=torch.Generator().manual_seed(0)), dim=-1)
    mean = F.normalize(rows[2:4, 4:6].mean((0, 1)), dim=0)
    assert torch.allclose(coarser(rows)[1, 2], mean)
