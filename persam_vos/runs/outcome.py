"""What is known of a run into a folder as it begins, and when it has ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..media.reference_masks import ReferenceMasks
from ..media.visibility import Span
from ..runtime.profiler import StageTime
from ..tracking.engine import Engine
from ..tracking.target_refind import FoundAgain
from ..tracking.target_search import Sighting


@dataclass(frozen=True, slots=True)
class TrackSummary:
    """What a finished run wrote; produced by `track_to_folder`, consumed by the command line.

    ``absent`` has the first and last frame of each time that an object, by its id, was not seen;
    ``trace`` and ``stages`` say where the time went, if that was asked for; ``not_captured`` what
    ran slower on a GPU than it could, because it could not be captured as a graph, and why;
    ``exports`` are the files and folders of other formats that were asked for; ``sighting`` is what
    came of the search for a target, if there was one, and ``found_again`` what it found later.
    Where an earlier run was gone on with, ``kept_count`` of the frames are its, and ``note`` says
    more.
    """

    output: Path
    masks: Path
    overlay: Path | None
    log: Path
    frame_count: int
    object_ids: tuple[int, ...]
    wall_seconds: float
    warnings: tuple[str, ...]
    absent: dict[int, list[Span]] = field(default_factory=dict)
    trace: Path | None = None
    stages: tuple[StageTime, ...] = ()
    not_captured: dict[str, str] = field(default_factory=dict)
    exports: tuple[Path, ...] = ()
    sighting: Sighting | None = None
    found_again: tuple[FoundAgain, ...] = ()
    kept_count: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class TrackStart:
    """What is known when tracking begins; produced by `track_to_folder` for its ``on_start``.

    ``frame_count`` is the number of frames to come, None where nobody knows; ``size_hw`` is their
    height and width in pixels. ``warnings`` are sentences for the user on the input; ``sighting``
    is what came of the search for a target, if there was one. ``kept_count`` of the frames are
    there from an earlier run that is gone on with, and ``note`` says more on it.
    """

    frame_count: int | None
    size_hw: tuple[int, int]
    reference: ReferenceMasks
    engine: Engine
    warnings: tuple[str, ...] = ()
    sighting: Sighting | None = None
    kept_count: int = 0
    note: str = ""
