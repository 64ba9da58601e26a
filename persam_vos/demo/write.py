"""Write the demo clip to files: a video, its first mask and its true masks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from ..files.atomic import make_folder, output_error, write_texts
from ..files.limits import read_json
from ..files.output import inside, replaceable
from ..media.label_png import write_label_png
from ..media.video_writer import VideoWriter
from ..structures import SourceInfo
from .render import DEMO_FRAME_COUNT, DEMO_FRAMES_PER_SECOND, DEMO_SIZE_HW, render_demo

LISTING = "clip.json"
"""Lists the files of a demo clip, so that a later one may replace them and nothing else."""


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

    ``clip.json`` lists them. Raises OutputError if any of these is already there and ``overwrite``
    is not set, if one was not written by an earlier demo, or if one cannot be written.
    """
    base = Path(folder)
    clip = DemoClip(base / "clip.mp4", base / "first_mask.png", base / "truth")
    frames = render_demo(frame_count)
    _clear(base, clip, frame_count, overwrite=overwrite)
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


def _clear(base: Path, clip: DemoClip, frame_count: int, *, overwrite: bool) -> None:
    """Make the folders, list what will be in them, and remove an earlier clip if wanted."""
    there = [clip.video, clip.first_mask, base / LISTING, *clip.truth.glob("*.png")]
    old = replaceable(
        base, there, own=_own_files(base), overwrite=overwrite, expected="a folder without a clip"
    )
    make_folder(clip.truth)
    masks = [clip.truth / f"{index:05d}.png" for index in range(frame_count)]
    files = [path.relative_to(base).as_posix() for path in (clip.video, clip.first_mask, *masks)]
    try:
        for path in old:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise output_error(base, error) from error
    write_texts(base, {LISTING: json.dumps({"files": files}, indent=1) + "\n"})


def _own_files(base: Path) -> frozenset[Path]:
    """Return the files that an earlier demo lists."""
    try:
        files = read_json(base / LISTING)["files"]
        return inside(base, [LISTING, *files])
    except (OSError, ValueError, KeyError, TypeError):
        return frozenset()
