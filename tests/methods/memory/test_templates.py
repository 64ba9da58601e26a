"""Objects are recognised by what they resemble on a frame where they are known."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from persam_vos.methods.memory.templates import (
    Samples,
    Templates,
    look_alikes,
    make_templates,
    recognised_fraction,
    sample,
    unpad,
)

SIZE = 900
FIRST, SECOND = slice(100, 124), slice(500, 536)  # cells of two objects


def features(seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(SIZE, 24, generator=generator), dim=-1)


def mask_of(*objects: slice) -> torch.Tensor:
    """The mask_probs of one object that fills some cells: (1, SIZE)."""
    mask_probs = torch.zeros(1, SIZE)
    for cells in objects:
        mask_probs[0, cells] = 1
    return mask_probs


def template_of(cells: slice) -> Templates:
    return make_templates(features(), mask_of(cells))


def all_of(cells: torch.Tensor) -> Samples:
    """Samples of one object, all valid."""
    return Samples(cells[None], torch.ones(1, len(cells), dtype=torch.bool))


def query(cells: torch.Tensor) -> Samples:
    """Samples of a mask that covers some cells and nothing else."""
    return sample(cells, torch.ones(1, len(cells), dtype=torch.bool))


def valid(samples: Samples) -> torch.Tensor:
    """The valid samples of the only object."""
    return samples.features[0][samples.valid[0]]


def every_fourth(start: int, count: int) -> torch.Tensor:
    """Features that are compared with, if they lie beside the object."""
    return features()[start : start + 4 * count : 4]


def test_an_object_is_recognised_and_another_is_not() -> None:
    s8 = features()
    assert recognised_fraction(query(s8[FIRST]), [template_of(FIRST)]).tolist() == [1]
    # The other object's cells meet themselves beside the first, as far as every fourth is kept.
    assert recognised_fraction(query(s8[SECOND][::4]), [template_of(FIRST)]).tolist() == [0]


def test_each_object_is_held_against_its_own_template() -> None:
    s8, mask_probs = features(), torch.cat([mask_of(FIRST), mask_of(SECOND)])
    templates = make_templates(s8, mask_probs)
    assert recognised_fraction(sample(s8, mask_probs > 0), [templates]).tolist() == [1, 1]
    nine = recognised_fraction(sample(s8, mask_probs.flip(0) > 0), [templates])
    assert nine.tolist() == pytest.approx([0, 0], abs=0.76), "every fourth meets itself"
    assert nine.amax() < 1


def test_the_fraction_of_a_mask_that_lies_on_the_object_is_returned() -> None:
    own = features()[FIRST]
    for background, expected in [(0, 1.0), (8, 0.75), (24, 0.5), (72, 0.25)]:
        cells = torch.cat([own, every_fourth(200, background)])
        assert recognised_fraction(query(cells), [template_of(FIRST)]).tolist() == [expected]


def test_an_object_that_changes_a_little_is_recognised() -> None:
    changed = F.normalize(features() + 0.5 * features(1), dim=-1)
    assert recognised_fraction(query(changed[FIRST]), [template_of(FIRST)]).tolist() == [1]


def test_the_best_of_several_templates_decides() -> None:
    own = query(features()[FIRST])
    strange = Templates(all_of(features(1)[FIRST]), all_of(features()))
    assert recognised_fraction(own, [strange]).tolist() == [0]
    assert recognised_fraction(own, [strange, template_of(FIRST)]).tolist() == [1]
    assert recognised_fraction(own, [template_of(FIRST), strange]).tolist() == [1]


@pytest.mark.parametrize("leave_out", [False, True], ids=["empty places", "no places"])
@pytest.mark.parametrize(
    ("count", "own", "others", "expected"),
    [(0, 5, 5, 0.0), (5, 0, 5, 0.0), (5, 5, 0, 1.0), (0, 0, 0, 0.0)],
    ids=["empty mask", "unknown object", "nothing beside it", "nothing at all"],
)
def test_nothing_is_no_object(
    count: int, own: int, others: int, expected: float, leave_out: bool
) -> None:
    first = [
        sample(features(), torch.arange(SIZE)[None] < number) for number in (count, own, others)
    ]
    mask, *templates = map(unpad, first) if leave_out else first
    assert recognised_fraction(mask, [Templates(*templates)]).tolist() == [expected]


def test_every_cell_of_a_small_mask_is_sampled() -> None:
    s8 = features()
    mask = s8[:256]
    templates = Templates(all_of(mask[:255]), all_of(s8[255:]))
    assert recognised_fraction(query(mask), [templates]).tolist() == [255 / 256]


@pytest.mark.parametrize("size", [256, 257, 800])
def test_a_large_mask_is_sampled_all_over(size: int) -> None:
    s8 = features()
    half = size // 2
    first_half = Templates(all_of(s8[:half]), all_of(s8[half:]))
    assert float(recognised_fraction(query(s8[:size]), [first_half])) == pytest.approx(
        0.5, abs=0.005
    )


@pytest.mark.parametrize(("marked", "most"), [(0, 4), (3, 4), (4, 4), (5, 4), (8, 4), (900, 7)])
def test_at_most_so_many_are_sampled_in_their_order_and_evenly(marked: int, most: int) -> None:
    s8, places = features(), torch.randperm(SIZE, generator=torch.Generator().manual_seed(1))
    marks = torch.zeros(2, SIZE, dtype=torch.bool)
    marks[1, places[:marked]] = True
    samples = sample(s8, marks, most)
    assert samples.features.shape == (2, most, 24)
    assert not samples.valid[0].any()
    step = -(-marked // most) or 1
    expected = s8[marks[1]][::step]
    assert torch.equal(samples.features[1][samples.valid[1]], expected)
    assert unpad(samples).features.shape[1] == len(expected)


def test_cells_at_the_boundary_are_neither_on_the_object_nor_beside_it() -> None:
    s8, mask_probs = features(), mask_of(FIRST)
    mask_probs[0, 96:112:4] = torch.tensor([0.09, 0.5, 0.49, 0.1])
    templates = make_templates(s8, mask_probs)
    on = [i for i in range(100, 124) if i not in (104, 108)]
    beside = [i for i in range(0, SIZE, 4) if not 100 <= i < 124]
    assert torch.equal(valid(templates.foreground), s8[on])
    assert torch.equal(valid(templates.background), s8[beside])


def test_an_object_that_fills_no_cell_is_known_by_those_it_has_most_of() -> None:
    mask_probs = torch.zeros(1, SIZE)
    mask_probs[0, [10, 11, 12]] = torch.tensor([0.2, 0.05, 0.2])
    templates = make_templates(features(), mask_probs)
    assert torch.equal(valid(templates.foreground), features()[[10, 12]])
    assert recognised_fraction(query(features()[[10, 12]]), [templates]).tolist() == [1]


def test_an_object_that_is_nowhere_has_no_cells() -> None:
    assert not make_templates(features(), torch.zeros(1, SIZE)).foreground.valid.any()


def test_twins_are_alike_and_others_are_not() -> None:
    s8, masks = (
        features(),
        torch.cat(
            [
                mask_of(slice(100, 110)),
                mask_of(slice(200, 210)),
                mask_of(SECOND),
                torch.zeros(1, SIZE),
            ]
        ),
    )
    s8[200:210] = s8[100:110].flip(0)
    alike = look_alikes(make_templates(s8, masks).foreground)
    expected = torch.zeros(4, 4)
    expected[0, 1] = expected[1, 0] = 1
    assert torch.equal(alike, expected)


def test_many_cells_are_compared_by_some_of_them() -> None:
    s8 = features()
    s8[400:] = s8[:500].clone()
    masks = torch.cat([mask_of(slice(0, 400)), mask_of(slice(400, 800))])
    alike = look_alikes(make_templates(s8, masks).foreground)
    assert alike.tolist() == [[0, 1], [1, 0]]


def test_what_a_twin_has_is_not_beside_an_object() -> None:
    """Of two equal things, looks do not tell which one it is."""
    s8 = features()
    s8[500:524] = s8[FIRST]
    masks = torch.cat([mask_of(FIRST), mask_of(slice(500, 524))])
    found = sample(s8, masks.flip(0) > 0)
    assert max(recognised_fraction(found, [make_templates(s8, masks)])) < 0.8
    alike = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    assert min(recognised_fraction(found, [make_templates(s8, masks, alike)])) == 1
    assert max(recognised_fraction(found, [make_templates(s8, masks, alike / 3)])) < 0.8
