"""What the upstream programs share, against the formulas on small tensors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from persam_vos.geometry import Geometry
from persam_vos.methods.upstream_parts import (
    box_of_logits,
    pixel_of,
    predictor_prompts,
    similarity_map,
    target_cells,
)


@pytest.mark.parametrize(("value", "count"), [(215, 16), (128, 16)])
def test_cells_under_a_mask_are_those_that_it_covers(value: int, count: int) -> None:
    features = torch.arange(64 * 64.0).reshape(1, 1, 64, 64)
    mask = np.zeros((1024, 1024), np.bool_)
    mask[64:128, 32:96] = True  # cells 4 to 7 and 2 to 5
    cells = target_cells(features, mask, Geometry((1024, 1024)), mask_value=value)
    expected = [64.0 * row + column for row in range(4, 8) for column in range(2, 6)]
    assert sorted(cells[:, 0].tolist()) == expected
    assert len(cells) == count


def test_an_object_smaller_than_a_cell_has_its_best_cell() -> None:
    mask = np.zeros((1024, 1024), np.bool_)
    mask[700, 300] = True
    cells = target_cells(torch.zeros(1, 3, 64, 64), mask, Geometry((1024, 1024)), mask_value=128)
    assert cells.shape[0] >= 1


def test_the_similarity_map_is_cosine_at_the_pictures_size() -> None:
    features = torch.randn(1, 8, 64, 64, generator=torch.Generator().manual_seed(0))
    features[0, :, 10, 20] *= 3  # lengths do not count
    vector = F.normalize(features[0, :, 10, 20], dim=0)
    geometry = Geometry((480, 640))
    found = similarity_map(vector, features, geometry)
    assert found.shape == (480, 640)
    x, y = pixel_of(found.argmax(), found)
    assert (int(x / 640 * 64), int(y / 640 * 64)) == (20, 10)


def test_prompts_are_those_of_sams_predictor() -> None:
    geometry, device = Geometry((512, 512)), torch.device("cpu")
    point = predictor_prompts(geometry, device, [(10, 20, 1)])
    present = point.point_labels[0] != -2
    assert point.points_xy[0, present].tolist() == [[20, 40], [0, 0]]
    assert point.point_labels[0, present].tolist() == [1, -1]
    boxed = predictor_prompts(geometry, device, [(10, 20, 0)], (1, 2, 3, 4))
    assert boxed.point_labels[0].tolist() == [0, 2, 3]
    assert boxed.points_xy[0, 1:].tolist() == [[2, 4], [6, 8]]


def test_boxes_of_logits_are_inclusive() -> None:
    logits = -torch.ones(5, 6)
    assert box_of_logits(logits) is None
    logits[1:3, 2:5] = 1
    assert box_of_logits(logits) == (2, 1, 4, 2)
