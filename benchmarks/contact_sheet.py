"""The clips that a method does worst on, as one picture: truth and masks of six frames each.

python -m benchmarks.contact_sheet --clips FOLDER --masks FOLDER/VARIANT [--output FILE.jpg]

``--masks`` is a folder that `benchmarks.accuracy --masks` wrote. The six frames of a clip are its
worst, apart from each other, in order of time.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks.clips import Clip, find_clips
from benchmarks.sheets import Row, outlined, write_sheet
from persam_vos.evaluation.report_pictures import worst_frames
from persam_vos.scoring.label_files import read_label_file
from persam_vos.scoring.sequence import SequenceScore, score_sequence
from persam_vos.structures import LabelMap

_FRAMES = 6
_PICTURE_WIDTH = 325  # six of them: 1980 pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, required=True, help="folder of the development sets")
    parser.add_argument("--masks", type=Path, required=True, help="folder of a folder per clip")
    parser.add_argument("--only", nargs="*", default=(), help="names of clips")
    parser.add_argument("--count", type=int, default=5, help="clips to show")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/worst.jpg"))
    args = parser.parse_args()
    scored = []
    for clip in find_clips(args.clips, tuple(args.only)):
        if (args.masks / clip.name).is_dir():
            scored.append((score_masks(clip, args.masks), clip))
    worst = sorted(scored, key=lambda pair: pair[0].jf_mean)[: args.count]
    head = f"the worst of {len(scored)} clips ({args.masks.name}); truth: blue, mask: pink"
    write_sheet(args.output, head, [row(clip, score, args.masks) for score, clip in worst])


def score_masks(clip: Clip, masks: Path) -> SequenceScore:
    """Score the masks of a clip, the first and the last frame left out."""
    inner = range(1, len(clip.images) - 1)
    return score_sequence(
        ((read_mask(clip, masks, index), clip.labels(index)) for index in inner),
        [int(i) for i in np.unique(clip.labels(0)) if i],
        name=clip.name,
        frame_names=[str(index) for index in inner],
    )


def read_mask(clip: Clip, masks: Path, index: int) -> LabelMap:
    """Read the label map that was written for a frame."""
    return read_label_file(masks / clip.name / f"{clip.images[index].stem}.png")


def row(clip: Clip, score: SequenceScore, masks: Path) -> Row:
    """Draw the worst frames of a clip, the mean over its objects deciding."""
    region, boundary = score.region.mean(1), score.boundary.mean(1)  # (T,)
    shown = sorted(worst_frames(region.tolist(), boundary.tolist(), _FRAMES))
    indices = [int(score.frame_names[k]) for k in shown]
    return Row(
        f"{clip.name}: J {100 * region.mean():.1f}, F {100 * boundary.mean():.1f}, "
        f"J&F {100 * score.jf_mean:.1f}",
        [
            outlined(
                clip.frame(index).image,
                clip.labels(index),
                read_mask(clip, masks, index),
                width=_PICTURE_WIDTH,
            )
            for index in indices
        ],
        [
            f"frame {index}: J {100 * region[k]:.0f}, F {100 * boundary[k]:.0f}"
            for k, index in zip(shown, indices, strict=True)
        ],
    )


if __name__ == "__main__":
    main()
