"""A picture is encoded once, as long as it comes back soon."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch

from persam_vos.config import MethodSettings
from persam_vos.evaluation.one_shot import remembering
from persam_vos.evaluation.one_shot.remembering import RememberingEngine
from persam_vos.runtime.device import Compute
from persam_vos.structures import Encoded, Frame
from persam_vos.tracking.engine import Engine


def frame(value: int, index: int = 0) -> Frame:
    return Frame(index, f"{index}", np.full((4, 6, 3), value, np.uint8), 0.0)


def test_pictures_are_remembered_by_their_content(monkeypatch):
    asked = []
    monkeypatch.setattr(remembering, "PICTURES", 2)
    nothing = torch.zeros(1, 1, 1, 1)

    def encode(_, frames):
        asked.append(int(frames[0].image[0, 0, 0]))
        return [Encoded(frames[0], nothing, (16, 16), nothing)]

    monkeypatch.setattr(Engine, "encode_batch", encode)
    compute = Compute(torch.device("cpu"), torch.float32)
    engine = RememberingEngine.of(Engine(cast(Any, None), compute, MethodSettings()))
    answers = [engine.encode(frame(value, k)) for k, value in enumerate((1, 2, 1, 3, 1, 2))]
    assert asked == [1, 2, 3, 2]  # 2 was forgotten for 3
    assert [one.frame.index for one in answers] == list(range(6))
