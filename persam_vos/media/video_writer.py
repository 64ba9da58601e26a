"""Pictures to a video file with the source's times and sound: an MP4 that plays everywhere."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
import numpy.typing as npt

from ..errors import MediaError, OutputError
from ..files.atomic import AtomicFile, output_error
from ..structures import SourceInfo
from .audio_track import AudioTrack

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

X264: Final = "libx264"
X264_OPTIONS = {"crf": "18", "preset": "superfast", "bf": "0"}
"""Without B-frames the order of decoding is that of the times, so that players which count the
track's length by the former do not cut the last pictures of a variable frame rate."""
MPEG4_OPTIONS = {"qscale": "3"}
X264_TIME_BASE = Fraction(1, 120_000)
"""Whole ticks for 24, 25, 30 and 60 frames a second, and for 1000/1001 of those."""
MPEG4_TIME_BASE = Fraction(1, 30_000)
"""MPEG-4 part 2 has 16 bits for it."""
GRID_SECONDS = 0.001
"""Times this near to a multiple of the frame duration are put there: Matroska rounds to 1 ms."""
BT709 = 1
"""Matrix, primaries and transfer of ITU-T H.273."""
LIMITED_RANGE, FULL_RANGE = 1, 2

Pixels = npt.NDArray[np.uint8]
"""(H, W), (H, W, 3) or (H, W, 4) uint8: grey, RGB or RGBA, as the format wants it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFormat:
    """How pictures are encoded, and in what file.

    ``to_frame`` makes a frame of ``pixel_format`` of (H, W, ...) uint8 pixels; ``even`` tells that
    it adds a row or column to odd sizes. ``metadata`` goes into the stream.
    """

    codec: str
    container: str
    pixel_format: str
    to_frame: Callable[[Pixels], VideoFrame]
    options: Mapping[str, str] = field(default_factory=dict)
    time_base: Fraction = X264_TIME_BASE
    range: int = LIMITED_RANGE
    even: bool = False
    sound: bool = True
    metadata: Mapping[str, str] = field(default_factory=dict)


class VideoWriter:
    """Write pictures with their times, by default as H.264 in MP4: yuv420p, BT.709, fast start.

    The first picture is at 0, whatever its time. Odd sizes get a row or column more, a copy of the
    last. The source's sound is carried over from the first picture to the last; if that fails the
    video goes on without, and ``warnings`` says so. The file appears when ``close`` is called; a
    failure, ``abort``, or an exception in the ``with`` block removes what there is. Where FFmpeg
    was built without libx264, MPEG-4 part 2 is written. Raises OutputError.
    """

    def __init__(
        self, path: str | Path, info: SourceInfo, video_format: VideoFormat | None = None
    ) -> None:
        self.path = Path(path)
        self._format = video_format or H264
        self.warnings: tuple[str, ...] = ()
        self._step = 1 / info.frames_per_second
        self._last_pts = -1
        self._file = AtomicFile(self.path)
        self._pending: tuple[Pixels, float] | None = None
        self._info = info
        self._start = 0.0
        self._audio: AudioTrack | None = None
        self._open = True
        with self._guarded():
            self._container = _open_output(self._file.temporary, self._format)
            self._stream = _add_video(self._container, info, self._format)

    def write(self, image: Pixels, time_seconds: float) -> None:
        """Add a picture of the source's size, RGB unless the format says else; times must rise."""
        if self._pending is None:
            self._start = time_seconds
            with self._guarded():
                self._audio = self._open_audio(self._info)
        else:
            self._encode(*self._pending, until=time_seconds - self._start)
        self._pending = (image, time_seconds - self._start)

    def close(self) -> None:
        """Finish the file and move it into place; without any picture there is none."""
        if not self._open:
            return
        if self._pending is None:
            self.abort()
            return
        self._encode(*self._pending, until=self._pending[1] + float(self._step))
        with self._guarded():
            self._container.mux(self._stream.encode(None))
            self._close_audio()
            self._container.close()
            self._file.commit()
        self._open = False

    def abort(self) -> None:
        """Drop what was written."""
        if not self._open:
            return
        self._open = False
        self._pending = None
        # What is wrong with a file that goes away does not matter.
        with contextlib.suppress(Exception):
            self._close_audio()
        with contextlib.suppress(Exception):
            self._container.close()
        self._file.discard()

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

    def _encode(self, image: Pixels, seconds: float, *, until: float) -> None:
        """Encode one picture that is shown up to a time, and the sound up to there."""
        with self._guarded():
            frame = self._format.to_frame(image)
            frame.time_base = self._stream.codec_context.time_base
            frame.pts = max(self._ticks(seconds), self._last_pts + 1)
            frame.duration = max(1, self._ticks(until) - frame.pts)
            self._last_pts = frame.pts
            self._container.mux(self._stream.encode(frame))
            self._write_audio(until)

    def _ticks(self, seconds: float) -> int:
        """Return a time in units of the stream's time base, on the grid of the rate if near it."""
        grid = round(seconds / self._step) * self._step
        if abs(float(grid) - seconds) <= GRID_SECONDS:
            return round(grid / self._stream.codec_context.time_base)
        return round(seconds / self._stream.codec_context.time_base)

    def _open_audio(self, info: SourceInfo) -> AudioTrack | None:
        if not self._format.sound or not info.has_audio or info.kind != "video":
            return None
        import av

        try:
            return AudioTrack(Path(info.path), self._container, start_seconds=self._start)
        except (av.FFmpegError, MediaError, ValueError, OSError) as error:
            self._warn_no_audio(error)
            return None

    def _write_audio(self, until: float) -> None:
        import av

        if self._audio is None:
            return
        try:
            self._audio.write_until(until)
        except (av.FFmpegError, ValueError) as error:
            self._close_audio()
            self._warn_no_audio(error)

    def _close_audio(self) -> None:
        if self._audio is not None:
            self._audio.close()
            self._audio = None

    def _warn_no_audio(self, error: Exception) -> None:
        words = getattr(error, "strerror", None) or str(error)
        self.warnings += (f"{self.path}: the source's sound could not be carried over ({words})",)

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """Abort on any failure, and raise OutputError for those of FFmpeg and the file system."""
        import av

        try:
            yield
        except BaseException as error:
            self.abort()
            if isinstance(error, av.FFmpegError | OSError):
                # FFmpeg's errors carry the numbers of the system's.
                cause = OSError(error.errno or 0, error.strerror or str(error))
                raise output_error(self.path, cause) from error
            raise


