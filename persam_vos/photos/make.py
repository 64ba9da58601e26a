"""Make the method that was chosen for photos."""

from __future__ import annotations

from ..tracking.engine import Engine
from .match import MatchPhotos
from .method import PhotoMethod
from .persam import PersamPhotos
from .persam_upstream import UpstreamPhotos
from .settings import PhotoSettings


def new_photo_method(engine: Engine, settings: PhotoSettings | None = None) -> PhotoMethod:
    """Make a method without objects; ``engine`` is one of ``settings.engine_settings()``."""
    settings = settings or PhotoSettings()
    if settings.method == "match":
        return MatchPhotos(engine, settings)
    if settings.recipe == "upstream":
        return UpstreamPhotos(engine, settings)
    return PersamPhotos(engine, settings)
