"""What every dataset is to the rest: a split of clips, each a list of files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import DatasetError
from ..structures import ObjectMode

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})


@dataclass(frozen=True, slots=True)
class FirstMask:
    """Where objects are shown for the first time; part of a ``Clip``.

    ``frame_index`` counts the clip's images from 0; ``path`` is a label map of that frame, and
    ``object_ids`` are the ids to take from it, None for all that are in it.
    """

    frame_index: int
    path: Path
    object_ids: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip; produced by the datasets, consumed by ``evaluation``.

    ``images`` are the frames in order; ``annotations`` all label maps there are, named as their
    frames. ``first_masks`` are in the order of their frames. ``object_ids`` are the objects of the
    clip, None for those of the first annotation.
    """

    name: str
    images: tuple[Path, ...]
    annotations: tuple[Path, ...]
    first_masks: tuple[FirstMask, ...]
    object_ids: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if Path(self.name).name != self.name or self.name.startswith("."):
            raise DatasetError(
                "clip",
                got=f"the name {self.name!r}",
                expected="the name of a folder, not a path",
                remedy="correct the list of clips",
            )

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that tracking and scoring the clip read."""
        return (*self.images, *self.annotations, *(first.path for first in self.first_masks))


@dataclass(frozen=True, slots=True)
class Split:
    """Clips to run and score together; produced by ``open_split``, consumed by ``evaluation``.

    ``truth_dir`` holds the annotations, clips as subfolders. ``submission_folder`` is the folder
    that a benchmark's server wants around the clips in an archive, empty for none.
    """

    dataset: str
    name: str
    root: Path
    truth_dir: Path
    mode: ObjectMode
    clips: tuple[Clip, ...]
    submission_folder: str = ""

    @property
    def has_truth(self) -> bool:
        """Whether more is annotated than the first masks, so that results can be scored here."""
        return any(len(clip.annotations) > len(clip.first_masks) for clip in self.clips)


def image_files(folder: Path) -> tuple[Path, ...]:
    """Return the frames in a folder by name; hidden files are none. Empty if there are none."""
    return _files(folder, IMAGE_SUFFIXES)


def label_files(folder: Path) -> tuple[Path, ...]:
    """Return the label maps in a folder by name; hidden files are none. Empty if there are none."""
    return _files(folder, frozenset({".png"}))


def choose(names: tuple[str, ...] | None, listed: tuple[str, ...], where: str) -> tuple[str, ...]:
    """Return ``names``, each once, or all that are listed.

    Raises DatasetError when one of them is not listed; ``where`` names the list.
    """
    if names is None:
        return listed
    unknown = [name for name in names if name not in listed]
    if unknown:
        raise DatasetError(
            where,
            got=f"unknown clips {', '.join(unknown)}",
            expected=f"some of {', '.join(listed)}",
            remedy="check the names",
        )
    return tuple(dict.fromkeys(names))


def require_folders(root: Path, folders: tuple[Path, ...], what: str) -> None:
    """Raise DatasetError, naming the first that is missing, unless all folders are there."""
    for folder in folders:
        if not folder.is_dir():
            expected = " and ".join(str(wanted.relative_to(root)) for wanted in folders)
            raise DatasetError(
                f"{what} tree {root}",
                got=f"no folder {folder.relative_to(root)}",
                expected=expected,
                remedy="give the folder that holds both, or fetch the dataset",
            )


def require_whole(root: Path, count: int, lacks: list[str], what: str) -> None:
    """Raise DatasetError when something lacks; ``lacks`` says what, clip by clip."""
    if lacks:
        raise DatasetError(
            f"{what} tree {root}",
            got=f"{len(lacks)} of {count} clips incomplete ({'; '.join(lacks)})",
            expected="frames and a first annotation for each clip",
            remedy="unpack the dataset again, or name the clips that are whole",
        )


def _files(folder: Path, suffixes: frozenset[str]) -> tuple[Path, ...]:
    if not folder.is_dir():
        return ()
    files = (path for path in folder.iterdir() if path.suffix.lower() in suffixes)
    return tuple(sorted(path for path in files if not path.name.startswith(".")))
