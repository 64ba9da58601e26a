"""When states are saved, which are kept; tests/runs goes on from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from persam_vos.tracking.checkpoints import spread


def kept(counts: range, keep: int) -> list[int]:
    """What is left when checkpoints come one after another."""
    there: dict[int, Path] = {}
    for count in counts:
        there[count] = Path(str(count))
        for path in spread(there, keep):
            del there[int(path.name)]
    return list(there)


@pytest.mark.parametrize("keep", [1, 2, 4, 7])
@pytest.mark.parametrize("length", [1, 10, 100, 1000])
def test_the_last_one_stays_and_others_are_spread_before_it(keep: int, length: int) -> None:
    left = kept(range(1, length + 1), keep)
    assert len(left) == min(keep, length)
    assert left[-1] == length
    gaps = [after - before for before, after in zip([0, *left], left, strict=False)]
    assert max(gaps) <= max(1, 2 * length / keep)
