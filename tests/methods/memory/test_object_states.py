"""A row for each object: entered, corrected, put in another order, and taken away."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from persam_vos.methods.memory.object_states import ObjectStates, new_object_states, select_rows
from persam_vos.runtime.tensor_tree import tensors_of
from persam_vos.stages.targets import Appearance
from persam_vos.stages.thin_structures import Thinness

CELLS = 40


def features(seed: int) -> torch.Tensor:
    return F.normalize(torch.randn(CELLS, 8, generator=torch.Generator().manual_seed(seed)), dim=-1)


def masks(*spans: slice) -> torch.Tensor:
    probs = torch.zeros(len(spans), CELLS)
    for row, span in enumerate(spans):
        probs[row, span] = 1
    return probs


def states_of(ids: tuple[int, ...], *spans: slice, seed: int = 0) -> ObjectStates:
    numbers = torch.tensor(ids, dtype=torch.float32)
    appearance = Appearance(numbers[:, None].expand(-1, 3), numbers, -numbers)
    thinness = Thinness(numbers / 100, numbers / 200)
    coverage = masks(*spans).view(-1, 4, CELLS // 4)
    gaps, trusted = numbers / 1000, numbers[:, None] > torch.tensor([2, 6])
    return new_object_states(
        ids, appearance, features(seed), masks(*spans), thinness, coverage, gaps, trusted
    )


def test_an_object_begins_known_and_not_lost() -> None:
    states = states_of((7, 3), slice(0, 10), slice(20, 25))
    assert states.ids.tolist() == [7, 3]
    assert states.reference_cells.tolist() == [10, 5]
    assert not states.lost.any()
    assert states.usual_area.tolist() == [10, 5]
    assert states.propagated.flatten(1).sum(1).tolist() == [10.0, 5.0]
    assert torch.equal(states.propagated_slowly, states.propagated)
    assert states.trusted.tolist() == [[True, True], [True, False]]
    assert not states.offered.any()
    assert states.low_confidence_streak.tolist() == states.template_ages.tolist() == [0, 0]


def test_rows_are_taken_from_both_and_vacant_ones_are_zeros() -> None:
    old = states_of((7, 3), slice(0, 10), slice(20, 25))
    new = states_of((5, 3), slice(30, 34), slice(21, 24), seed=1)
    both = select_rows(old, new, [0, 3, 2], capacity=5)
    assert both.ids.tolist() == [7, 3, 5, 0, 0]
    assert both.reference_cells.tolist() == [10, 3, 4, 0, 0]
    assert both.appearance.own_similarity.tolist() == [7, 3, 5, 0, 0]
    got, expected = (one.reference_templates.foreground.features[1] for one in (both, new))
    torch.testing.assert_close(got, expected)
    for tensor in tensors_of(both):
        assert len(tensor) == 5
        assert not tensor[3:].any()


def test_some_rows_are_a_copy() -> None:
    old = states_of((7, 3), slice(0, 10), slice(20, 25))
    one = select_rows(None, old, [1], capacity=1)
    one.lost.fill_(True)
    assert one.ids.tolist() == [3]
    assert not old.lost.any()


def test_templates_are_updated_in_place_and_of_the_chosen_alone() -> None:
    states = select_rows(None, states_of((7, 3), slice(0, 10), slice(20, 25)), [0, 1], capacity=2)
    states.template_ages.fill_(12)
    kept = states.updated_templates.foreground.features.clone()
    where = states.updated_templates.foreground.features
    states.update_templates(
        torch.tensor([False, True]),
        features(5),
        masks(slice(0, 4), slice(10, 16)),
        torch.zeros(2, 2),
    )
    assert states.template_ages.tolist() == [12, 0]
    assert states.updated_templates.foreground.features is where
    torch.testing.assert_close(where[0], kept[0])
    valid = states.updated_templates.foreground.valid[1]
    torch.testing.assert_close(where[1][valid], features(5)[10:16])
    assert int(states.reference_templates.foreground.valid[1].sum()) == 5, "stays as it was"
