"""One door to every input: a video file, an image, a folder of images, or a pattern."""

from __future__ import annotations

import glob
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Literal, Protocol

from ..errors import MediaError
from ..structures import Frame, SourceInfo
from .image_reader import IMAGE_SUFFIXES, ImageSource, is_animated, is_image, natural_key

Reader = Literal["pyav", "decord"]


class Source(Protocol):
    """Frames that can be read, lazily, any number of times; consumed by ``tracking``."""

    @property
    def info(self) -> SourceInfo:
        """Facts about the input, known before any frame is asked for."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that it reads, which no output may replace."""

    def frames(self, start: int = 0) -> Generator[Frame, None, None]:
        """Yield the frames from ``start`` on; what is open closes with the generator.

        Raises MediaError where the source ends before ``start``.
        """

    def frames_reversed(self, until: int) -> Iterator[Frame]:
        """Yield the frames from ``until`` back to 0, a bounded number of them in memory.

        They are those of `frames`, pixel for pixel. Raises MediaError as `frames` does.
        """

    def __iter__(self) -> Iterator[Frame]: ...


def open_source(source: str | Path, *, reader: Reader = "pyav") -> Source:
    """Open a video file, an image, a folder of images (natural order) or a glob pattern.

    A path that exists is taken as it is, also if it has brackets or stars in its name. ``reader``
    decodes videos only. Raises MediaError when there is nothing that can be read, and
    UsageError for a ``reader`` that is not installed.
    """
    path = Path(source)
    try:
        if path.is_dir():
            return ImageSource(str(source), images_in(path))
        if path.exists():
            return open_file(path, reader)
    except OSError as error:
        raise MediaError(
            str(path),
            got=error.strerror or "an error",
            expected="a file or folder that can be read",
            remedy="check its name and its permissions",
        ) from error
    if glob.has_magic(str(source)):
        return ImageSource(str(source), images_matching(str(source)))
    raise MediaError(
        str(path),
        got="no such file or folder",
        expected="a video, a folder of images or a quoted pattern such as 'frames/*.jpg'",
        remedy="check the path",
    )


def open_file(path: Path, reader: Reader) -> Source:
    """Open one file: an image that does not move is a source of one frame."""
    if path.suffix.lower() in IMAGE_SUFFIXES and path.stat().st_size and not is_animated(path):
        return ImageSource(str(path), [path])
    if reader == "decord":
        from .decord_reader import DecordSource

        return DecordSource(path)
    from .video_reader import VideoSource

    return VideoSource(path)


def images_in(folder: Path) -> list[Path]:
    """Return the images directly in a folder, in natural order; raises MediaError if none."""
    entries = list(folder.iterdir())
    images = sorted(filter(is_image, entries), key=natural_key)
    if images:
        return images
    folders = sorted(entry.name for entry in entries if entry.is_dir())
    got = (
        f"a folder without images ({len(entries)} other entries)" if entries else "an empty folder"
    )
    remedy = "name the folder that holds the frames"
    if folders:
        remedy = f"name one of its folders, such as {folder / folders[0]}"
    raise MediaError(str(folder), got=got, expected="JPEG, PNG or other image files", remedy=remedy)


def images_matching(pattern: str) -> list[Path]:
    """Return the images that match a pattern, in natural order; raises MediaError if none."""
    names = glob.glob(pattern, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute ones
    matches = [Path(name) for name in names]
    images = sorted(filter(is_image, matches), key=natural_key)
    if not images:
        got = f"{len(matches)} matches that are no images" if matches else "no match"
        raise MediaError(
            pattern,
            got=got,
            expected="image files",
            remedy="check the pattern, and quote it so that the shell does not expand it",
        )
    return images


def source_name(source: str | Path) -> str:
    """Name a source for its masks and output: a file's stem, a folder's name, a glob's folder."""
    path = Path(source)
    if any(sign in path.name for sign in "*?["):
        path = path.parent
    path = path.resolve()
    return (path.name if path.is_dir() else path.stem) or "video"
