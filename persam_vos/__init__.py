"""Cut an object out of a video: show it once, get its mask on every frame.

::

    import persam_vos

    for frame in persam_vos.track("video.mp4", "first_mask.png"):
        print(frame.name, frame.label_map.shape, frame.objects)

Names are loaded when they are first used, so that ``import persam_vos`` is instant.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .api import Tracker, TrackSummary, load_engine, track, track_to_folder
    from .batch.track_many import TrackJob, TrackOutcome, track_many
    from .batch.workers import EngineChoice
    from .config import MethodSettings
    from .datasets.catalog import open_split
    from .demo.files import DemoClip, write_demo
    from .errors import PersamVosError
    from .evaluation import evaluate, evaluate_predictions
    from .media.reference import ReferenceMasks
    from .scoring.folders import score_folders
    from .structures import Frame, ObjectResult, SourceInfo, TrackedFrame
    from .tracking.engine import Engine

    __version__: str

__all__ = [
    "DemoClip",
    "Engine",
    "EngineChoice",
    "Frame",
    "MethodSettings",
    "ObjectResult",
    "PersamVosError",
    "ReferenceMasks",
    "SourceInfo",
    "TrackJob",
    "TrackOutcome",
    "TrackSummary",
    "TrackedFrame",
    "Tracker",
    "__version__",
    "evaluate",
    "evaluate_predictions",
    "load_engine",
    "open_split",
    "score_folders",
    "track",
    "track_many",
    "track_to_folder",
    "write_demo",
]

_HOMES = {
    "DemoClip": "demo.files",
    "Engine": "tracking.engine",
    "EngineChoice": "batch.workers",
    "Frame": "structures",
    "MethodSettings": "config",
    "ObjectResult": "structures",
    "PersamVosError": "errors",
    "ReferenceMasks": "media.reference",
    "SourceInfo": "structures",
    "TrackJob": "batch.track_many",
    "TrackOutcome": "batch.track_many",
    "TrackSummary": "api",
    "TrackedFrame": "structures",
    "Tracker": "api",
    "evaluate": "evaluation",
    "evaluate_predictions": "evaluation",
    "load_engine": "api",
    "open_split": "datasets.catalog",
    "score_folders": "scoring.folders",
    "track": "api",
    "track_many": "batch.track_many",
    "track_to_folder": "api",
    "write_demo": "demo.files",
}


def __getattr__(name: str) -> object:
    """Load a public name from its home on first use (PEP 562)."""
    if name == "__version__":
        return version("persam-vos")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
