"""Build a photo set of clips and photos that lie beside the project, in PerSeg's layout.

python -m benchmarks.photo_set --clips FOLDER --output FOLDER

Of each clip of davis16-dev and davis16-new frame 0 is the reference; the frames at 1/4, 1/2, 3/4
and the end of the clip are photos, each by itself, and so are their objects, pasted over another
clip: another scene and size, half of them mirrored. The subjects of personalized-images come as
they are. Never committed: the pictures are others'.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from benchmarks.clips import Clip, find_clips
from benchmarks.pasting import pasted
from persam_vos.structures import LabelMap, RgbImage

CLIP_SETS = ("davis16-dev", "davis16-new")
PHOTOS = "personalized-images"
Kind = Literal["same clip", "pasted", "photo"]
_INDEX = "photo_set.json"
_RED = [0, 0, 0, 128, 0, 0]  # the palette of PerSeg's masks


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture of a subject and its true mask."""

    image_path: Path
    mask_path: Path
    kind: Kind

    def image(self) -> RgbImage:
        """Read the picture, (H, W, 3) uint8."""
        return np.asarray(Image.open(self.image_path).convert("RGB"))

    def labels(self) -> LabelMap:
        """Read the labels, (H, W) uint8, 1 on the subject."""
        return (np.asarray(Image.open(self.mask_path)) > 0).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Subject:
    """An object, its reference, and the photos to find it in."""

    set_name: str
    name: str
    reference: Photo
    photos: tuple[Photo, ...]


def build(clips: Path, output: Path) -> None:
    """Build the set; pictures that are there already are written again."""
    found = find_clips(clips, sets=CLIP_SETS)
    subjects = {
        clip.name: _of_clip(clip, found, number, output) for number, clip in enumerate(found)
    }
    for folder in sorted((clips / PHOTOS / "Images").iterdir()):
        target = output / "Images" / folder.name
        shutil.copytree(folder, target, dirs_exist_ok=True)
        shutil.copytree(
            clips / PHOTOS / "Annotations" / folder.name,
            output / "Annotations" / folder.name,
            dirs_exist_ok=True,
        )
        count = len([*target.glob("*.jpg")])
        subjects[folder.name] = {"set": PHOTOS, "kinds": ["photo"] * count}
    (output / _INDEX).write_text(json.dumps(subjects, indent=1) + "\n")


def read_set(folder: Path) -> list[Subject]:
    """Read a set that `build` built."""
    subjects = []
    for name, facts in json.loads((folder / _INDEX).read_text()).items():
        pictures = [
            Photo(
                folder / "Images" / name / f"{number:02}.jpg",
                folder / "Annotations" / name / f"{number:02}.png",
                kind,
            )
            for number, kind in enumerate(facts["kinds"])
        ]
        subjects.append(Subject(facts["set"], name, pictures[0], tuple(pictures[1:])))
    return subjects


def _of_clip(clip: Clip, clips: Sequence[Clip], number: int, output: Path) -> dict[str, object]:
    """Write the reference and the photos of a clip's object."""
    random = np.random.default_rng(number)
    others = [other for other in clips if other.name != clip.name]
    last = len(clip.images) - 1
    quarters = (last // 4, last // 2, 3 * last // 4, last)
    shown = [index for index in quarters if clip.labels(index).any()]
    kinds: list[Kind] = []
    images, masks = output / "Images" / clip.name, output / "Annotations" / clip.name
    for folder in (images, masks):
        folder.mkdir(parents=True, exist_ok=True)
    for index in (0, *shown):
        shutil.copyfile(clip.images[index], images / f"{len(kinds):02}.jpg")
        _save_mask(masks / f"{len(kinds):02}.png", clip.labels(index))
        kinds.append("same clip")
    for index in shown:
        behind = others[int(random.integers(len(others)))]
        scene = behind.frame(int(random.integers(len(behind.images)))).image
        image, labels = pasted(clip, index, scene, random)
        Image.fromarray(image).save(images / f"{len(kinds):02}.jpg", quality=95)
        _save_mask(masks / f"{len(kinds):02}.png", labels)
        kinds.append("pasted")
    return {"set": clip.set_name, "kinds": kinds}


def _save_mask(path: Path, labels: LabelMap) -> None:
    picture = Image.fromarray((labels > 0).astype(np.uint8))
    picture.putpalette(_RED)
    picture.save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, required=True, help="folder of the development sets")
    parser.add_argument("--output", type=Path, default=Path("runs/photo_set"))
    args = parser.parse_args()
    build(args.clips, args.output)
    subjects = read_set(args.output)
    count = sum(len(one.photos) for one in subjects)
    print(f"{len(subjects)} subjects, {count} photos: {args.output}")


if __name__ == "__main__":
    main()
