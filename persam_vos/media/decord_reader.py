"""Frames of a video file, by decord; PyAV tells what the file is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from persam_vos.errors import MediaError
from persam_vos.media.video_reader import VideoSource
from persam_vos.structures import Frame, RgbImage

if TYPE_CHECKING:
    from decord import VideoReader

REMEDY = "use --reader pyav"


class DecordSource(VideoSource):
    """A video file read by decord, with the facts, names and errors of ``VideoSource``.

    decord turns frames upright itself, but knows no mirrored ones; these are refused, as is what
    decord cannot open or decode (MediaError, which names the other reader as the way out).
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        if self.orientation.mirrored:
            raise MediaError(
                str(path), got="a mirrored video", expected="a rotated one at most", remedy=REMEDY
            )

    def frames(self) -> Iterator[Frame]:
        """Yield every frame in order of presentation; raises MediaError where decord fails."""
        video = self._open()
        start = None
        for index in range(len(video)):
            image, seconds = self._read(video, index)
            start = seconds if start is None else start
            self._check_size(index, image)
            yield Frame(index, f"{index:05d}", image, seconds - start)

    def _open(self) -> VideoReader:
        import decord

        decord.logging.set_level(decord.logging.QUIET)
        try:
            return decord.VideoReader(str(self.path), ctx=decord.cpu(0))
        except (decord.DECORDError, RuntimeError, AssertionError) as error:
            raise self._refusal("a video that decord does not open", error) from error

    def _read(self, video: VideoReader, index: int) -> tuple[RgbImage, float]:
        import decord

        try:
            image: RgbImage = video.next().asnumpy()
            return image, float(video.get_frame_timestamp(index)[0])
        except (decord.DECORDError, RuntimeError, StopIteration, IndexError) as error:
            got = f"{index} of {len(video)} frames from decord"
            raise self._refusal(got, error) from error

    def _refusal(self, got: str, error: Exception) -> MediaError:
        # decord's messages begin with a time, a source line and the path, and end in a stack trace.
        words = str(error).strip().partition("\n")[0].rpartition(".cc:")[2].rpartition("] ")[2]
        words = words or type(error).__name__
        return MediaError(
            str(self.path), got=f"{got} ({words})", expected="every frame", remedy=REMEDY
        )
