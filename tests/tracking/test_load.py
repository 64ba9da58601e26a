"""From a choice to an engine: what does not fit is refused early, cores are shared on request."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from persam_vos.encoders.dino_vit import DinoShape, DinoViT
from persam_vos.errors import UsageError, WeightsError
from persam_vos.request import EngineChoice
from persam_vos.structures import Frame
from persam_vos.tracking import engine as engine_module
from persam_vos.tracking.load import load_choice


@pytest.mark.parametrize(
    ("choice", "error", "message"),
    [
        (EngineChoice(device="tpu"), UsageError, "device: got 'tpu'"),
        (EngineChoice(device="cpu", weights="sam-9000"), UsageError, "sam-9000"),
        (
            EngineChoice(device="cpu", backend="tpu", checkpoint=Path("nothing.pt")),
            UsageError,
            "backend: got 'tpu'",
        ),
        (EngineChoice(device="cpu", checkpoint=Path("nothing.pt")), WeightsError, "nothing.pt"),
        (EngineChoice(device="cpu", encoder_checkpoint=Path("no.pth")), WeightsError, r"no\.pth"),
    ],
    ids=["device", "weights", "backend before weights", "checkpoint", "encoder"],
)
def test_a_wrong_choice_is_refused(
    choice: EngineChoice, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        load_choice(choice)


@pytest.mark.parametrize(
    ("backend", "few", "share"),
    [("torch", 0, 1.0), ("openvino", 0, 0.5), ("openvino", 999, 1.0)],
    ids=["torch", "many cores", "few cores, in turn"],
)
def test_torch_leaves_half_of_many_cores_to_an_encoder_with_threads_of_its_own(
    monkeypatch: pytest.MonkeyPatch, backend: str, few: int, share: float
) -> None:
    monkeypatch.setattr(engine_module, "_FEW_THREADS", few)
    choice = EngineChoice(backend=backend, device="cpu")
    cores, before = os.cpu_count() or 1, torch.get_num_threads()
    try:
        torch.set_num_threads(cores)
        for _ in range(2):  # not once more with every engine
            engine = load_choice(choice, share_cores=True)
        assert torch.get_num_threads() == max(1, int(share * cores))
        assert engine.overlaps == (few == 0)
    finally:
        torch.set_num_threads(before)


def test_an_unknown_encoder_is_refused() -> None:
    with pytest.raises(UsageError, match="encoder: got 'clip', expected one of sam, dinov2-small"):
        EngineChoice(encoder="clip")  # type: ignore[arg-type]  # on purpose


@pytest.mark.slow
def test_another_encoder_is_loaded_beside_sam_and_told(tmp_path: Path) -> None:
    shape = DinoShape("v2", 64, 1, 14, 3, 0, 128)
    torch.save(DinoViT(shape).state_dict(), tmp_path / "mine.pth")
    choice = EngineChoice(device="cpu", encoder_checkpoint=tmp_path / "mine.pth")
    engine = load_choice(choice)
    assert engine.weights["encoder"] == "mine.pth"
    picture = Frame(0, "", np.zeros((60, 80, 3), np.uint8), 0.0)
    encoded = engine.encode(picture)
    assert encoded.matching is not None
    height, width = encoded.features.shape[-2:]
    assert encoded.matching.shape == (1, 64, 2 * height, 2 * width)
