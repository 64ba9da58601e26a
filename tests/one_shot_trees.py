"""Small trees of the one-shot data sets, laid out to the letter, with masks that are known."""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from pycocotools import mask as coco_mask

from persam_vos.datasets.episodes import PixelMask, ShapeMask, Shot

Mask = npt.NDArray[np.bool_]


def pixels(shot: Shot) -> PixelMask:
    """The mask of a shot, which is in an image file."""
    assert isinstance(shot.mask, PixelMask)
    return shot.mask


def shapes(shot: Shot) -> tuple[Any, ...]:
    """The shapes of a shot's mask."""
    assert isinstance(shot.mask, ShapeMask)
    return shot.mask.segmentations


FSS_CLASSES = ("zebra_crossing", "abe's_flyingfish", "ab_wheel")  # unsorted, one with an apostrophe


def rectangle(size_hw: tuple[int, int], x0: int, y0: int, x1: int, y1: int) -> Mask:
    """A mask with rows y0 to y1 and columns x0 to x1 inside, ends exclusive."""
    mask = np.zeros(size_hw, np.bool_)
    mask[y0:y1, x0:x1] = True
    return mask


def write_picture(path: Path, mask: Mask, *, seed: int = 0) -> None:
    """A picture whose object is bright on a dark ground."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 40, (*mask.shape, 3))
    Image.fromarray((noise + 180 * mask[..., None]).astype(np.uint8)).save(path)


def write_png(path: Path, values: npt.NDArray[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values.astype(np.uint8)).save(path)


def write_pickle(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content, protocol=3))


def run_lengths(mask: Mask) -> dict[str, Any]:
    """COCO's compressed run lengths, their counts a string as in JSON."""
    runs = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(mask.shape), "counts": runs["counts"].decode()}


def polygon(x0: float, y0: float, x1: float, y1: float) -> list[float]:
    return [x0, y0, x1, y0, x1, y1, x0, y1]


def write_perseg(
    root: Path, objects: Sequence[str] = ("cat", "dog00", "can"), photos: int = 4
) -> Path:
    """Photos of 64 x 48; that of number k shows its object k pixels further right."""
    for name in objects:
        for k in range(photos):
            mask = rectangle((48, 64), 10 + k, 10, 30 + k, 30)
            write_picture(root / f"data/Images/{name}/{k:02d}.jpg", mask, seed=k)
            colour = np.zeros((48, 64, 3), np.uint8)
            colour[mask, 0] = 128
            write_png(root / f"data/Annotations/{name}/{k:02d}.png", colour)
    (root / "data/Annotations/.DS_Store").mkdir()
    return root


def write_fss(root: Path, classes: Sequence[str] = FSS_CLASSES, *, ends: str = "\r\n") -> Path:
    """Ten pairs of 32 x 32 a class; grey values of 127 are outside, of 128 inside."""
    folder = root / "FSS-1000"
    (folder / "splits").mkdir(parents=True)
    (folder / "splits/test.txt").write_bytes(ends.join(classes).encode())
    for name in classes:
        for k in range(1, 11):
            mask = rectangle((32, 32), k, 4, k + 12, 20)
            write_picture(folder / f"data/{name}/{k}.jpg", mask, seed=k)
            grey = np.where(mask, 128, 127)
            write_png(folder / f"data/{name}/{k}.png", np.repeat(grey[..., None], 3, axis=2))
    return root


