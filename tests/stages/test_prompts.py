"""Boxes, points and guides against what one can count on the mask."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from persam_vos.stages import prompts

CPU = torch.device("cpu")


def ring() -> np.ndarray:
    rows, columns = np.mgrid[:60, :80]
    distance = np.hypot(rows - 30, columns - 40)
    return np.asarray((distance < 25) & (distance > 18))


def crescent() -> np.ndarray:
    rows, columns = np.mgrid[:60, :80]
    outer, inner = np.hypot(rows - 30, columns - 40), np.hypot(rows - 30, columns - 50)
    return np.asarray((outer < 28) & (inner > 26))


def box_mask(y0: int, y1: int, x0: int, x1: int) -> np.ndarray:
    mask = np.zeros((60, 80), dtype=bool)
    mask[y0:y1, x0:x1] = True
    return mask


MASKS = {
    "ring": ring(),
    "crescent": crescent(),
    "box": box_mask(10, 21, 30, 55),
    "one pixel": box_mask(7, 8, 9, 10),
    "corner pixel": box_mask(59, 60, 79, 80),
    "whole picture": box_mask(0, 60, 0, 80),
    "one row": box_mask(0, 1, 0, 80),
    "two pieces": box_mask(0, 4, 0, 4) | box_mask(40, 60, 60, 80),
}


@pytest.mark.parametrize("name", MASKS)
def test_box_holds_the_mask_and_no_row_or_column_more(name: str) -> None:
    mask = MASKS[name]
    ys, xs = np.nonzero(mask)
    assert prompts.box_of(mask) == (xs.min(), ys.min(), xs.max(), ys.max())


@pytest.mark.parametrize("name", MASKS)
def test_inner_point_is_inside_also_of_concave_objects(name: str) -> None:
    point = prompts.inner_point(MASKS[name])
    assert point is not None
    assert MASKS[name][int(point[1]), int(point[0])]


@pytest.mark.parametrize("name", ["ring", "crescent"])
def test_the_concave_cases_have_a_box_centre_outside(name: str) -> None:
    x0, y0, x1, y1 = prompts.box_of(MASKS[name]) or (0, 0, 0, 0)
    inner_x, inner_y = prompts.inner_point(MASKS[name]) or (0.0, 0.0)
    assert name == "crescent" or not MASKS[name][(y0 + y1) // 2, (x0 + x1) // 2]
    assert MASKS[name][int(inner_y), int(inner_x)]


@pytest.mark.parametrize("turned", [False, True])
def test_inner_points_of_a_batch_are_as_far_inside_as_each_alone(turned: bool) -> None:
    masks = [mask.T if turned else mask for mask in MASKS.values()]
    points = prompts.inner_points(torch.from_numpy(np.stack(masks))).long()
    assert len(points) > prompts._OBJECTS_AT_ONCE - 1
    for mask, (x, y) in zip(masks, points.tolist(), strict=True):
        distances = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
        assert distances[y, x] == pytest.approx(distances.max())
        assert prompts.inner_point(mask) == (x, y)


def test_the_inner_point_of_nothing_is_some_point() -> None:
    assert prompts.inner_points(torch.zeros(1, 6, 9, dtype=torch.bool)).tolist() == [[0, 0]]


def test_inner_point_of_a_box_is_far_from_its_edges() -> None:
    x, y = prompts.inner_point(MASKS["box"]) or (0.0, 0.0)
    assert y == 15
    assert 35 <= x <= 49


def test_inner_point_keeps_off_the_edge_of_the_picture() -> None:
    x, y = prompts.inner_point(box_mask(0, 20, 0, 20)) or (0.0, 0.0)
    assert 8 <= x <= 11
    assert 8 <= y <= 11


def test_an_empty_mask_has_neither_box_nor_point() -> None:
    empty = np.zeros((60, 80), dtype=bool)
    assert prompts.box_of(empty) is None
    assert prompts.inner_point(empty) is None


@pytest.mark.parametrize(
    ("box", "margin", "expected"),
    [
        ((20, 10, 40, 30), 5, (15, 5, 45, 35)),
        ((2, 3, 78, 58), 10, (0, 0, 80, 60)),
        ((20, 10, 40, 30), 0, (20, 10, 40, 30)),
    ],
    ids=["inside", "clipped", "no margin"],
)
def test_boxes_grow_inside_the_picture(
    box: tuple[int, int, int, int], margin: float, expected: tuple[int, int, int, int]
) -> None:
    assert prompts.grow_box(box, margin=margin, size_hw=(60, 80)) == expected


@pytest.mark.parametrize("input_hw", [(128, 72), (72, 128), (128, 128), (5, 128), (128, 40)])
def test_location_prior_finds_the_extremes_among_cells_centred_in_the_picture(
    input_hw: tuple[int, int],
) -> None:
    maps = torch.randn(3, 8, 8, generator=torch.Generator().manual_seed(3))
    positive, negative = prompts.location_prior(maps, stride=16, input_hw=input_hw)
    for row in range(3):
        cells = {
            (x * 16 + 8.0, y * 16 + 8.0): float(maps[row, y, x])
            for y in range(8)
            for x in range(8)
            if (y * 16 + 8 < input_hw[0] or y == 0) and (x * 16 + 8 < input_hw[1] or x == 0)
        }
        assert tuple(positive[row].tolist()) == max(cells, key=cells.__getitem__)
        assert tuple(negative[row].tolist()) == min(cells, key=cells.__getitem__)


def test_location_prior_of_pixels_reaches_the_last_row_and_column() -> None:
    maps = torch.zeros(1, 8, 9)
    maps[0, 5, 6], maps[0, 0, 0] = 1, -1
    maps[0, 6, 7] = 2  # in the padding
    positive, negative = prompts.location_prior(maps, stride=1, input_hw=(6, 7))
    assert positive.tolist() == [[6.5, 5.5]]
    assert negative.tolist() == [[0.5, 0.5]]


def test_attention_guide_is_a_weighted_softmax_over_the_cells() -> None:
    maps = torch.randn(2, 4, 4, generator=torch.Generator().manual_seed(4))
    guide = prompts.attention_guide(maps, weight=0.5)
    for row in range(2):
        exponentials = np.exp(maps[row].numpy().ravel().astype(np.float64))
        np.testing.assert_allclose(guide[row], 0.5 * exponentials / exponentials.sum(), rtol=1e-5)


def test_shorter_token_lists_end_in_absent_tokens() -> None:
    one, three = [(1.0, 2.0, 1)], [(3.0, 4.0, 1), (5.0, 6.0, 0), (7.0, 8.0, 1)]
    points, labels = prompts.stack_tokens([one, three], CPU)
    assert points.shape == (2, 3, 2)
    assert labels.tolist() == [[1, prompts.ABSENT, prompts.ABSENT], [1, 0, 1]]
    assert points[1].tolist() == [[3, 4], [5, 6], [7, 8]]


def test_no_objects_make_an_empty_batch() -> None:
    points, labels = prompts.stack_tokens([], CPU)
    assert points.shape == (0, 0, 2)
    assert labels.shape == (0, 0)
