"""Pictures of any size become features at the cells that pictures are compared on."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
import torch

from persam_vos.encoders.dino_vit import DinoShape, DinoViT
from persam_vos.encoders.grid_encoder import CELLS, GridEncoder
from persam_vos.structures import Encoded, Frame
from persam_vos.targets.features import cell_features, feature_widths


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    return GridEncoder(DinoViT(DinoShape("v2", 64, 1, 14, 3, 0, 64)).eval())


class Colours(torch.nn.Module):
    """Answers with the mean colours of patches, and remembers the size that it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.shape = DinoShape("v2", 64, 1, 14, 3, 0, 64)
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, images):
        self.size = tuple(images.shape[2:])
        return torch.nn.functional.avg_pool2d(images, 14)


@pytest.mark.parametrize(
    ("size_hw", "grid"), [((32, 64), (32, 64)), ((500, 375), (64, 48)), ((4, 900), (1, 64))]
)
def test_the_long_side_has_64_cells_and_the_aspect_is_kept(encoder, size_hw, grid):
    features = encoder.features(np.zeros((*size_hw, 3), np.uint8))
    assert features.shape == (1, 64, *grid)
    assert CELLS == 64


def encoded(image: np.ndarray, input_hw: tuple[int, int], grid: tuple[int, int]) -> Encoded:
    height, width = grid
    return Encoded(
        Frame(0, "", image, 0.0),
        torch.randn(1, 8, height, width),
        input_hw,
        torch.zeros(1, 3, 8 * height, 8 * width),
    )


def test_cells_take_what_lies_at_their_centre_and_the_padding_the_edge():
    # A picture of 1024 x 512 in a square of 1024: red above, black below.
    image = np.zeros((512, 1024, 3), np.uint8)
    image[:256, :, 0] = 255
    found = GridEncoder(cast(Any, Colours())).on_grid(encoded(image, (512, 1024), (64, 64)))
    assert found.shape == (1, 3, 128, 128)
    red = (found[0, 0] * 0.229 + 0.485)[:, 60]
    assert red[:30].min() > 0.99
    assert red[34:].max() < 0.01  # also in the padding, from row 64 on


def test_matching_features_stand_in_for_the_neck():
    one = encoded(np.zeros((64, 64, 3), np.uint8), (64, 64), (4, 4))
    matching = torch.randn(1, 5, 8, 8)
    other = Encoded(one.frame, one.features, one.input_hw, one.colours, matching=matching)
    assert feature_widths(one)[0] == 8
    assert feature_widths(other)[0] == 5
    wanted = torch.nn.functional.normalize(matching[0], dim=0).permute(1, 2, 0)
    torch.testing.assert_close(
        torch.nn.functional.normalize(cell_features(other)[..., :5], dim=-1), wanted
    )
    assert not torch.allclose(cell_features(one)[..., :5], cell_features(other)[..., :5])
