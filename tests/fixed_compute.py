"""A CPU that is used as a GPU is: what is done has fixed shapes."""

from __future__ import annotations

from persam_vos.device import Compute


class FixedCompute(Compute):
    """The CPU, used as a GPU is."""

    @property
    def records(self) -> bool:
        return True

    @property
    def scales_pictures(self) -> bool:
        return True
