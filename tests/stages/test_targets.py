"""Coverage and appearance against plain loops over cells."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from persam_vos.stages import targets

SIDE, CELL = 8, 16
IMAGE_SIZE = SIDE * CELL


def boxes_mask(size_hw: tuple[int, int], *boxes: tuple[int, int, int, int]) -> torch.Tensor:
    """(N, H, W) bool, each a box of y0, y1, x0, x1."""
    masks = torch.zeros(len(boxes), *size_hw, dtype=torch.bool)
    for row, (y0, y1, x0, x1) in enumerate(boxes):
        masks[row, y0:y1, x0:x1] = True
    return masks


def coverage(masks: torch.Tensor, input_hw: tuple[int, int]) -> torch.Tensor:
    return targets.grid_coverage(
        masks, input_hw=input_hw, grid_hw=(SIDE, SIDE), cell=IMAGE_SIZE // SIDE
    )


def random_features(seed: int = 0) -> torch.Tensor:
    return torch.randn(1, 5, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / math.sqrt(float((vector**2).sum()))


def test_coverage_at_input_size_is_the_fraction_of_pixels_of_each_cell() -> None:
    input_hw = (72, 128)  # four rows and a half of cells
    masks = boxes_mask(input_hw, (3, 40, 5, 77), (60, 72, 100, 128), (0, 72, 0, 128))
    found = coverage(masks, input_hw)
    for row in range(len(masks)):
        for y in range(SIDE):
            for x in range(SIDE):
                cell = masks[row, y * CELL : (y + 1) * CELL, x * CELL : (x + 1) * CELL]
                assert float(found[row, y, x]) == pytest.approx(int(cell.sum()) / CELL**2, abs=1e-6)


@pytest.mark.parametrize("scale", [0.5, 2, 3])
def test_coverage_of_a_scaled_mask_keeps_its_area(scale: float) -> None:
    size_hw = (round(96 * scale), round(128 * scale))
    y0, y1, x0, x1 = (round(edge * scale) for edge in (16, 64, 32, 96))
    found = coverage(boxes_mask(size_hw, (y0, y1, x0, x1)), (96, 128))
    assert float(found.sum()) == pytest.approx(3 * 4, rel=0.02)
    assert float(found.max()) <= 1
    assert not found[:, 6:].any(), "the padding is nobody's"


def test_thin_objects_keep_some_coverage_when_shrunk() -> None:
    found = coverage(boxes_mask((960, 1280), (0, 960, 640, 642)), (96, 128))
    assert float(found.sum()) == pytest.approx(960 * 2 / 160**2, rel=0.05)


def test_target_is_the_mean_of_normalised_features_of_cells_half_covered() -> None:
    features = random_features()
    coverage = torch.zeros(1, SIDE, SIDE)
    coverage[0, 2, 3], coverage[0, 2, 4], coverage[0, 5, 5] = 1.0, 0.6, 0.4
    vectors = targets.target_vectors(features, coverage)
    cells = features[0].numpy()
    expected = (unit(cells[:, 2, 3]) + 0.6 * unit(cells[:, 2, 4])) / 1.6
    np.testing.assert_allclose(vectors[0], expected, atol=1e-6)


def test_only_filled_cells_count_where_there_are_any() -> None:
    features = torch.randn(1, 5, 2, 3, generator=torch.Generator().manual_seed(6))
    coverage = torch.tensor([[[1.0, 0.96, 0.9], [0.6, 0.2, 0.0]], [[0.6, 0.8, 0.3], [0.0, 0, 0]]])
    cells = torch.nn.functional.normalize(features[0].flatten(1), dim=0)
    filled, half = targets.target_vectors(features, coverage, least=0.95)
    torch.testing.assert_close(filled, (cells[:, 0] + 0.96 * cells[:, 1]) / 1.96)
    torch.testing.assert_close(half, (0.6 * cells[:, 0] + 0.8 * cells[:, 1]) / 1.4)


def test_target_smaller_than_a_cell_takes_the_cells_it_touches() -> None:
    features = random_features()
    coverage = torch.zeros(1, SIDE, SIDE)
    coverage[0, 1, 1], coverage[0, 1, 2] = 0.03, 0.01
    vectors = targets.target_vectors(features, coverage)
    cells = features[0].numpy()
    expected = (3 * unit(cells[:, 1, 1]) + unit(cells[:, 1, 2])) / 4
    np.testing.assert_allclose(vectors[0], expected, atol=1e-6)


def test_one_pixel_of_a_large_picture_has_a_finite_target() -> None:
    mask = boxes_mask((2160, 3840), (1000, 1001, 2000, 2001))
    found = coverage(mask, (72, 128))
    vectors = targets.target_vectors(random_features(), found)
    assert torch.isfinite(vectors).all()
    assert float(vectors.norm()) > 0.1


def test_objects_do_not_see_each_other() -> None:
    features, coverage = random_features(), torch.rand(3, SIDE, SIDE)
    together = targets.target_vectors(features, coverage)
    for row in range(3):
        alone = targets.target_vectors(features, coverage[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone)


def test_similarity_is_the_mean_cosine_with_the_target_cells() -> None:
    reference, other = random_features(1), random_features(2)
    coverage = torch.zeros(1, SIDE, SIDE)
    coverage[0, 3, 3:6] = 1.0
    found = targets.similarity(other, targets.target_vectors(reference, coverage))
    for y in range(SIDE):
        for x in range(SIDE):
            cell = unit(other[0, :, y, x].numpy())
            cosines = [cell @ unit(reference[0, :, 3, k].numpy()) for k in (3, 4, 5)]
            assert float(found[0, y, x]) == pytest.approx(float(np.mean(cosines)), abs=1e-6)


def test_mean_similarity_is_weighted_and_zero_for_nothing() -> None:
    similarities = torch.tensor([[[0.5, -1.0]], [[0.5, -1.0]]])
    coverage = torch.tensor([[[1.0, 0.25]], [[0.0, 0.0]]])
    assert targets.mean_similarity(similarities, coverage).tolist() == pytest.approx([0.2, 0.0])
