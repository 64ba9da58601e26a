"""States to trees of plain values and tensors, and back."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import torch

from persam_vos.runtime.state_tree import from_tree, to_tree


@dataclass(frozen=True)
class Inner:
    features: torch.Tensor
    dtype: torch.dtype
    size_hw: tuple[int, int]


@dataclass
class Outer:
    inner: Inner | None
    by_row: dict[int, torch.Tensor]
    flags: list[bool]
    several: tuple[Inner, ...] = ()
    _count: int = field(default=0)


def test_a_state_comes_back_with_its_own_tensors() -> None:
    inner = Inner(torch.arange(6.0).view(2, 3), torch.float16, (4, 5))
    state = Outer(inner, {17: torch.tensor([1, 2])}, [True, False], (inner,), 3)
    tree = to_tree(state)
    assert tree["inner"]["dtype"] == "float16"
    assert tree["inner"]["features"] is inner.features
    back = from_tree(Outer, tree)
    assert back.inner == inner and back.several == (inner,)
    assert back.by_row[17] is state.by_row[17] and back.flags == [True, False] and back._count == 3
    assert from_tree(Outer, to_tree(Outer(None, {}, []))).inner is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"by_row": []}, "state.by_row: got list, expected dict"),
        ({"flags": [1.5]}, "state.flags: got float, expected bool"),
        ({"inner": {"features": 3}}, "state.inner: got"),
        ({"other": 1}, "state: got"),
    ],
)
def test_what_is_no_such_state_is_refused(change: dict[str, object], message: str) -> None:
    tree = to_tree(Outer(None, {}, [])) | change
    with pytest.raises(ValueError, match="expected") as caught:
        from_tree(Outer, tree)
    assert str(caught.value).startswith(message)


def test_what_has_no_tree_is_refused() -> None:
    with pytest.raises(TypeError, match="no state tree: object"):
        to_tree([object()])
