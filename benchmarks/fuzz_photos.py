"""Small whole files that `segment`, one-shot `eval` and `datasets fetch` read."""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.fuzz_seeds import COUNT, Seed, make_mask, make_picture, run
from persam_vos.files.journal import JournalFile

_CLASSES, _FOLDS = 80, 4  # of COCO
_PHOTOS = 3


def photo_seeds(base: Path) -> Iterator[Seed]:
    """Yield photos, references, a finished run, small trees of data sets, and an archive.

    ``base`` is the folder that `make_seeds` filled.
    """
    pictures, mask = [make_picture(index) for index in range(COUNT)], make_mask(0)
    yield from _segment(base)
    yield from _perseg(base, pictures, mask)
    yield from _coco(base, pictures)
    yield from _lvis(base, pictures)
    yield from _archive(base, pictures, mask)


def _segment(base: Path) -> Iterator[Seed]:
    out = ("-o", "OUT/s", "--no-cutouts", "--no-sandbox")
    shown = ("--reference", "SEEDS/a.png", "--mask", "SEEDS/mask.png")
    for name in ("a.jpg", "a.png", "a.webp", "deep.tif", "a.exr"):
        other = ("segment", "SEEDS/frames/000.jpg", "--reference", "FILE")
        commands = (
            ("segment", "FILE", *shown, *out),
            (*other, "--mask", "SEEDS/mask.png", "--instances", "all", *out),
            (*other, "--box", "10,10,40,30", *out),
        )
        yield Seed("photo", base / name, commands)
    masked = ("segment", "SEEDS/frames/000.jpg", "--reference", "SEEDS/a.png", "--mask", "FILE")
    yield Seed("photo mask", base / "mask.png", ((*masked, *out),))
    target = ("segment", "SEEDS/frames/000.jpg", "--target", "FILE", *out)
    yield Seed("photo target", base / "target.safetensors", (target,))
    segment = ("segment", str(base / "frames"), "--reference", "a.png", "--mask", "mask.png")
    run(base, (*segment, "-o", "segmented", "--no-sandbox"))
    whole = base / "segmented"
    again = tuple(
        ("segment", "SEEDS/frames", *shown, "-o", "WHOLE", one, "--no-sandbox")
        for one in ("--resume", "--overwrite")
    )
    yield Seed("segment.json", whole / "segment.json", again, whole)
    begun = base / "begun"
    begun.mkdir()
    told = json.loads((whole / "segment.json").read_text())
    with closing(JournalFile(begun / "segment.unfinished.jsonl")) as journal:
        journal.open({"digest": told["digest"]})
        for photo in told["photos"][:2]:
            journal.add({"photo": photo, "coco": [], "card": {"picture": "", "confidence": ""}})
    yield Seed("journal", begun / "segment.unfinished.jsonl", again, begun)


def _evaluate(name: str) -> tuple[str, ...]:
    run = ("--root", "WHOLE", "-o", "OUT/e", "--limit", "2", "--no-sandbox")
    return ("eval", name, *run)


def _perseg(base: Path, pictures: Sequence[np.ndarray], mask: np.ndarray) -> Iterator[Seed]:
    whole = base / "perseg"
    for index, picture in enumerate(pictures[:_PHOTOS]):
        _save(whole / f"data/Images/cat/{index:02d}.jpg", picture)
        _save(whole / f"data/Annotations/cat/{index:02d}.png", (mask == 1) * np.uint8(128))
    for kind, name in (("picture", "Images/cat/01.jpg"), ("label", "Annotations/cat/00.png")):
        yield Seed(f"one shot {kind}", whole / "data" / name, (_evaluate("perseg"),), whole)
    evaluate = ("eval", "perseg", "--root", str(whole), "--limit", "2", "--no-sandbox")
    run(base, (*evaluate, "-o", "evaluated"))
    done = base / "evaluated"
    again = (
        "eval",
        "perseg",
        "--root",
        "SEEDS/perseg",
        "--limit",
        "2",
        "--no-sandbox",
        "-o",
        "WHOLE",
    )
    listed = (*again[:-1], "OUT/e", "--episodes", "WHOLE/episodes.jsonl")
    for name in ("finished.jsonl", "episodes.jsonl", "results.json"):
        commands = (again, (*again, "--overwrite"), listed)
        yield Seed(f"one shot {name}", done / name, commands, done)


def _coco(base: Path, pictures: Sequence[np.ndarray]) -> Iterator[Seed]:
    whole = base / "coco"
    folder = whole / "COCO2014"
    names = [f"val2014/COCO_val2014_{k:012d}.jpg" for k in range(_PHOTOS)]
    listed = {one: [] if one % _FOLDS else names for one in range(_CLASSES)}
    labels = np.zeros_like(pictures[0][..., 0])
    for one in range(0, _CLASSES, _FOLDS):
        labels[10:30, one // 2 : one // 2 + 2] = one + 1
    for name, picture in zip(names, pictures, strict=False):
        _save(folder / name, picture)
        _save((folder / "annotations" / name).with_suffix(".png"), labels)
    split = _pickled(folder / "splits/val/fold0.pkl", listed)
    evaluate = (*_evaluate("coco20i"), "--fold", "0")
    yield Seed("one shot split", split, (evaluate,), whole)


def _lvis(base: Path, pictures: Sequence[np.ndarray]) -> Iterator[Seed]:
    whole = base / "lvis"
    square = [10.0, 10.0, 40.0, 10.0, 40.0, 30.0, 10.0, 30.0]
    shown = {"annotations": [{"segmentation": [square]}], "height": pictures[0].shape[0]}
    names = [f"val2017/{k:012d}.jpg" for k in range(_PHOTOS)]
    for name, picture in zip(names, pictures, strict=False):
        _save(whole / "LVIS/coco" / name, picture)
    content = {one: dict.fromkeys(names, shown) for one in range(10)}
    split = _pickled(whole / "LVIS/lvis_val.pkl", content)
    evaluate = (*_evaluate("lvis92i"), "--fold", "0")
    yield Seed("one shot annotations", split, (evaluate,), whole)


def _archive(base: Path, pictures: Sequence[np.ndarray], mask: np.ndarray) -> Iterator[Seed]:
    """Yield the archive of a data set, put where it is looked for before it is fetched."""
    tree = base / "DAVIS"
    for index, picture in enumerate(pictures):
        _save(tree / f"JPEGImages/480p/cat/{index:05d}.jpg", picture)
        _save(tree / f"Annotations/480p/cat/{index:05d}.png", mask)
    sets = tree / "ImageSets/2017/val.txt"
    sets.parent.mkdir(parents=True)
    sets.write_text("cat\n")
    whole = base / "archives"
    whole.mkdir()
    path = whole / "DAVIS-2017-trainval-480p.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(one for one in tree.rglob("*") if one.is_file()):
            archive.write(file, file.relative_to(base))
    fetch = ("datasets", "fetch", "davis2017", "--root", "WHOLE")
    yield Seed("archive", path, (fetch,), whole)


def _save(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)


def _pickled(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content, protocol=3))
    return path
