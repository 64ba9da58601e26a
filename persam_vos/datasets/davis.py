"""Where the files of a DAVIS tree lie, and what is missing from it.

::

    ROOT/ImageSets/2017/val.txt               one clip name a line
    ROOT/JPEGImages/480p/CLIP/00000.jpg       the frames
    ROOT/Annotations/480p/CLIP/00000.png      label maps, of the first frame or of all

Any tree laid out like this will do (``folder_clips``), with or without lists and the 480p level.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import DatasetError
from ..files.open_picture import UNREADABLE, open_picture
from .clips import Clip, FirstMask, choose, image_files, label_files, require_folders, require_whole

DEFAULT_RESOLUTION = "480p"
RESOLUTIONS = (DEFAULT_RESOLUTION, "1080p", "Full-Resolution")


@dataclass(frozen=True, slots=True)
class DavisSequence:
    """One clip of a DAVIS tree; produced by ``davis_sequences``, consumed by whoever runs it.

    ``image_dir`` holds the frames and ``annotation_dir`` the label maps of the same names.
    """

    name: str
    image_dir: Path
    annotation_dir: Path


def davis_sequences(
    root: Path,
    *,
    year: str = "2017",
    split: str = "val",
    names: Sequence[str] | None = None,
    resolution: str = DEFAULT_RESOLUTION,
) -> tuple[DavisSequence, ...]:
    """Return the clips of a split, in its order, each with frames and a first annotation.

    ``names`` limits them and gives their order. A tree without lists (no ``ImageSets/YEAR``) is
    one split of all its clips. Raises DatasetError, naming every clip and what it lacks, when the
    tree is none, the split is not listed, or frames or annotations are missing.
    """
    require_folders(root, _folders(root, resolution), "DAVIS")
    listed = split_names(root, year=year, split=split, resolution=resolution)
    chosen = choose(None if names is None else tuple(names), listed, f"DAVIS {year} {split}")
    return _whole_sequences(root, resolution, chosen)


def split_names(
    root: Path, *, year: str = "2017", split: str = "val", resolution: str = DEFAULT_RESOLUTION
) -> tuple[str, ...]:
    """Return the clip names of ``ImageSets/YEAR/SPLIT.txt``, or all clips where no list is.

    Raises DatasetError when other splits are listed but not this one, the list cannot be read or is
    empty, or there is neither a list nor a clip.
    """
    lists = root / "ImageSets" / year
    path = lists / f"{split}.txt"
    if path.is_file():
        return _read_list(root, path)
    if known := sorted(other.stem for other in lists.glob("*.txt")):
        raise DatasetError(
            f"DAVIS {year} split {split!r} in {root}",
            got=f"no list {path.relative_to(root)}",
            expected=f"one of {', '.join(known)}",
            remedy="choose one of these splits",
        )
    folder = root / "Annotations" / resolution
    names = _folder_names([folder])
    if not names:
        raise DatasetError(f"DAVIS tree {root}", got=f"no clip in {folder}", expected="clip names")
    return names


def davis_clips(
    root: Path, *, year: str, split: str, names: tuple[str, ...] | None
) -> tuple[tuple[Clip, ...], Path]:
    """Return the clips of a split, and the folder of their annotations; see ``davis_sequences``."""
    sequences = davis_sequences(root, year=year, split=split, names=names)
    return tuple(map(_clip, sequences)), root / "Annotations" / DEFAULT_RESOLUTION


def folder_clips(
    root: Path, *, split: str, names: tuple[str, ...] | None
) -> tuple[tuple[Clip, ...], Path]:
    """Return all clips of a tree laid out like DAVIS, and the folder of their annotations.

    The level of the resolution (480p) may be missing, and so may annotations: what is annotated is
    scored, from the first annotation that shows an object on. ``split`` is ``all``, or a list in
    ``ImageSets`` or a folder in it. Raises DatasetError as ``davis_sequences``.
    """
    images = root / "JPEGImages"
    resolution = next((level for level in RESOLUTIONS if (images / level).is_dir()), "")
    folders = _folders(root, resolution)
    require_folders(root, folders, "dataset")
    listed = _folder_names(folders) if split == "all" else _listed_anywhere(root, split)
    if not listed:
        raise DatasetError(f"dataset tree {root}", got=f"no clip in {folders[0]}", expected="clips")
    chosen = choose(names, listed, f"split {split} of {root}")
    sequences = _whole_sequences(root, resolution, chosen, sparse=True)
    return tuple(map(_clip, sequences)), folders[1]


def _folders(root: Path, resolution: str) -> tuple[Path, Path]:
    """Return the folders of images and of annotations."""
    return root / "JPEGImages" / resolution, root / "Annotations" / resolution


def _folder_names(folders: Iterable[Path]) -> tuple[str, ...]:
    """Return the names of the subfolders of any of the folders."""
    children = (child for folder in folders if folder.is_dir() for child in folder.iterdir())
    return tuple(sorted({child.name for child in children if child.is_dir()}))


def _read_list(root: Path, path: Path) -> tuple[str, ...]:
    """Return the clip names in a list; raise DatasetError when there are none."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(
            f"cannot read {path}", got=type(error).__name__, expected="clip names, one a line"
        ) from error
    names = tuple(name for line in lines if (name := line.strip()))
    if not names:
        raise DatasetError(f"DAVIS tree {root}", got=f"no clip in {path}", expected="clip names")
    return names


