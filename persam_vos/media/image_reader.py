"""Frames from still images: one file, a folder, the matches of a pattern, or a ZIP archive."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..errors import MediaError
from ..files.open_picture import UNREADABLE
from ..structures import Frame, RgbImage, SourceInfo
from .frame_numbers import no_such_frame
from .image_file import (
    IMAGE_SUFFIXES,
    Header,
    ImageFile,
    frame_name,
    load,
    read_header,
)
from .notes import Notes
from .read_options import DEFAULT, ReadOptions
from .value_range import ValueRange, choose_range

IMAGE_RATE = Fraction(24)
"""Frames per second of images: they have none, and DAVIS plays at 24."""
_ROUNDING = 1e-6
SAMPLES = 8
"""Pictures of a clip that its range of values is chosen from."""


class ImageSource:
    """Still images of one size, in the order given; each is a frame named by its stem.

    Headers are checked at once, pixels are read when their turn comes. Values of more than 8 bits
    are brought to 8 by one range for all. ``note`` is what was found on the way here. Raises
    MediaError when an image cannot be read, differs in size from the first, or would share its name
    with another.
    """

    def __init__(
        self,
        path: str,
        files: Sequence[ImageFile],
        options: ReadOptions = DEFAULT,
        note: str | None = None,
    ) -> None:
        self._wants_deep = options.deep
        self.images = tuple(files)
        self.notes = Notes(path)
        if note:
            self.notes.add(note)
        check_names(self.images)
        first = read_header(self.images[0])
        headers = [first, *(self._checked(file, first) for file in self.images[1:])]
        self.range = self._choose_range(headers)
        self.info = SourceInfo(
            path=path,
            kind="images",
            size_hw=first.size_hw,
            frame_count=len(self.images),
            frames_per_second=IMAGE_RATE,
            codec=first.format,
            pixel_format=first.mode,
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is odd about the images, as far as they were read."""
        return self.notes.sentences()

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that it reads."""
        return tuple(file for file in self.images if isinstance(file, Path))

    def index_of(self, name: str) -> int | None:
        """Return the index of the frame of that name, None where there is none."""
        names = [frame_name(file) for file in self.images]
        return names.index(name) if name in names else None

    def names_of(self, number: int) -> dict[int, str]:
        """Return the names that are this number, as 00007 is 7, by the indices of their frames."""
        return {
            index: name
            for index, name in enumerate(map(frame_name, self.images))
            if name.isdecimal() and int(name) == number
        }

    def index_at(self, seconds: float) -> int:
        """Return the index of the first frame that begins then or later."""
        return min(len(self.images), math.ceil(seconds * IMAGE_RATE - _ROUNDING))

    def __iter__(self) -> Iterator[Frame]:
        return self.frames()

    def frames(self, start: int = 0) -> Generator[Frame, None, None]:
        """Yield the images from ``start`` on; raises MediaError at one that cannot be decoded."""
        self._check(start)
        for index in range(start, len(self.images)):
            yield self._frame(index)

    def frames_reversed(self, until: int) -> Iterator[Frame]:
        """Yield the images from ``until`` back to 0, the same as forwards; raises MediaError."""
        self._check(until)
        for index in range(until, -1, -1):
            yield self._frame(index)

    def _check(self, index: int) -> None:
        if index >= len(self.images):
            raise no_such_frame(self.info.path, index, len(self.images))

    def _checked(self, file: ImageFile, first: Header) -> Header:
        """Return the header of an image; raises MediaError if its size is not that of the first."""
        # What Pillow does not know would have to be decoded: it is checked when its turn comes.
        header = first if not first.mode else read_header(file)
        self._check_size(file, header.size_hw, first.size_hw)
        return header

    def _check_size(self, file: ImageFile, got: tuple[int, int], expected: tuple[int, int]) -> None:
        if got != expected:
            raise MediaError(
                str(file),
                got=f"an image of {got[1]} x {got[0]}",
                expected=f"{expected[1]} x {expected[0]}, as {self.images[0].name}",
                remedy="bring all frames to one size, or move this one out of the folder",
            )

    def _choose_range(self, headers: Sequence[Header]) -> ValueRange:
        """Choose one range for all, from a few of those with more than 8 bits."""
        deep = [file for file, one in zip(self.images, headers, strict=True) if one.deep]
        if not deep:
            return ValueRange(0, 255)
        samples = (load(file).pixels for file in deep[:: max(1, len(deep) // SAMPLES)])
        chosen = choose_range(samples, linear=headers[0].linear)
        if chosen.words:
            self.notes.add(chosen.words)
        return chosen

    def _frame(self, index: int) -> Frame:
        file = self.images[index]
        loaded = load(file)
        if loaded.cut:
            self.notes.damaged(index)
        self._check_size(file, loaded.pixels.shape[:2], self.info.size_hw)
        is_deep = loaded.pixels.dtype != np.uint8
        chosen = self.range if is_deep else ValueRange(0, 255)
        return Frame(
            index,
            frame_name(file),
            chosen.to_rgb(loaded.pixels),
            float(index / IMAGE_RATE),
            damaged=loaded.cut,
            deep=chosen.to_deep(loaded.pixels) if is_deep and self._wants_deep else None,
        )


def read_image(path: Path) -> RgbImage:
    """Read one image file as (H, W, 3) uint8 RGB, upright; raises MediaError."""
    return read_photo(path)[0]


def read_photo(path: Path) -> tuple[RgbImage, bool]:
    """Do the same, and tell whether the end of the file is missing: what is there is read."""
    header, loaded = read_header(path), load(path)
    image = choose_range([loaded.pixels], linear=header.linear).to_rgb(loaded.pixels)
    return image, loaded.cut


def is_image(file: Path) -> bool:
    """Whether a path looks like an image that is meant to be seen."""
    shown = not file.name.startswith(".")
    return shown and file.suffix.lower() in IMAGE_SUFFIXES and file.is_file()


def is_image_inside(file: Path) -> bool:
    """Whether a file without a usual ending is an image by its content."""
    if file.name.startswith(".") or not file.is_file():
        return False
    try:
        read_header(file)
    except UNREADABLE:
        return False
    return True


def check_names(files: Sequence[ImageFile]) -> None:
    """Raise MediaError when two images would give one mask file."""
    seen: dict[str, ImageFile] = {}
    for file in files:
        name = frame_name(file)
        if name in seen:
            raise MediaError(
                f"{seen[name]} and {file}",
                got=f"two images called {name!r}",
                expected="one image for each mask name",
                remedy="select one kind with a pattern, such as 'folder/*.jpg'",
            )
        seen[name] = file
