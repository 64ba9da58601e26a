"""The datasets by name: their splits, where their files lie and where they are published."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from ..errors import DatasetError, UsageError, param
from ..files.cache import cache_dir
from ..files.download import RemoteFile
from ..structures import ObjectMode
from .clips import Clip, Split
from .davis import davis_clips, folder_clips
from .youtube_vos import youtube_vos_clips

DATA_VARIABLE: Final = "PERSAM_VOS_DATA"


@dataclass(frozen=True, slots=True)
class Archive:
    """A published archive: its address, the file, and the folder in it that is the tree."""

    url: str
    file: RemoteFile
    tree: str

    @property
    def folder(self) -> str:
        """Name of the folder that it is unpacked into."""
        return Path(self.file.name).stem


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """One dataset. ``splits`` begins with the default; any name will do where it is None.

    ``find`` takes a root, ``split`` and ``names`` and returns clips and the folder of their truth.
    ``archives`` are by split, for datasets that can be fetched.
    """

    name: str
    purpose: str
    licence: str
    mode: ObjectMode
    default_split: str
    splits: tuple[str, ...] | None
    find: Callable[..., tuple[tuple[Clip, ...], Path]]
    archives: Mapping[str, Archive] = field(default_factory=dict)
    submission_folder: str = ""


_DAVIS_FOLDER = "https://data.vision.ee.ethz.ch/csergi/share/davis"
_DAVIS_LICENCE = "CC BY-NC 4.0"


def _davis_archive(part: str, size_bytes: int | None, sha256: str | None) -> Archive:
    name = f"DAVIS-2017-{part}-480p.zip"
    return Archive(f"{_DAVIS_FOLDER}/{name}", RemoteFile(name, size_bytes, sha256), "DAVIS")


# The publishers give no digests. This one is what several independent projects recorded; for
# test-dev none is known, and the archive's own checksums have to do.
_TRAINVAL = _davis_archive(
    "trainval", 832_766_765, "e3d0b5b77c3d031b000a19e0e25e3e2cac65d183755601bc2cf066df1a2aa492"
)
_TEST_DEV = _davis_archive("test-dev", None, None)

DATASETS: Final[dict[str, DatasetInfo]] = {
    info.name: info
    for info in (
        DatasetInfo(
            "davis2017",
            "several objects",
            _DAVIS_LICENCE,
            "multi",
            "val",
            ("val", "train", "test-dev"),
            partial(davis_clips, year="2017"),
            {"val": _TRAINVAL, "train": _TRAINVAL, "test-dev": _TEST_DEV},
        ),
        DatasetInfo(
            "davis2016",
            "one object",
            _DAVIS_LICENCE,
            "single",
            "val",
            ("val", "train"),
            partial(davis_clips, year="2016"),
            {"val": _TRAINVAL, "train": _TRAINVAL},
        ),
        DatasetInfo(
            "youtube-vos",
            "objects appear later",
            "research only",
            "multi",
            "valid",
            ("valid", "train", "test"),
            youtube_vos_clips,
            submission_folder="Annotations",
        ),
        DatasetInfo(
            "folder",
            "laid out like DAVIS",
            "yours",
            "multi",
            "all",
            None,
            folder_clips,
        ),
    )
}


def dataset_info(name: str) -> DatasetInfo:
    """Look up a dataset; raise UsageError when there is none of that name."""
    try:
        return DATASETS[name]
    except KeyError:
        known = ", ".join(DATASETS)
        raise UsageError("dataset", got=repr(name), expected=f"one of {known}") from None


def open_split(
    dataset: str,
    root: Path | None = None,
    *,
    split: str | None = None,
    names: tuple[str, ...] | None = None,
) -> Split:
    """Find the clips of a split, all of them whole.

    ``root`` is the tree, by default where `datasets fetch` puts it; ``split`` the dataset's default
    if None; ``names`` limits the clips and gives their order. Raises UsageError for an unknown
    dataset or split, DatasetError naming what is missing, for which clips.
    """
    info = dataset_info(dataset)
    split = check_split(info, split)
    root = _tree_in(root) if root is not None else default_root(dataset, split)
    if not root.is_dir():
        raise DatasetError(
            param("root", root), got="no such folder", expected="the tree of the dataset"
        )
    clips, truth_dir = info.find(root, split=split, names=names)
    return Split(dataset, split, root, truth_dir, info.mode, clips, info.submission_folder)


def check_split(info: DatasetInfo, split: str | None) -> str:
    """Return the split, or the default; raise UsageError when the dataset has none of that name."""
    if split is None:
        return info.default_split
    if info.splits is not None and split not in info.splits:
        expected = f"one of {', '.join(info.splits)}"
        raise UsageError(f"{param('split')} of {info.name}", got=repr(split), expected=expected)
    return split


def data_dir() -> Path:
    """Return the folder of datasets, which need not exist: PERSAM_VOS_DATA, or in the cache."""
    chosen = os.environ.get(DATA_VARIABLE)
    return Path(chosen).expanduser().absolute() if chosen else cache_dir() / "datasets"


def default_root(dataset: str, split: str | None = None) -> Path:
    """Return where the tree of a dataset is: fetched, or in ``data_dir()`` under its name.

    Raises UsageError for an unknown dataset or split, DatasetError when it is not there.
    """
    info = dataset_info(dataset)
    archive = info.archives.get(check_split(info, split))
    places = [_tree_in(data_dir() / dataset)]
    if archive is not None:
        places.insert(0, data_dir() / archive.folder / archive.tree)
    for place in places:
        if place.is_dir():
            return place
    fetch = f"run persam-vos datasets fetch {dataset}, or " if archive is not None else ""
    raise DatasetError(
        f"dataset {dataset}",
        got=f"no {' or '.join(map(str, places))}",
        expected="its tree",
        remedy=f"{fetch}give {param('root')}, or set {DATA_VARIABLE} to the folder of datasets",
    )


def _tree_in(root: Path) -> Path:
    """Return the DAVIS folder that the published archives have, where ``root`` is around it."""
    inner = root / "DAVIS"
    return inner if not (root / "JPEGImages").is_dir() and inner.is_dir() else root
