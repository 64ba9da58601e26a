"""Randomness depends on what it is counted by alone."""

from __future__ import annotations

import torch

from persam_vos.dreambooth.seeds import generator, mixed_seed, shuffled_index


def test_each_round_shows_every_photo_once_in_another_order() -> None:
    drawn = [shuffled_index(number, 5, 0, "instance") for number in range(20)]
    rounds = [drawn[first : first + 5] for first in range(0, 20, 5)]
    assert all(sorted(each) == list(range(5)) for each in rounds)
    assert len({tuple(each) for each in rounds}) > 1


def test_a_number_says_the_photo_whatever_was_drawn_before() -> None:
    assert shuffled_index(7, 5, 0, "instance") == shuffled_index(7, 5, 0, "instance")
    others = [shuffled_index(n, 5, 1, "instance") for n in range(10)]
    assert others != [shuffled_index(n, 5, 0, "instance") for n in range(10)]


def test_streams_of_other_steps_purposes_and_seeds_differ() -> None:
    seeds = {
        mixed_seed(seed, purpose, step, process)
        for seed in (0, 1)
        for purpose in ("noise", "dropout")
        for step in range(4)
        for process in (0, 1)
    }
    assert len(seeds) == 32
    first, second = (torch.randn(3, generator=generator(0, "noise", 5)) for _ in range(2))
    assert torch.equal(first, second)
