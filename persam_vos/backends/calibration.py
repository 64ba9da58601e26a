"""What the layers of published encoders read, measured once: 8 bits need to know it beforehand.

``ranges.json`` is written by ``python -m benchmarks.ranges``.
"""

from __future__ import annotations

import json
from pathlib import Path

from torch import nn

from ..errors import WeightsError
from ..weights.convert import state_digest
from .int8 import Ranges

RANGES = Path(__file__).with_name("ranges.json")


def load_calibration(encoder: nn.Module) -> Ranges:
    """Return least and greatest number by the name of the layer of ``sam.export.Exportable``.

    Raises WeightsError if these weights were not measured.
    """
    known = json.loads(RANGES.read_text(encoding="utf-8"))
    weights = published_digest(encoder)
    if weights not in known:
        raise WeightsError(
            "the encoder in 8 bits",
            got="weights of which no ranges are known",
            expected="those of mobile-sam",
            remedy="use another backend",
        )
    return {name: (least, greatest) for name, (least, greatest) in known[weights].items()}


def published_digest(encoder: nn.Module) -> str:
    """Name weights by their linear layers, which are as published: nothing is folded into them."""
    state = {name: value for name, value in encoder.state_dict().items() if value.ndim == 2}
    return state_digest(state)[:16]
