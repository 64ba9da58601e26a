"""Where the files of a YouTube-VOS tree lie, and what is missing from it.

::

    ROOT/valid/meta.json                      objects of each clip, and the frames they are in
    ROOT/valid/JPEGImages/CLIP/00000.jpg      the frames, every fifth of the video
    ROOT/valid/Annotations/CLIP/00000.png     label maps: where objects appear, or (train) of all

Objects may appear later than on the first frame: each is taken from the annotation of the first
frame that ``meta.json`` lists for it. ROOT may be the folder of the split itself.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

from ..errors import DatasetError
from ..files.limits import read_json
from .clips import Clip, FirstMask, choose, image_files, label_files, require_folders, require_whole

META_FILE = "meta.json"


def youtube_vos_clips(
    root: Path, *, split: str, names: tuple[str, ...] | None
) -> tuple[tuple[Clip, ...], Path]:
    """Return the clips of a split by name, and the folder of their annotations.

    Raises DatasetError, naming every clip and what it lacks, when the tree is none, ``meta.json``
    cannot be understood, or frames or first masks are missing.
    """
    base = root / split if (root / split).is_dir() else root
    images, annotations = base / "JPEGImages", base / "Annotations"
    require_folders(base, (images, annotations), "YouTube-VOS")
    first_frames = _read_meta(base / META_FILE)
    chosen = choose(names, tuple(sorted(first_frames)), f"YouTube-VOS {split}")
    lacks = [
        f"{name}: {lack}"
        for name in chosen
        if (lack := _lack(images / name, annotations / name, first_frames[name]))
    ]
    require_whole(base, len(chosen), lacks, "YouTube-VOS")
    clips = (_clip(name, images / name, annotations / name, first_frames[name]) for name in chosen)
    return tuple(clips), annotations


def _read_meta(path: Path) -> dict[str, dict[int, str]]:
    """Return the first frame of each object, by clip and id; raise DatasetError if it is odd."""
    expected = '{"videos": {CLIP: {"objects": {ID: {"frames": ["00000", ...]}}}}}'
    try:
        videos = read_json(path)["videos"]
        return {name: _first_frames(video["objects"]) for name, video in videos.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        got = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        raise DatasetError(f"cannot use {path}", got=got, expected=expected) from error


def _first_frames(objects: dict[str, Any]) -> dict[int, str]:
    return {int(object_id): min(facts["frames"]) for object_id, facts in sorted(objects.items())}


def _clip(name: str, image_dir: Path, annotation_dir: Path, first_frames: dict[int, str]) -> Clip:
    images = image_files(image_dir)
    index = {path.stem: number for number, path in enumerate(images)}
    appearing: defaultdict[str, list[int]] = defaultdict(list)
    for object_id, frame in sorted(first_frames.items()):
        appearing[frame].append(object_id)
    first_masks = (
        FirstMask(index[frame], annotation_dir / f"{frame}.png", tuple(appearing[frame]))
        for frame in sorted(appearing)
    )
    return Clip(
        name, images, label_files(annotation_dir), tuple(first_masks), tuple(sorted(first_frames))
    )


def _lack(image_dir: Path, annotation_dir: Path, first_frames: dict[int, str]) -> str:
    """Return what a clip lacks, in words; empty when it is whole."""
    frames = {path.stem for path in image_files(image_dir)}
    labels = {path.stem for path in label_files(annotation_dir)}
    if not frames:
        return "no frames"
    if not first_frames:
        return f"no object in {META_FILE}"
    for object_id, frame in first_frames.items():
        if frame not in labels:
            return f"no annotation of frame {frame}, where object {object_id} appears"
    if without := sorted(labels - frames):
        return f"no frame for {len(without)} annotations, from {without[0]}"
    return ""
