"""Areas and boxes of objects, against their definition, object by object."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from persam_vos.stages.measure import measure


def plain(labels: np.ndarray, object_id: int) -> list[int]:
    """Area, top, bottom, left, right, the ends one beyond the last pixel."""
    rows, columns = np.nonzero(labels == object_id)
    ends = (rows.min(), rows.max() + 1, columns.min(), columns.max() + 1)
    return [len(rows), *(int(end) for end in ends)]


@pytest.mark.parametrize("count", [1, 8, 9, 20], ids=["one", "a batch", "one more", "many"])
def test_objects_are_measured_as_defined(count: int) -> None:
    labels = np.random.default_rng(count).integers(0, count + 1, (30, 50)).astype(np.uint8)
    object_ids = torch.arange(1, count + 1, dtype=torch.uint8)
    found = measure(torch.from_numpy(labels), object_ids)
    assert found.shape == (count, 5)
    assert found.tolist() == [plain(labels, object_id) for object_id in range(1, count + 1)]


def test_boxes_reach_the_edges_of_the_picture() -> None:
    labels = torch.full((4, 6), 255, dtype=torch.uint8)
    assert measure(labels, torch.tensor([255], dtype=torch.uint8)).tolist() == [[24, 0, 4, 0, 6]]


def test_what_is_not_there_has_no_area() -> None:
    labels = torch.zeros(4, 6, dtype=torch.uint8)
    assert measure(labels, torch.tensor([7, 9], dtype=torch.uint8))[:, 0].tolist() == [0, 0]
