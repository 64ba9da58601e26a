"""The calibration of published encoders: the range of what each layer reads, which int8 needs.

``calibration.json`` is written by ``python -m benchmarks.calibration``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from torch import nn

from ..errors import WeightsError
from ..weights.convert import state_digest

CALIBRATION = Path(__file__).with_name("calibration.json")

Calibration = Mapping[str, tuple[float, float]]
"""Least and greatest number that each layer to be quantized reads, by the name of its module in
``export.Exportable``; zero is between them. What lies outside is clipped."""


def load_calibration(encoder: nn.Module) -> Calibration:
    """Return the calibration of an encoder; raises WeightsError for weights that have none."""
    known = json.loads(CALIBRATION.read_text(encoding="utf-8"))
    weights = calibrated_digest(encoder)
    if weights not in known:
        raise WeightsError(
            "the encoder in int8",
            got="weights without a calibration",
            expected="those of mobile-sam",
            remedy="use another backend",
        )
    return {name: (least, greatest) for name, (least, greatest) in known[weights].items()}


def calibrated_digest(encoder: nn.Module) -> str:
    """Name weights by their linear layers, which are as published: nothing is folded into them."""
    state = {name: value for name, value in encoder.state_dict().items() if value.ndim == 2}
    return state_digest(state)[:16]
