"""Frames of a video file, by decord; PyAV tells what the file is."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import MediaError, UsageError, param
from ..structures import Frame, RgbImage
from .frame_numbers import no_such_frame
from .read_options import DEFAULT, ReadOptions
from .reversing import Fingerprints
from .video_reader import VideoSource

if TYPE_CHECKING:
    from decord import VideoReader

REMEDY = f"use {param('reader', 'pyav')}"


class DecordSource(VideoSource):
    """A video file read by decord, with the facts, names and errors of ``VideoSource``.

    decord turns frames upright itself, but knows no mirrored, interlaced or HDR video, and no
    streams beside the main one; these are refused, as is what decord cannot open or decode
    (MediaError, which names the other reader as the way out). Raises UsageError where decord is not
    installed.
    """

    def __init__(self, path: Path | str, options: ReadOptions = DEFAULT) -> None:
        _require_decord()
        super().__init__(path, options)
        for is_so, got, expected in (
            (self.orientation.mirrored, "a mirrored video", "a rotated one at most"),
            (self._deinterlaces, "an interlaced video", "whole pictures"),
            (bool(self.info.transfer), f"a {self.info.transfer} video", "a standard range"),
            (options.stream is not None, "a stream by its number", "the main stream"),
        ):
            if is_so:
                raise MediaError(str(path), got=got, expected=expected, remedy=REMEDY)

    def frames(self, start: int = 0) -> Generator[Frame, None, None]:
        """Yield the frames from ``start`` on, by reading all; raises MediaError as decord fails."""
        video = self._open()
        if start >= len(video):
            raise no_such_frame(str(self.path), start, len(video))
        for index in range(len(video)):
            frame = self._read(video, index)
            if index >= start:
                yield frame

    def frames_near(self, start: int, fingerprints: Fingerprints, run_up: int) -> Iterator[Frame]:  # noqa: ARG002
        """Yield what decord finds at ``start`` and after it; `reversed_frames` checks it."""
        import decord

        video = self._open()
        try:
            video.seek_accurate(start - run_up)
        except (decord.DECORDError, RuntimeError) as error:
            raise self._refusal(f"no frame {start} from decord", error) from error
        for index in range(start - run_up, len(video)):
            frame = self._read(video, index)
            if index >= start:
                yield frame

    def _open(self) -> VideoReader:
        import decord

        decord.logging.set_level(decord.logging.QUIET)
        try:
            return decord.VideoReader(str(self.path), ctx=decord.cpu(0))
        except (decord.DECORDError, RuntimeError, AssertionError) as error:
            raise self._refusal("a video that decord does not open", error) from error

    def _read(self, video: VideoReader, index: int) -> Frame:
        import decord

        try:
            image: RgbImage = video.next().asnumpy()
            start, seconds = (float(video.get_frame_timestamp(i)[0]) for i in (0, index))
        except (decord.DECORDError, RuntimeError, StopIteration, IndexError) as error:
            got = f"{index} of {len(video)} frames from decord"
            raise self._refusal(got, error) from error
        image = self._of_first_size(index, image)
        return Frame(index, f"{index:05d}", image, seconds - start)

    def _refusal(self, got: str, error: Exception) -> MediaError:
        # decord's messages begin with a time, a source line and the path, and end in a stack trace.
        words = str(error).strip().partition("\n")[0].rpartition(".cc:")[2].rpartition("] ")[2]
        words = words or type(error).__name__
        return MediaError(
            str(self.path), got=f"{got} ({words})", expected="every frame", remedy=REMEDY
        )


def _require_decord() -> None:
    """Raise UsageError where decord is not installed: it is published for few machines."""
    if find_spec("decord") is None:
        raise UsageError(
            param("reader", "decord"),
            got="a package that is not installed",
            expected="an installed one",
            remedy="run: pip install decord (on macOS with Apple silicon: eva-decord), or "
            + REMEDY,
        )