def to_yuv420(image: Pixels) -> VideoFrame:
    """Convert an (H, W, 3) RGB picture to a yuv420p frame, BT.709 limited, of even size."""
    return to_yuv(to_even(image), "rgb24", "yuv420p")


def to_even(image: Pixels) -> Pixels:
    """Return a picture whose sides are even: a copy of the last row or column is added."""
    height, width = image.shape[:2]
    if height % 2 or width % 2:
        border = cv2.BORDER_REPLICATE
        image = np.asarray(cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, border))
    return image


def to_yuv(image: Pixels, given: str, wanted: str) -> VideoFrame:
    """Convert pixels of one of FFmpeg's formats to a frame of another, BT.709 limited."""
    from av.video.frame import VideoFrame
    from av.video.reformatter import ColorRange, Colorspace, Interpolation

    flags = Interpolation.BILINEAR | Interpolation.ACCURATE_RND
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(image), format=given).reformat(
        format=wanted,
        interpolation=flags,
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
    )
    frame.color_primaries = frame.color_trc = BT709
    return frame


H264 = VideoFormat(
    codec=X264,
    container="mp4",
    pixel_format="yuv420p",
    to_frame=to_yuv420,
    options=X264_OPTIONS,
    even=True,
)


def _open_output(path: Path, video_format: VideoFormat) -> OutputContainer:
    import av

    # The prefix keeps names such as "a:b.mp4" from being taken for a protocol.
    name = video_format.container
    options = {"movflags": "+faststart"} if name in ("mp4", "mov") else {}
    container: OutputContainer = av.open(f"file:{path}", mode="w", format=name, options=options)
    return container


def _add_video(
    container: OutputContainer, info: SourceInfo, video_format: VideoFormat
) -> VideoStream:
    """Add the video stream; MPEG-4 part 2 in place of H.264 where its encoder is missing."""
    rate = info.frames_per_second.limit_denominator(30_000)
    codec, even = video_format.codec, video_format.even
    if codec in container.supported_codecs:
        stream = container.add_stream(codec, rate=rate, options=dict(video_format.options))
        stream.codec_context.time_base = video_format.time_base
    elif video_format is not H264:
        raise OutputError(
            f"cannot write {codec} video",
            got=f"an FFmpeg without {codec}",
            expected="one that has this encoder",
            remedy="install PyAV by pip, whose FFmpeg has it",
        )
    else:
        stream = container.add_stream("mpeg4", rate=rate, options=MPEG4_OPTIONS)
        stream.codec_context.time_base = MPEG4_TIME_BASE
    height, width = info.size_hw
    stream.height, stream.width = height + even * (height % 2), width + even * (width % 2)
    stream.pix_fmt = video_format.pixel_format
    stream.metadata.update(video_format.metadata)
    context = stream.codec_context
    context.colorspace = context.color_primaries = context.color_trc = BT709
    context.color_range = video_format.range
    return stream