def write_coco(root: Path, fold: int = 1, images: int = 4) -> dict[int, list[str]]:
    """One fold of COCO-20i: a pixel is its class + 1, and other classes are in the picture too."""
    folder = root / "COCO2014"
    names = [f"val2014/COCO_val2014_{k:012d}.jpg" for k in range(images)]
    listed: dict[int, list[str]] = {
        c: list(reversed(names)) if c % 4 == fold else [] for c in range(80)
    }
    write_pickle(folder / f"splits/val/fold{fold}.pkl", listed)
    for k, name in enumerate(names):
        values = np.zeros((30, 40))
        for c in range(fold, 80, 4):
            values[5:15, c // 4 * 2 : c // 4 * 2 + 2] = c + 1
        write_picture(folder / name, values > 0, seed=k)
        write_png((folder / "annotations" / name).with_suffix(".png"), values)
    return listed


def write_pascal5i(root: Path, fold: int = 1) -> list[tuple[str, int]]:
    """One fold of PASCAL-5i: two classes of three pictures, each with a strip that is void."""
    folder = root / "VOC2012"
    lines = [(f"2007_{k:06d}", 5 * fold + 1 + k % 2) for k in range(6)]
    (folder / "splits/val").mkdir(parents=True)
    text = "".join(f"{image}__{one:02d}\n" for image, one in lines)
    (folder / f"splits/val/fold{fold}.txt").write_text(text)
    for k, (image, one) in enumerate(lines):
        values = np.zeros((30, 40))
        values[5:15, 5:15] = one
        values[5:15, 15:20] = 255
        write_picture(folder / f"JPEGImages/{image}.jpg", values > 0, seed=k)
        write_png(folder / f"SegmentationClassAug/{image}.png", values)
    return lines


def write_lvis(root: Path, categories: int = 25) -> dict[int, dict[str, Any]]:
    """LVIS with categories of one and of three pictures; polygons, run lengths and arrays."""
    folder, size = root / "LVIS", (30, 40)
    content: dict[int, dict[str, Any]] = {}
    for position in range(categories):
        key = 1200 - position  # key order is not number order
        count = 1 if position % 5 == 4 else 3
        content[key] = {}
        for k in range(count):
            split = "train2017" if k == 2 else "val2017"
            shapes: list[Any] = [
                [polygon(2, 3, 10, 13), polygon(20, 3, 28, 13)],
                run_lengths(rectangle(size, 5, 15, 15, 25)),
                rectangle(size, 30, 20, 36, 28).astype(np.uint8),
            ]
            content[key][f"{split}/{position * 3 + k:012d}.jpg"] = {
                "annotations": [{"segmentation": one} for one in shapes],
                "height": 30,
            }
    write_pickle(folder / "lvis_val.pkl", content)
    for images in content.values():
        for k, name in enumerate(images):
            write_picture(folder / "coco" / name, rectangle(size, 2, 3, 10, 13), seed=k)
    return content


def write_paco(root: Path) -> dict[str, Any]:
    """PACO-Part with 448 train categories, of which four of fold 1 have pictures in val.

    Category 900 has three pictures, the first listed twice; picture 2 has two objects with it, the
    second with an empty box.
    """
    folder, size = root / "PACO-Part", (60, 80)
    keys = [1000 - k for k in range(448)]
    own = keys[1::4][:4]
    write_pickle(
        folder / "paco/paco_part_train.pkl",
        {"cid2img": {key: [] for key in keys}, "img2anno": {}},
    )
    paths = {k: f"coco/val2017/{k:012d}.jpg" for k in range(4)}
    order = [0, 1, 0, 2, 3]
    annotations: dict[int, list[dict[str, Any]]] = {}
    for k in paths:
        annotations[k] = [
            {"category_id": key, "obj_ann_id": 10 * k + j, "obj_bbox": box, "segmentation": shape}
            for key in own
            for j, (box, shape) in enumerate(
                [
                    ([10.7, 20.2, 30.6, 25.9], [polygon(15, 25, 25, 35)]),
                    (
                        [50.2, 5.1, 0.5 if k == 2 else 20.0, 20.0],
                        run_lengths(rectangle(size, 52, 8, 60, 16)),
                    ),
                ]
            )
        ]
        annotations[k].append({**annotations[k][0], "segmentation": [polygon(26, 25, 30, 35)]})
    val = {
        "cid2img": {key: [{k: paths[k]} for k in order] for key in own} | {5: [{0: paths[0]}]},
        "img2anno": annotations,
    }
    write_pickle(folder / "paco/paco_part_val.pkl", val)
    for k in paths:
        write_picture(
            folder / f"coco/val2017/{k:012d}.jpg", rectangle(size, 15, 25, 25, 35), seed=k
        )
    return val


def write_pascal_part(root: Path) -> dict[str, Any]:
    """PASCAL-Part: birds with two parts, and a vehicle whose TAIL is not asked for."""
    folder, size = root / "Pascal-Part/VOCdevkit/VOC2010", (50, 60)
    ids = [f"2008_{k:06d}" for k in range(4)]
    lists = {"train": ids[:1], "val": ids}

    def parts(**named: dict[str, list[str]]) -> dict[str, Any]:
        return {"part": named}

    content = {
        "animals": {
            "object": {
                "bird": parts(FACE=lists, TAIL={"train": [], "val": ids[:1]}, WINGS=lists),
            }
        },
        "indoor": {"object": {"bottle": parts(BODY=lists)}},
        "person": {"object": {"person": parts(FACE=lists)}},
        "vehicles": {"object": {"aeroplane": parts(TAIL=lists, BODY=lists)}},
    }
    folder.mkdir(parents=True)
    (folder / "all_obj_part_to_image.json").write_text(json.dumps(content))
    boxes = {"xmin": 12, "ymin": 8, "xmax": 41, "ymax": 37}
    for k, image in enumerate(ids):
        named = {"bird": ("FACE", "WINGS"), "aeroplane": ("TAIL", "BODY"), "person": ("FACE",),
                 "bottle": ("BODY",)}  # fmt: skip
        objects = []
        for name, own in named.items():
            told = [
                {"name": part, "bndbox": {}, "mask": [
                    run_lengths(rectangle(size, 14, 10, 24, 20)),
                    run_lengths(rectangle(size, 30, 10, 36, 20)),
                ]}
                for part in own
            ]  # fmt: skip
            told.append({**told[0], "mask": [run_lengths(rectangle(size, 14, 25, 24, 30))]})
            # The second picture has an object without parts before the one that has them.
            empty = {"name": name, "bndbox": boxes, "parts": []}
            objects += [empty] * (k == 1) + [{"name": name, "bndbox": boxes, "parts": told}]
        path = folder / f"Annotations_Part_json_merged_part_classes/{image}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"filename": image, "object": objects}))
        write_picture(folder / f"JPEGImages/{image}.jpg", rectangle(size, 12, 8, 42, 38), seed=k)
    return content