def _listed_anywhere(root: Path, split: str) -> tuple[str, ...]:
    """Return the clip names of the first list of that name; raise DatasetError if there is none."""
    lists = sorted((root / "ImageSets").rglob("*.txt"))
    for path in lists:
        if path.stem == split:
            return _read_list(root, path)
    raise DatasetError(
        f"split {split!r} of {root}",
        got=f"no list ImageSets/{split}.txt or ImageSets/*/{split}.txt",
        expected=f"one of {', '.join(['all', *sorted({path.stem for path in lists})])}",
        remedy="choose one of these splits",
    )


def _whole_sequences(
    root: Path, resolution: str, names: tuple[str, ...], *, sparse: bool = False
) -> tuple[DavisSequence, ...]:
    """Return the clips of these names; raise DatasetError when one of them lacks something."""
    images, annotations = _folders(root, resolution)
    found = tuple(DavisSequence(name, images / name, annotations / name) for name in names)
    lacks = [lack for one in found if (lack := _lack(one, sparse=sparse))]
    require_whole(root, len(found), lacks, "DAVIS")
    return found


def _clip(sequence: DavisSequence) -> Clip:
    images = image_files(sequence.image_dir)
    annotations = label_files(sequence.annotation_dir)
    first = next((path for path in annotations if not _is_empty(path)), annotations[0])
    index = [image.stem for image in images].index(first.stem)
    return Clip(sequence.name, images, annotations, (FirstMask(index, first),))


def _is_empty(path: Path) -> bool:
    """Whether a label map shows no object; one that cannot be read is left to who needs it."""
    try:
        with open_picture(path, str(path)) as labels:
            return labels.getbbox() is None
    except UNREADABLE:
        return False


def _lack(sequence: DavisSequence, *, sparse: bool = False) -> str:
    """Return what a clip lacks, in words; empty when it is whole.

    With ``sparse``, one annotation of any frame is enough.
    """
    frames = [path.stem for path in image_files(sequence.image_dir)]
    if not frames:
        return f"{sequence.name}: no frames"
    if all(frame.isdecimal() for frame in frames) and len(set(map(len, frames))) > 1:
        return f"{sequence.name}: frame numbers of different lengths, which have no clear order"
    labels = {path.stem for path in label_files(sequence.annotation_dir)}
    if not labels or (not sparse and frames[0] not in labels):
        return f"{sequence.name}: no annotation of frame {frames[0]}"
    without = [frame for frame in frames if frame not in labels]
    if len(labels) > 1 and without and not sparse:
        return f"{sequence.name}: no annotation of {len(without)} frames, from {without[0]}"
    if without := sorted(labels - set(frames)):
        return f"{sequence.name}: no frame for {len(without)} annotations, from {without[0]}"
    return ""
