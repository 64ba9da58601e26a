"""Randomness by counting: whatever is drawn depends on the seed and on what it is drawn for alone.

So a run that goes on from step k draws what it would have drawn without a break: there is no state
of generators, or of a sampler, to be saved.
"""

from __future__ import annotations

import numpy as np
import torch


def mixed_seed(seed: int, purpose: str, *numbers: int) -> int:
    """Return a seed of 63 bits for a purpose and what it is counted by, a step or a photo."""
    words = (seed, *purpose.encode(), *numbers)
    return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0] >> np.uint64(1))


def generator(seed: int, purpose: str, *numbers: int) -> torch.Generator:
    """Return a generator on the CPU with that seed: the same numbers whatever device trains."""
    return torch.Generator().manual_seed(mixed_seed(seed, purpose, *numbers))


def shuffled_index(number: int, count: int, seed: int, purpose: str) -> int:
    """Return which of ``count`` photos is the ``number``-th: each once in a round."""
    turn, place = divmod(number, count)
    order = torch.randperm(count, generator=generator(seed, purpose, turn))
    return int(order[place])
