"""Where the files of a DAVIS tree lie, and what is missing from it.

::

    ROOT/ImageSets/2017/val.txt               one clip name a line
    ROOT/JPEGImages/480p/CLIP/00000.jpg       the frames
    ROOT/Annotations/480p/CLIP/00000.png      label maps, of the first frame or of all
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import DatasetError

DEFAULT_RESOLUTION = "480p"


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
    images = root / "JPEGImages" / resolution
    annotations = root / "Annotations" / resolution
    for folder in (images, annotations):
        if not folder.is_dir():
            raise DatasetError(
                f"DAVIS tree {root}",
                got=f"no folder {folder.relative_to(root)}",
                expected=f"JPEGImages/{resolution} and Annotations/{resolution}",
                remedy="give the folder that holds both, or fetch the dataset",
            )
    listed = split_names(root, year=year, split=split, resolution=resolution)
    chosen = listed if names is None else _chosen(names, listed, f"{year} {split}")
    found = tuple(DavisSequence(name, images / name, annotations / name) for name in chosen)
    lacks = [lack for sequence in found if (lack := _lack(sequence))]
    if lacks:
        raise DatasetError(
            f"DAVIS tree {root}",
            got=f"{len(lacks)} of {len(found)} clips incomplete ({'; '.join(lacks)})",
            expected="frames and a first annotation for each clip",
            remedy="unpack the dataset again, or name the clips that are whole",
        )
    return found


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
        try:
            names = tuple(line.strip() for line in path.read_text("utf-8").splitlines())
        except (OSError, UnicodeDecodeError) as error:
            raise DatasetError(
                f"cannot read {path}", got=type(error).__name__, expected="clip names, one a line"
            ) from error
        names = tuple(name for name in names if name)
    elif known := sorted(other.stem for other in lists.glob("*.txt")):
        raise DatasetError(
            f"DAVIS {year} split {split!r} in {root}",
            got=f"no list {path.relative_to(root)}",
            expected=f"one of {', '.join(known)}",
            remedy="choose one of these splits",
        )
    else:
        path = root / "Annotations" / resolution
        children = path.iterdir() if path.is_dir() else iter(())
        names = tuple(sorted(child.name for child in children if child.is_dir()))
    if not names:
        raise DatasetError(f"DAVIS tree {root}", got=f"no clip in {path}", expected="clip names")
    return names


def _chosen(names: Sequence[str], listed: Sequence[str], split: str) -> tuple[str, ...]:
    """Return ``names``; raise DatasetError when one of them is not in the split."""
    unknown = [name for name in names if name not in listed]
    if unknown:
        raise DatasetError(
            f"DAVIS {split}",
            got=f"unknown clips {', '.join(unknown)}",
            expected=f"some of {', '.join(listed)}",
            remedy="check the names",
        )
    return tuple(names)


def _lack(sequence: DavisSequence) -> str:
    """Return what a clip lacks, in words; empty when it is whole."""
    frames = sorted(path.stem for path in sequence.image_dir.glob("*.jpg"))
    if not frames:
        return f"{sequence.name}: no frames"
    if not (sequence.annotation_dir / f"{frames[0]}.png").is_file():
        return f"{sequence.name}: no annotation of frame {frames[0]}"
    labels = {path.stem for path in sequence.annotation_dir.glob("*.png")}
    if len(labels) > 1 and (without := [frame for frame in frames if frame not in labels]):
        return f"{sequence.name}: no annotation of {len(without)} frames, from {without[0]}"
    if without := sorted(labels - set(frames)):
        return f"{sequence.name}: no frame for {len(without)} annotations, from {without[0]}"
    return ""
