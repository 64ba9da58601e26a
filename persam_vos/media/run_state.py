"""The folder in an output that holds what a run needs to be gone on with."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from ..files.atomic import output_error, remove_unfinished
from .segmented_video import remove_segments

RESUME = ".resume"
"""The folder: entries of frames, checkpoints, segments of the overlay, and what the run is of."""
SEGMENTS = "overlay"
RUN = "run.json"
_FILES = (RUN, "names.txt", "*.jsonl", "*-done.json", "*.safetensors")


@dataclass(frozen=True, slots=True)
class Kept:
    """How much of an earlier run stays: frames of each half, and pictures of the overlay.

    Frames are counted in the order in which they were tracked, pictures in that of the video.
    """

    backward: int = 0
    forward: int = 0
    pictures: int = 0


def remove_state(folder: Path) -> None:
    """Remove what a run has put into the folder of its state, and that if it is empty then.

    Raises OutputError.
    """
    remove_unfinished(folder)
    try:
        for pattern in _FILES:
            for path in folder.glob(pattern):
                path.unlink(missing_ok=True)
        remove_segments(folder / SEGMENTS)
    except OSError as error:
        raise output_error(folder, error) from error
    with contextlib.suppress(OSError):
        folder.rmdir()
