"""DreamBooth on the subject alone: masks for photos, and a loss that only they weigh (section 3.4).

`masked_loss` needs torch alone; training needs the extra ``persam-vos[dreambooth]``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .loss import MinSnr, dreambooth_loss, masked_loss, min_snr_weights, per_sample_loss
    from .transforms import latent_mask

__all__ = [
    "MinSnr",
    "dreambooth_loss",
    "latent_mask",
    "masked_loss",
    "min_snr_weights",
    "per_sample_loss",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for: the command line's help needs no torch."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import loss, transforms

    return getattr(transforms if name == "latent_mask" else loss, name)
