"""Pictures to a video file with the source's times and sound: an MP4 that plays everywhere."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from ..files.atomic import AtomicFile, atomic_path
from ..structures import SourceInfo
from .joining import Part, join, video_warnings
from .picture_encoder import H264, PictureEncoder, Pixels, VideoFormat, ffmpeg_errors
from .picture_times import PictureTimes


class VideoWriter:
    """Write pictures with their times, by default as H.264 in MP4: yuv420p, BT.709, fast start.

    The first picture is at 0, whatever its time. Odd sizes get a row or column more, a copy of the
    last. Pixels keep the shape that the source's have. ``constant_rate`` repeats and drops pictures
    to come to the average rate. The source's sound is carried over from the first picture to the
    last. ``warnings`` says, once closed, where that failed, and the video goes on without; or where
    a picture would be shown for more than an hour, and is for a second. Where FFmpeg was built
    without libx264, MPEG-4 part 2 is written.

    Pictures go to a hidden file beside ``path``, in fragments: a killed program leaves one that can
    be played. The file itself appears when ``close`` is called; a failure, ``abort``, or an
    exception in the ``with`` block removes what there is. Raises OutputError.
    """

    def __init__(
        self,
        path: str | Path,
        info: SourceInfo,
        video_format: VideoFormat | None = None,
        *,
        constant_rate: bool = False,
    ) -> None:
        self.path = Path(path)
        self._format = video_format or H264
        self._info = info
        self._pending: tuple[Pixels, float, float | None] | None = None
        self._problems: list[str] = []
        self._open = True
        self._encoder: PictureEncoder | None = None
        self._pictures = AtomicFile(self.path)
        with self._guarded():
            self._encoder = PictureEncoder(
                self._pictures.temporary, info, self._format, fragments=True
            )
            self._times = PictureTimes(
                1 / info.frames_per_second, self._encoder.time_base, constant_rate
            )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What could not be carried over as it is."""
        return video_warnings(self.path, self._problems, self._times)

    def write(
        self, image: Pixels, time_seconds: float, duration_seconds: float | None = None
    ) -> None:
        """Add a picture of the source's size, RGB unless the format says else; times must rise.

        It is shown until the next one; the last one for ``duration_seconds``, by default as long as
        pictures are on average.
        """
        if self._pending is not None:
            image_before, seconds, _ = self._pending
            self._encode(image_before, seconds, self._times.until(seconds, time_seconds))
        self._pending = (image, self._times.begin(time_seconds), duration_seconds)

    def close(self) -> None:
        """Finish the file and move it into place; without any picture there is none."""
        if not self._open:
            return
        if self._pending is None:
            self.abort()
            return
        image, seconds, duration = self._pending
        self._encode(image, seconds, self._times.at_end(seconds, duration))
        with self._guarded(), atomic_path(self.path) as temporary:
            assert self._encoder is not None
            self._encoder.finish()
            self._problems = join(
                [Part(self._pictures.temporary, count=self._encoder.count)],
                temporary,
                self._format.container,
                self._times,
                sound_of=self._info if self._format.sound else None,
                metadata=self._format.metadata,
            )
        self._pictures.discard()
        self._open = False

    def abort(self) -> None:
        """Drop what was written."""
        if not self._open:
            return
        self._open = False
        self._pending = None
        # What is wrong with a file that goes away does not matter.
        with contextlib.suppress(Exception):
            if self._encoder is not None:
                self._encoder.close()
        self._pictures.discard()

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def _encode(self, image: Pixels, seconds: float, until: float) -> None:
        """Encode one picture that is shown up to a time."""
        with self._guarded():
            assert self._encoder is not None
            for pts, duration in self._times.spans(seconds, until):
                self._encoder.encode(image, pts, duration)

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """Abort on any failure, and raise OutputError for those of FFmpeg and the file system."""
        try:
            with ffmpeg_errors(self.path):
                yield
        except BaseException:
            self.abort()
            raise
