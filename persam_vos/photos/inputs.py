"""Which photos are meant, and what their results are called."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import MediaError, UsageError, param
from ..media.frame_order import natural_key
from ..media.image_file import frame_name
from ..media.image_reader import is_image


def find_photos(inputs: Sequence[str | Path]) -> list[Path]:
    """List the photos that files, folders and globs mean, each once, in the order given.

    Folders and globs give their images in natural order. Raises MediaError for one that is not
    there or holds no image, UsageError for none at all.
    """
    if not inputs:
        raise UsageError(param("photos"), got="none", expected="files, folders or globs of photos")
    found = {path.resolve(): path for one in inputs for path in _photos_of(one)}
    return [*found.values()]


def names_of(photos: Sequence[Path]) -> list[str]:
    """Name the results of photos by their stems; those that share one get their folder's name, too.

    Where that is not enough, a number. Names differ also where upper and lower case do not.
    """
    stems = Counter(frame_name(path).casefold() for path in photos)
    taken: set[str] = set()
    names = []
    for path in photos:
        stem = frame_name(path)
        name = stem if stems[stem.casefold()] == 1 else f"{path.resolve().parent.name}_{stem}"
        name = next(one for one in _numbered(name) if one.casefold() not in taken)
        taken.add(name.casefold())
        names.append(name)
    return names


def _photos_of(one: str | Path) -> list[Path]:
    path = Path(one)
    if path.is_dir():
        photos = sorted(filter(is_image, path.iterdir()), key=natural_key)
        got, expected = "a folder without images", "a folder that holds photos"
    elif path.exists():
        return [path]
    elif glob.has_magic(str(one)):
        # A path may be absolute, which Path.glob does not take.
        matches = (Path(match) for match in glob.iglob(str(one), recursive=True))  # noqa: PTH207
        photos = sorted(filter(is_image, matches), key=natural_key)
        got, expected = "no image that matches", "a glob of photos"
    else:
        photos, got, expected = [], "no such file or folder", "photos"
    if not photos:
        raise MediaError(str(one), got=got, expected=expected)
    return photos


def _numbered(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name}-{number}"
        number += 1
