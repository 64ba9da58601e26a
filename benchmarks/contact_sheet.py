"""The clips that a method does worst on, as one picture: six frames of each, with what is wrong.

python -m benchmarks.contact_sheet --clips FOLDER --masks FOLDER/VARIANT [--worst 10]
    [--sets NAME ...] [--output FILE.jpg]

``--masks`` is a folder that `benchmarks.accuracy --masks` wrote. The frames are spread over the
clip: the worst of each sixth of it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.clips import SETS, Clip, find_clips
from benchmarks.sheets import COLOURS_OF_MISTAKES, Row, mistakes, write_sheet
from persam_vos.scoring.label_files import read_label_file
from persam_vos.scoring.sequence import SequenceScore, score_sequence
from persam_vos.structures import LabelMap

_FRAMES = 6
_PICTURE_WIDTH = 240  # six of them: 1468 pixels
_MOST_BYTES = 600_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, required=True, help="folder of the development sets")
    parser.add_argument("--sets", nargs="*", default=SETS, help="names of sets in it")
    parser.add_argument("--masks", type=Path, required=True, help="folder of a folder per clip")
    parser.add_argument("--only", nargs="*", default=(), help="names of clips")
    parser.add_argument("--worst", type=int, default=10, help="clips to show")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/worst.jpg"))
    args = parser.parse_args()
    scored = [
        (score_masks(clip, args.masks), clip)
        for clip in find_clips(args.clips, tuple(args.only), sets=args.sets)
        if has_masks(clip, args.masks)
    ]
    if not scored:
        parser.error(f"{args.masks} has all masks of none of these clips")
    worst = sorted(scored, key=lambda pair: pair[0].jf_mean)[: args.worst]
    head = f"the {len(worst)} worst of {len(scored)} clips ({args.masks.name}); "
    rows = [row(clip, score, args.masks) for score, clip in worst]
    write_sheet(args.output, head + COLOURS_OF_MISTAKES, rows, most_bytes=_MOST_BYTES)


def has_masks(clip: Clip, masks: Path) -> bool:
    """Return whether all masks of a clip were written; say so if only some were."""
    written = [mask_path(clip, masks, index).exists() for index in range(len(clip.images))]
    if any(written) and not all(written):
        print(f"left out: {clip.name}, of which {sum(written)} of {len(written)} masks are there")
    return bool(written) and all(written)


def score_masks(clip: Clip, masks: Path) -> SequenceScore:
    """Score the masks of a clip, the first and the last frame left out."""
    inner = range(1, len(clip.images) - 1)
    return score_sequence(
        ((read_mask(clip, masks, index), clip.labels(index)) for index in inner),
        [int(i) for i in np.unique(clip.labels(0)) if i],
        name=clip.name,
        frame_names=[str(index) for index in inner],
    )


def mask_path(clip: Clip, masks: Path, index: int) -> Path:
    """Return where the label map of a frame is written."""
    return masks / clip.name / f"{clip.images[index].stem}.png"


def read_mask(clip: Clip, masks: Path, index: int) -> LabelMap:
    """Read the label map that was written for a frame."""
    return read_label_file(mask_path(clip, masks, index))


def worst_of_each_part(region: Sequence[float], boundary: Sequence[float], count: int) -> list[int]:
    """Return the positions of the worst frame of each of ``count`` parts, in order.

    ``region`` and ``boundary`` are (T,) J and F; the lowest J is the worst, F and then the earlier
    frame decide ties. Fewer frames than ``count`` are all returned.
    """
    parts = np.array_split(np.arange(len(region)), min(count, len(region)))
    return [min(part.tolist(), key=lambda k: (region[k], boundary[k], k)) for part in parts]


def row(clip: Clip, score: SequenceScore, masks: Path) -> Row:
    """Draw the worst frame of each part of a clip, the mean over its objects deciding."""
    region, boundary = score.region.mean(1), score.boundary.mean(1)  # (T,)
    shown = worst_of_each_part(region.tolist(), boundary.tolist(), _FRAMES)
    indices = [int(score.frame_names[k]) for k in shown]
    return Row(
        f"{clip.name}: J {100 * region.mean():.1f}, F {100 * boundary.mean():.1f}, "
        f"J&F {100 * score.jf_mean:.1f}",
        [
            mistakes(
                clip.frame(index).image,
                clip.labels(index),
                read_mask(clip, masks, index),
                width=_PICTURE_WIDTH,
            )
            for index in indices
        ],
        [
            f"{index}: J {100 * region[k]:.0f}, F {100 * boundary[k]:.0f}"
            for k, index in zip(shown, indices, strict=True)
        ],
    )


if __name__ == "__main__":
    main()
