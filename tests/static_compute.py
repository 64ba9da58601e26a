"""A CPU that is used as a GPU is: in static shapes."""

from __future__ import annotations

from persam_vos.runtime.device import Compute


class StaticCompute(Compute):
    """The CPU, used as a GPU is."""

    @property
    def static_shapes(self) -> bool:
        return True

    @property
    def resizes_on_device(self) -> bool:
        return True
