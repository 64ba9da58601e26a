"""The files that examples in the documents speak of: small videos, masks and data sets."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
from one_shot_trees import write_perseg
from PIL import Image

from persam_vos.demo.render import render_demo
from persam_vos.demo.write import write_demo
from persam_vos.media.label_png import write_label_png
from persam_vos.structures import LabelMap, RgbImage

WHOLE = ("first_mask.png", "m.png", "fixed.png", "labels.png")
LISTS = {"DAVIS": ("2016/val", "2017/val"), "davis16-dev": (), "my-clips": ()}
CLIPS = ("bear", "dog")


def fill_scene(folder: Path, examples: str) -> None:
    """Write what examples name: videos of two frames, or of as many as they count.

    A predictions folder called ``masks`` holds masks of the data sets' clips, unless the examples
    take first masks from there.
    """
    named = re.findall(r"--start-frame (\d+)|--mask (\d+)|start_frame=(\d+)|(\d+): {", examples)
    count = max((int(number) for found in named for number in found if number), default=0) + 2
    clip = write_demo(folder / "demo-clip", frame_count=count)
    frames = list(render_demo(3))  # of three the one in the middle is scored
    for video in ("video.mp4", "a.mp4", "b.mp4"):
        shutil.copy(clip.video, folder / video)
    _write_masks(folder, frames[0][1])
    _write_photo(folder, *frames[0])
    for images in ("frames", "shots"):
        _write_images(folder / images, frames[:2])
    for root, lists in LISTS.items():
        _write_dataset(folder / root, frames, lists)
    if "PerSeg" in examples:
        write_perseg(folder / "PerSeg", objects=("cat",), photos=2)
    if "{name}" in examples:
        for video in ("a", "b"):
            _write_label(folder / "masks" / f"{video}.png", frames[0][1])
    else:
        shutil.copytree(folder / "DAVIS" / "Annotations" / "480p", folder / "masks")


def _write_masks(folder: Path, labels: LabelMap) -> None:
    for name in WHOLE:
        write_label_png(folder / name, labels)
    for object_id, name in enumerate(("cat.png", "dog.png"), 1):
        write_label_png(folder / name, (labels == object_id).astype(np.uint8))


def _write_photo(folder: Path, image: RgbImage, labels: LabelMap) -> None:
    Image.fromarray(image).save(folder / "photo.jpg")
    write_label_png(folder / "photo.png", (labels == 1).astype(np.uint8))


def _write_label(path: Path, labels: LabelMap) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_label_png(path, labels)


def _write_images(folder: Path, frames: list[tuple[RgbImage, LabelMap]]) -> None:
    folder.mkdir(parents=True)
    for index, (image, _) in enumerate(frames):
        Image.fromarray(image).save(folder / f"{index:05d}.jpg")


def _write_dataset(
    root: Path, frames: list[tuple[RgbImage, LabelMap]], lists: tuple[str, ...]
) -> None:
    for clip in CLIPS:
        _write_images(root / "JPEGImages" / "480p" / clip, frames)
        for index, (_, labels) in enumerate(frames):
            _write_label(root / "Annotations" / "480p" / clip / f"{index:05d}.png", labels)
    for name in lists:
        path = root / "ImageSets" / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(CLIPS))
