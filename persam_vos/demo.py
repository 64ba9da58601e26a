"""Write the demo clip to files: a video, its first mask and its true masks."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from .datasets.demo import DEMO_FRAME_COUNT, DEMO_FRAMES_PER_SECOND, DEMO_SIZE_HW, render_demo
from .errors import OutputError
from .media.atomic import make_folder
from .media.label_png import write_label_png
from .media.video_writer import VideoWriter
from .structures import SourceInfo


@dataclass(frozen=True, slots=True)
class DemoClip:
    """Where the files of the demo clip are; produced by `write_demo`."""

    video: Path
    first_mask: Path
    truth: Path


def write_demo(
    folder: str | Path, *, frame_count: int = DEMO_FRAME_COUNT, overwrite: bool = False
) -> DemoClip:
    """Render the demo clip into a folder: ``clip.mp4``, ``first_mask.png``, ``truth/*.png``.

    Raises OutputError if the clip is already there and ``overwrite`` is not set, or cannot be
    written.
    """
    base = Path(folder)
    clip = DemoClip(base / "clip.mp4", base / "first_mask.png", base / "truth")
    if clip.video.exists() and not overwrite:
        raise OutputError(
            f"demo in {base}",
            got="a clip that is already there",
            expected="an empty folder",
            remedy="choose another folder, or add --overwrite to replace it",
        )
    if clip.truth.is_dir():
        shutil.rmtree(clip.truth)
    make_folder(clip.truth)
    info = SourceInfo(
        str(clip.video), "images", DEMO_SIZE_HW, frame_count, Fraction(DEMO_FRAMES_PER_SECOND)
    )
    with VideoWriter(clip.video, info) as writer:
        for index, (image, labels) in enumerate(render_demo(frame_count)):
            writer.write(image, index / DEMO_FRAMES_PER_SECOND)
            write_label_png(clip.truth / f"{index:05d}.png", labels)
            if index == 0:
                write_label_png(clip.first_mask, labels)
    return clip
