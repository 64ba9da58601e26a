"""Pictures to an MP4 file that plays everywhere, with the source's times and sound."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from ..files.atomic import AtomicFile, output_error
from ..structures import RgbImage, SourceInfo
from .audio_track import Sound

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
LONGEST_SECONDS = 3600.0
"""A picture that is shown for longer is a jump of a clock; MP4 counts up to 5 hours."""
GRID_SECONDS = 0.001
"""Times this near to a multiple of the frame duration are put there: Matroska rounds to 1 ms."""
BT709 = 1
"""Matrix, primaries and transfer of ITU-T H.273."""
LIMITED_RANGE = 1


class VideoWriter:
    """Write pictures with their times as H.264 in MP4: yuv420p, BT.709, limited range, fast start.

    The first picture is at 0, whatever its time. Odd sizes get a row or column more, a copy of the
    last. Pixels keep the shape that the source's have. ``constant_rate`` repeats and drops pictures
    to come to the average rate. The source's sound is carried over from the first picture to the
    last. ``warnings`` says where that fails, and the video goes on without; or where a picture
    would be shown for more than an hour, and is for a second. The file appears when ``close`` is
    called; a failure, ``abort``, or an exception in the ``with`` block removes what there is. Where
    FFmpeg was built without libx264, MPEG-4 part 2 is written. Raises OutputError.
    """

    def __init__(self, path: str | Path, info: SourceInfo, *, constant_rate: bool = False) -> None:
        self.path = Path(path)
        self._step = 1 / info.frames_per_second
        self._last_pts = -1
        self._file = AtomicFile(self.path)
        self._constant_rate = constant_rate
        self._pending: tuple[RgbImage, float, float | None] | None = None
        self._info = info
        self._start = 0.0
        self._sound: Sound | None = None
        self._jumps: list[str] = []
        self._open = True
        with self._guarded():
            self._container = _open_output(self._file.temporary)
            self._stream = _add_video(self._container, info)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What could not be carried over as it is."""
        problems = [] if self._sound is None else self._sound.problems
        sound = [f"the source's {problem} could not be carried over" for problem in problems]
        return tuple(f"{self.path}: {words}" for words in (*sound, *self._jumps))

    def write(
        self, image: RgbImage, time_seconds: float, duration_seconds: float | None = None
    ) -> None:
        """Add an (H, W, 3) RGB picture of the source's size; times must rise.

        It is shown until the next one; the last one for ``duration_seconds``, by default as long as
        pictures are on average.
        """
        if self._pending is None:
            self._start = time_seconds
            with self._guarded():
                self._sound = self._open_sound(self._info)
        else:
            image_before, seconds, _ = self._pending
            self._limit(seconds, time_seconds - self._start)
            self._encode(image_before, seconds, until=time_seconds - self._start)
        self._pending = (image, time_seconds - self._start, duration_seconds)

    def close(self) -> None:
        """Finish the file and move it into place; without any picture there is none."""
        if not self._open:
            return
        if self._pending is None:
            self.abort()
            return
        image, seconds, duration = self._pending
        shown = min(duration or float(self._step), LONGEST_SECONDS)
        self._encode(image, seconds, until=seconds + shown)
        with self._guarded():
            self._container.mux(self._stream.encode(None))
            self._close_sound()
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
            self._close_sound()
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

    def _limit(self, seconds: float, until: float) -> None:
        """Shorten a jump of the clock, by moving the start; sound would no longer fit, and ends."""
        gap = until - seconds
        if gap <= LONGEST_SECONDS:
            return
        self._start += gap - 1
        self._close_sound()
        self._jumps.append(
            f"the source's clock jumps by {gap:.0f} s after {seconds:.2f} s; 1 s of it is shown, "
            "without sound from there on"
        )

    def _encode(self, image: RgbImage, seconds: float, *, until: float) -> None:
        """Encode one picture that is shown up to a time, and the sound up to there."""
        times = [(seconds, until)]
        if self._constant_rate:
            step = float(self._step)
            ticks = range(math.ceil(seconds / step - 0.5), math.ceil(until / step - 0.5))
            times = [(tick * step, (tick + 1) * step) for tick in ticks]
        with self._guarded():
            for begin, end in times:
                frame = to_yuv420(image)
                frame.time_base = self._stream.codec_context.time_base
                frame.pts = max(self._ticks(begin), self._last_pts + 1)
                frame.duration = max(1, self._ticks(end) - frame.pts)
                self._last_pts = frame.pts
                self._container.mux(self._stream.encode(frame))
            if self._sound is not None:
                self._sound.write_until(until)

    def _ticks(self, seconds: float) -> int:
        """Return a time in units of the stream's time base, on the grid of the rate if near it."""
        grid = round(seconds / self._step) * self._step
        if abs(float(grid) - seconds) <= GRID_SECONDS:
            return round(grid / self._stream.codec_context.time_base)
        return round(seconds / self._stream.codec_context.time_base)

    def _open_sound(self, info: SourceInfo) -> Sound | None:
        if not info.has_audio or info.kind != "video" or not Path(info.path).is_file():
            return None
        return Sound(
            Path(info.path),
            self._container,
            origin_seconds=info.start_seconds,
            start_seconds=self._start,
        )

    def _close_sound(self) -> None:
        if self._sound is not None:
            self._sound.close()

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


def to_yuv420(image: RgbImage) -> VideoFrame:
    """Convert an (H, W, 3) RGB picture to a yuv420p frame, BT.709 limited, of even size."""
    from av.video.frame import VideoFrame
    from av.video.reformatter import ColorRange, Colorspace, Interpolation

    height, width = image.shape[:2]
    if height % 2 or width % 2:
        border = cv2.BORDER_REPLICATE
        image = np.asarray(cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, border))
    flags = Interpolation.BILINEAR | Interpolation.ACCURATE_RND
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24").reformat(
        format="yuv420p",
        interpolation=flags,
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
    )
    frame.color_primaries = frame.color_trc = BT709
    return frame


def _open_output(path: Path) -> OutputContainer:
    import av

    # The prefix keeps names such as "a:b.mp4" from being taken for a protocol.
    options = {"movflags": "+faststart"}
    container: OutputContainer = av.open(f"file:{path}", mode="w", format="mp4", options=options)
    return container


def _add_video(container: OutputContainer, info: SourceInfo) -> VideoStream:
    """Add the video stream: H.264, or MPEG-4 part 2 where libx264 is missing."""
    rate = info.frames_per_second.limit_denominator(30_000)
    if X264 in container.supported_codecs:
        stream = container.add_stream(X264, rate=rate, options=X264_OPTIONS)
        stream.codec_context.time_base = X264_TIME_BASE
    else:
        stream = container.add_stream("mpeg4", rate=rate, options=MPEG4_OPTIONS)
        stream.codec_context.time_base = MPEG4_TIME_BASE
    height, width = info.size_hw
    stream.height, stream.width = height + height % 2, width + width % 2
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.colorspace = context.color_primaries = context.color_trc = BT709
    context.color_range = LIMITED_RANGE
    if info.pixel_aspect != 1:
        context.sample_aspect_ratio = info.pixel_aspect.limit_denominator(1000)
    return stream
