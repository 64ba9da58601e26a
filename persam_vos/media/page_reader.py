"""Frames from one file of several pictures: TIFF pages, animated WebP and AVIF."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Generator, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from PIL import ImageOps

from ..files.open_picture import FAILURES, open_picture
from ..structures import Frame, SourceInfo
from .frame_numbers import no_such_frame
from .image_file import Pixels, as_rgb, read_header, rgb_of_opencv, unreadable
from .image_reader import IMAGE_RATE, SAMPLES
from .notes import Notes
from .read_options import DEFAULT, ReadOptions
from .reversing import Fingerprints, reversed_frames
from .value_range import ValueRange, choose_range

_ROUNDING = 1e-6
REDUCED = 254
"""The TIFF tag whose first bit marks a smaller version of another page."""


class PageSource:
    """The pictures of one image file, as frames named by their numbers.

    Pictures have the times that the file gives them, TIFF pages those of 24 a second. Pages of
    another size than the first, and previews, are left out. Raises MediaError when the file cannot
    be read.
    """

    def __init__(self, path: Path, options: ReadOptions = DEFAULT) -> None:
        self.path = path
        self.notes = Notes(str(path))
        header = read_header(path)
        self._pages, self._seconds = self._scan(header.pages)
        if len(self._pages) < header.pages:
            left = header.pages - len(self._pages)
            self.notes.add(f"has {left} pages that are no frames: previews, or of another size")
        self._deep, self._wants_deep = header.deep, options.deep
        self._range = self._choose_range()
        count = len(self._pages)
        self.info = SourceInfo(
            path=str(path),
            kind="images",
            size_hw=header.size_hw,
            frame_count=count,
            frames_per_second=Fraction(count / self._seconds[-1]).limit_denominator(1001),
            codec=header.format,
            pixel_format=header.mode,
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is odd about the file."""
        return self.notes.sentences()

    @property
    def files(self) -> tuple[Path, ...]:
        """The file that it reads."""
        return (self.path,)

    def index_of(self, name: str) -> int | None:
        """Return the index of the frame of that name: they are numbers."""
        return int(name) if name.isdecimal() else None

    def names_of(self, number: int) -> dict[int, str]:
        """Return the name of the frame of that number."""
        return {number: f"{number:05d}"}

    def index_at(self, seconds: float) -> int:
        """Return the index of the first frame that begins then or later."""
        return bisect_left(self._seconds[:-1], seconds - _ROUNDING)

    def __iter__(self) -> Iterator[Frame]:
        return self.frames()

    def frames(self, start: int = 0) -> Generator[Frame, None, None]:
        """Yield the pictures from ``start`` on; raises MediaError at one that cannot be decoded."""
        if start >= len(self._pages):
            raise no_such_frame(str(self.path), start, len(self._pages))
        for index, pixels in enumerate(self._pixels(self._pages[start:]), start):
            begin, end = self._seconds[index : index + 2]
            yield Frame(
                index,
                f"{index:05d}",
                self._range.to_rgb(pixels),
                begin,
                duration_seconds=end - begin,
                deep=self._range.to_deep(pixels) if self._deep and self._wants_deep else None,
            )

    def frames_reversed(self, until: int) -> Iterator[Frame]:
        """Yield the pictures from ``until`` back to 0, the same as forwards; raises MediaError."""
        return reversed_frames(self, until)

    def frames_near(self, start: int, fingerprints: Fingerprints, run_up: int) -> Iterator[Frame]:  # noqa: ARG002
        """Yield the frames from ``start`` on: pages are found by their numbers."""
        return self.frames(start)

    def _scan(self, count: int) -> tuple[list[int], list[float]]:
        """Return which pages are frames, and when each begins and the last ends."""
        pages, seconds = [], [0.0]
        try:
            with open_picture(self.path, str(self.path)) as image:
                size = image.size
                for page in range(count):
                    image.seek(page)
                    if image.format != "TIFF":
                        image.load()  # the duration is known only then
                    reduced = getattr(image, "tag_v2", {}).get(REDUCED, 0) & 1
                    if page == 0 or (image.size == size and not reduced):
                        pages.append(page)
                        shown = image.info.get("duration") or 1000 / IMAGE_RATE
                        seconds.append(seconds[-1] + float(shown) / 1000)
        except FAILURES as error:
            raise unreadable(self.path, error) from error
        return pages, seconds

    def _choose_range(self) -> ValueRange:
        if not self._deep:
            return ValueRange(0, 255)
        step = max(1, len(self._pages) // SAMPLES)
        chosen = choose_range(self._pixels(self._pages[::step]))
        if chosen.words:
            self.notes.add(chosen.words)
        return chosen

    def _pixels(self, pages: Sequence[int]) -> Iterator[Pixels]:
        """Yield the pixels of pages in order; raises MediaError at one that cannot be decoded."""
        try:
            if self._deep:
                yield from map(self._deep_page, pages)
                return
            with open_picture(self.path, str(self.path)) as image:
                for page in pages:
                    image.seek(page)
                    yield as_rgb(ImageOps.exif_transpose(image))
        except FAILURES as error:
            raise unreadable(self.path, error) from error

    def _deep_page(self, page: int) -> Pixels:
        read, found = cv2.imreadmulti(str(self.path), page, 1, flags=cv2.IMREAD_UNCHANGED)
        if not read or not found:
            raise OSError(f"page {page} cannot be decoded")
        return rgb_of_opencv(np.asarray(found[0]))
