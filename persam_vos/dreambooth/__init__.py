"""DreamBooth on the subject alone: masks for photos, and a loss that only they weigh (section 3.4).

`masked_loss` needs torch alone; training needs the extra ``persam-vos[dreambooth]``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .loss import MinSnr, dreambooth_loss, masked_loss, min_snr_weights, per_sample_loss
    from .transforms import latent_mask

_HOMES = {
    "MinSnr": "loss",
    "dreambooth_loss": "loss",
    "latent_mask": "transforms",
    "masked_loss": "loss",
    "min_snr_weights": "loss",
    "per_sample_loss": "loss",
}

__all__ = [
    "MinSnr",
    "dreambooth_loss",
    "latent_mask",
    "masked_loss",
    "min_snr_weights",
    "per_sample_loss",
]


def __getattr__(name: str) -> object:
    """Load a public name from its home on first use, so that a command's help needs no torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
