"""Converted weights: read back as they were written, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from persam_vos.weights import convert
from persam_vos.weights.convert import read_converted, state_digest, write_converted

ORIGINALS = {"original.pt": "0" * 64}


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    return {"a.weight": torch.arange(6.0).view(2, 3), "a.bias": torch.ones(2)}


def test_what_was_written_is_read(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    path = tmp_path / "tiny.safetensors"
    write_converted(path, state, ORIGINALS)
    found = read_converted(path, ORIGINALS)
    assert found is not None
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in state.items())


def test_what_was_made_from_other_files_or_otherwise_is_not_read(
    tmp_path: Path, state: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "tiny.safetensors"
    assert read_converted(path, ORIGINALS) is None
    write_converted(path, state, ORIGINALS)
    assert read_converted(path, {"original.pt": "1" * 64}) is None
    monkeypatch.setattr(convert, "CONVERSION", convert.CONVERSION + 1)
    assert read_converted(path, ORIGINALS) is None


def test_a_cache_that_cannot_be_written_to_is_left_alone(
    tmp_path: Path, state: dict[str, torch.Tensor]
) -> None:
    (tmp_path / "file").touch()
    write_converted(tmp_path / "file" / "tiny.safetensors", state, ORIGINALS)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_digest_is_of_names_types_shapes_and_values(state: dict[str, torch.Tensor]) -> None:
    others = [
        state,
        {"b.weight": state["a.weight"], "a.bias": state["a.bias"]},
        state | {"a.bias": state["a.bias"].double()},
        state | {"a.weight": state["a.weight"].view(3, 2)},
        state | {"a.weight": state["a.weight"] + 1},
    ]
    assert len({state_digest(one) for one in others}) == len(others)
    assert state_digest(state) == state_digest(dict(reversed(state.items())))
    transposed = state["a.weight"].T.contiguous().T  # the same values, otherwise in memory
    assert state_digest(state | {"a.weight": transposed}) == state_digest(state)
