"""One door to every input: a video, an image, a folder or an archive of images, or a pattern."""

from __future__ import annotations

import glob
import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Protocol

from ..errors import MediaError, UsageError, param
from ..structures import Frame, SourceInfo
from .frame_order import in_order
from .image_file import IMAGE_SUFFIXES, ImageFile, is_heif, read_header
from .image_reader import ImageSource, is_image, is_image_inside
from .read_options import Reader, ReadOptions

ADDRESS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://.+")
FFMPEG_MOVES = ("GIF", "PNG")
"""Kinds of moving pictures that FFmpeg reads as videos, with all that this brings."""
ONE_PICTURE = ("MPO", "HEIF", "ICO", "ICNS", "PSD")
"""Kinds whose further pictures are previews, gain maps or layers of the first."""
VIDEO_SUFFIXES = (
    *(".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg"),
    *(".wmv", ".flv", ".ogv", ".3gp", ".mxf", ".vob"),
)


class Source(Protocol):
    """Frames that can be read, lazily, any number of times; consumed by ``tracking``."""

    @property
    def info(self) -> SourceInfo:
        """Facts about the input, known before any frame is asked for."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that it reads, which no output may replace."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences on what is odd about the input; reading may add some."""

    def index_of(self, name: str) -> int | None:
        """Return the index of the frame of that name, None where there is none."""

    def names_of(self, number: int) -> dict[int, str]:
        """Return the names that are this number, as 00007 is 7, by the indices of their frames."""

    def index_at(self, seconds: float) -> int:
        """Return the index of the first frame that begins then or later; one more than the last."""

    def frames(self, start: int = 0) -> Generator[Frame, None, None]:
        """Yield the frames from ``start`` on; what is open closes with the generator.

        Raises MediaError where the source ends before ``start``.
        """

    def frames_reversed(self, until: int) -> Iterator[Frame]:
        """Yield the frames from ``until`` back to 0, a bounded number of them in memory.

        They are those of `frames`, pixel for pixel. Raises MediaError as `frames` does.
        """

    def __iter__(self) -> Iterator[Frame]: ...


def open_source(
    source: str | Path, *, reader: Reader = "pyav", options: ReadOptions | None = None
) -> Source:
    """Open a video, an image, a folder or a ZIP archive of images, or a glob pattern.

    A path that exists is taken as it is, also if it has brackets or stars in its name. Images come
    in the order of the numbers in their names. ``reader`` decodes videos only; ``options`` say more
    than it. Raises MediaError when there is nothing that can be
    read, and UsageError for a reader that is not installed or an address that is not allowed.
    """
    path = Path(source)
    options = options or ReadOptions(reader=reader)
    try:
        if path.is_dir():
            return _images(str(source), images_in(path), options)
        if path.is_file():
            return open_file(path, options)
        if path.exists():
            raise _no_file(path)
    except OSError as error:
        raise MediaError(
            str(path),
            got=error.strerror or "an error",
            expected="a file or folder that can be read",
            remedy="check its name and its permissions",
        ) from error
    if ADDRESS.fullmatch(str(source)):
        return _open_address(str(source), options)
    if glob.has_magic(str(source)):
        return _images(str(source), images_matching(str(source)), options)
    raise MediaError(
        str(path),
        got="no such file or folder",
        expected="a video, a folder of images or a quoted pattern such as 'frames/*.jpg'",
        remedy="check the path",
    )


def open_file(path: Path, options: ReadOptions) -> Source:
    """Open one file by its content; its ending matters only where that does not tell."""
    if path.stat().st_size == 0:
        return _open_video(path, options)
    with path.open("rb") as file:
        head = file.read(12)
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        from .zip_images import images_in_zip

        return _images(str(path), images_in_zip(path), options)
    if is_heif(head):  # FFmpeg would take one tile for the photo
        return ImageSource(str(path), [path], options)
    if path.suffix.lower() not in IMAGE_SUFFIXES:
        try:
            return _open_video(path, options)
        except MediaError:
            if not is_image_inside(path):
                raise
    return _open_image(path, options)


def _open_image(path: Path, options: ReadOptions) -> Source:
    """Open one image of one or several pictures, or a video that is called an image."""
    try:
        header = read_header(path)
    except MediaError as not_image:
        try:
            return _open_video(path, options)
        except MediaError:
            raise not_image from None
    if header.pages == 1 or header.format in ONE_PICTURE:
        return ImageSource(str(path), [path], options)
    if header.format in FFMPEG_MOVES:
        return _open_video(path, options)
    from .page_reader import PageSource

    return PageSource(path, options)


def images_in(folder: Path) -> list[ImageFile]:
    """Return the images directly in a folder, in no order; raises MediaError if none."""
    entries = list(folder.iterdir())
    images = [entry for entry in entries if is_image(entry)]
    if images:
        return list(images)
    videos = sorted(entry.name for entry in entries if entry.suffix.lower() in VIDEO_SUFFIXES)
    images = [] if videos else [entry for entry in entries if is_image_inside(entry)]
    if images:
        return list(images)
    folders = sorted(entry.name for entry in entries if entry.is_dir())
    got = (
        f"a folder without images ({len(entries)} other entries)" if entries else "an empty folder"
    )
    remedy = "name the folder that holds the frames"
    if videos:
        got = f"a folder of {len(videos)} videos, without images"
        remedy = f"name the videos, such as {folder / videos[0]}; several may be given at once"
    elif folders:
        remedy = f"name one of its folders, such as {folder / folders[0]}"
    raise MediaError(str(folder), got=got, expected="JPEG, PNG or other image files", remedy=remedy)


def images_matching(pattern: str) -> list[ImageFile]:
    """Return the images that match a pattern, in no order; raises MediaError if none."""
    names = glob.glob(pattern, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute ones
    matches = [Path(name) for name in names]
    images = [match for match in matches if is_image(match)]
    if not images:
        got = f"{len(matches)} matches that are no images" if matches else "no match"
        raise MediaError(
            pattern,
            got=got,
            expected="image files",
            remedy="check the pattern, and quote it so that the shell does not expand it",
        )
    return list(images)


def source_name(source: str | Path) -> str:
    """Name a source for its masks and output: a file's stem, a folder's name, a glob's folder.

    A path that exists is no pattern, whatever brackets it has.
    """
    path = Path(source)
    if any(sign in path.name for sign in "*?[") and not path.exists():
        path = path.parent
    path = path.resolve()
    return (path.name if path.is_dir() else path.stem) or "video"


def _images(path: str, files: list[ImageFile], options: ReadOptions) -> ImageSource:
    ordered, note = in_order(files)
    return ImageSource(path, ordered, options, note)


def _open_video(path: Path | str, options: ReadOptions) -> Source:
    if options.reader == "decord":
        from .decord_reader import DecordSource

        return DecordSource(path, options)
    from .video_reader import VideoSource

    return VideoSource(path, options)


def _open_address(address: str, options: ReadOptions) -> Source:
    if not options.allow_network:
        raise UsageError(
            address,
            got="an address",
            expected="a file or folder of this machine",
            remedy=f"download it, or add {param('allow_network', True)} to read it from there",
        )
    return _open_video(address, options)


def _no_file(path: Path) -> MediaError:
    """Say that pipes and devices cannot be read: frames are read more than once."""
    return MediaError(
        str(path),
        got="a pipe or a device",
        expected="a file or folder, which can be read more than once",
        remedy="write it to a file first",
    )
