"""Write the demo clip to files: a video, its first mask and its true masks."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from ..files.atomic import make_folder, output_error
from ..files.output import refuse_existing
from ..media.label_png import write_label_png
from ..media.video_writer import VideoWriter
from ..structures import SourceInfo
from .render import DEMO_FRAME_COUNT, DEMO_FRAMES_PER_SECOND, DEMO_SIZE_HW, render_demo


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

    Raises OutputError if any of these is already there and ``overwrite`` is not set, or cannot be
    written.
    """
    base = Path(folder)
    clip = DemoClip(base / "clip.mp4", base / "first_mask.png", base / "truth")
    frames = render_demo(frame_count)
    _clear(clip, overwrite=overwrite)
    info = SourceInfo(
        str(clip.video), "images", DEMO_SIZE_HW, frame_count, Fraction(DEMO_FRAMES_PER_SECOND)
    )
    with VideoWriter(clip.video, info) as writer:
        for index, (image, labels) in enumerate(frames):
            writer.write(image, index / DEMO_FRAMES_PER_SECOND)
            write_label_png(clip.truth / f"{index:05d}.png", labels)
            if index == 0:
                write_label_png(clip.first_mask, labels)
    return clip


def _clear(clip: DemoClip, *, overwrite: bool) -> None:
    """Make the folders, and remove an earlier clip if that is wanted."""
    if not overwrite:
        names = [path.name for path in (clip.video, clip.first_mask, clip.truth)]
        refuse_existing(clip.video.parent, names, expected="a folder without a clip")
    try:
        make_folder(clip.truth)
        for old in (*clip.truth.glob("*.png"), clip.first_mask, clip.video):
            old.unlink(missing_ok=True)
    except OSError as error:
        raise output_error(clip.video.parent, error) from error
