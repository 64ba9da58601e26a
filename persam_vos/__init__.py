"""Cut an object out of a video: show it once, on one frame, and get its mask on every frame.

>>> import persam_vos
>>> for frame in persam_vos.track("clip.mp4", "first_mask.png", engine=engine):
...     print(frame.name, frame.label_map.shape, len(frame.objects))
00000 (90, 160) 3
00001 (90, 160) 3

Names are loaded when they are first used, so that ``import persam_vos`` is instant. What goes on is
told to the logger ``persam_vos``, which is silent until it is given a handler.
"""

from __future__ import annotations

import logging
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .api import fit_target, load_engine, track, track_to_folder
    from .batch import track_many
    from .checking.check import check
    from .config import MethodSettings
    from .errors import PersamVosError
    from .evaluation import evaluate
    from .media.reference_prompts import Prompt
    from .photos.request import ReferencePhoto, SegmentRequest
    from .photos.run import segment, segment_to_folder
    from .photos.settings import PhotoSettings
    from .request import EngineChoice, TrackRequest
    from .runs.outcome import TrackSummary
    from .structures import Frame, ObjectResult, TrackedFrame
    from .targets.target import Target
    from .tracking.engine import Engine
    from .tracking.live import Tracker

    __version__: str

__all__ = [
    "Engine",
    "EngineChoice",
    "Frame",
    "MethodSettings",
    "ObjectResult",
    "PersamVosError",
    "PhotoSettings",
    "Prompt",
    "ReferencePhoto",
    "SegmentRequest",
    "Target",
    "TrackRequest",
    "TrackSummary",
    "TrackedFrame",
    "Tracker",
    "check",
    "evaluate",
    "fit_target",
    "load_engine",
    "segment",
    "segment_to_folder",
    "track",
    "track_many",
    "track_to_folder",
]

logging.getLogger(__name__).addHandler(logging.NullHandler())

_HOMES = {
    "Engine": "tracking.engine",
    "EngineChoice": "request",
    "Frame": "structures",
    "MethodSettings": "config",
    "ObjectResult": "structures",
    "PersamVosError": "errors",
    "PhotoSettings": "photos.settings",
    "Prompt": "media.reference_prompts",
    "ReferencePhoto": "photos.request",
    "SegmentRequest": "photos.request",
    "Target": "targets.target",
    "TrackRequest": "request",
    "TrackSummary": "runs.outcome",
    "TrackedFrame": "structures",
    "Tracker": "tracking.live",
    "check": "checking.check",
    "evaluate": "evaluation",
    "fit_target": "api",
    "load_engine": "api",
    "segment": "photos.run",
    "segment_to_folder": "photos.run",
    "track": "api",
    "track_many": "batch",
    "track_to_folder": "api",
}


def __getattr__(name: str) -> object:
    """Load a public name from its home on first use (PEP 562)."""
    if name == "__version__":
        return version("persam-vos")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
