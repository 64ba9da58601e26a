"""Objects are recognised by what they resemble on a frame where they are known."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from persam_vos.memory.portraits import Portrait, make_portrait, recognised

SIZE = 900
FIRST, SECOND = slice(100, 124), slice(500, 536)  # cells of two objects


def features(seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(SIZE, 24, generator=generator), dim=-1)


def share_of(*objects: slice) -> torch.Tensor:
    share = torch.zeros(SIZE)
    for cells in objects:
        share[cells] = 1
    return share


def portrait_of(cells: slice) -> Portrait:
    return make_portrait(features(), share_of(cells))


def every_fourth(start: int, count: int) -> torch.Tensor:
    """Cells that are compared with, if they lie beside the object."""
    return features()[start : start + 4 * count : 4]


def test_an_object_is_recognised_and_another_is_not() -> None:
    middle = features()
    assert recognised(middle[FIRST], (portrait_of(FIRST),)) == 1
    # The other object's cells meet themselves beside the first, as far as every fourth is kept.
    assert recognised(middle[SECOND][::4], (portrait_of(FIRST),)) == 0


def test_the_share_of_a_mask_that_lies_on_the_object_is_told() -> None:
    own = features()[FIRST]
    for background, expected in [(0, 1.0), (8, 0.75), (24, 0.5), (72, 0.25)]:
        asked = torch.cat([own, every_fourth(200, background)])
        assert recognised(asked, (portrait_of(FIRST),)) == expected


def test_an_object_that_changes_a_little_is_recognised() -> None:
    changed = F.normalize(features() + 0.5 * features(1), dim=-1)
    assert recognised(changed[FIRST], (portrait_of(FIRST),)) == 1


def test_the_best_of_several_portraits_decides() -> None:
    asked = features()[FIRST]
    strange = Portrait(features(1)[FIRST], features())
    assert recognised(asked, (strange,)) == 0
    assert recognised(asked, (strange, portrait_of(FIRST))) == 1
    assert recognised(asked, (portrait_of(FIRST), strange)) == 1


@pytest.mark.parametrize(
    ("asked", "own", "others", "expected"),
    [(0, 5, 5, 0.0), (5, 0, 5, 0.0), (5, 5, 0, 1.0), (0, 0, 0, 0.0)],
    ids=["empty mask", "unknown object", "nothing beside it", "nothing at all"],
)
def test_nothing_is_no_object(asked: int, own: int, others: int, expected: float) -> None:
    portrait = Portrait(features()[:own], features()[:others])
    assert recognised(features()[:asked], (portrait,)) == expected


def test_without_a_portrait_nothing_is_recognised() -> None:
    assert recognised(features(), ()) == 0


def test_every_cell_of_a_small_mask_is_asked() -> None:
    middle = features()
    asked = middle[:256]
    assert recognised(asked, (Portrait(asked[:255], middle[255:]),)) == 255 / 256


@pytest.mark.parametrize("size", [256, 257, 800])
def test_of_a_large_mask_cells_are_asked_from_all_over_it(size: int) -> None:
    middle = features()
    share = torch.zeros(SIZE)
    share[: size // 2] = 1
    first_half = Portrait(middle[share > 0], middle[share == 0])
    assert recognised(middle[:size], (first_half,)) == pytest.approx(0.5, abs=0.005)


def test_cells_at_the_outline_are_neither_on_the_object_nor_beside_it() -> None:
    middle, share = features(), share_of(FIRST)
    share[96:112:4] = torch.tensor([0.09, 0.5, 0.49, 0.1])
    portrait = make_portrait(middle, share)
    on = [i for i in range(100, 124) if i not in (104, 108)]
    beside = [i for i in range(0, SIZE, 4) if not 100 <= i < 124]
    assert torch.equal(portrait.own, middle[on])
    assert torch.equal(portrait.others, middle[beside])


def test_an_object_that_fills_no_cell_is_known_by_those_it_has_most_of() -> None:
    share = torch.zeros(SIZE)
    share[[10, 11, 12]] = torch.tensor([0.2, 0.05, 0.2])
    portrait = make_portrait(features(), share)
    assert torch.equal(portrait.own, features()[[10, 12]])
    assert recognised(features()[[10, 12]], (portrait,)) == 1


def test_an_object_that_is_nowhere_has_no_cells() -> None:
    assert not len(make_portrait(features(), torch.zeros(SIZE)).own)
