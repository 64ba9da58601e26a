"""Pictures to a video file with the source's times and sound: an MP4 that plays everywhere."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, cast

import cv2
import numpy as np
import numpy.typing as npt

from ..errors import OutputError
from ..files.atomic import AtomicFile, output_error
from ..structures import ColourTags, SourceInfo
from .alpha_plane import AlphaPlane
from .audio_track import Sound
from .picture import SWSCALE_WHITE
from .picture_times import PictureTimes

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.packet import Packet
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
BT709 = ColourTags(1, 1, 1)
LIMITED_RANGE, FULL_RANGE = 1, 2

Pixels = npt.NDArray[Any]
"""(H, W), (H, W, 3) or (H, W, 4) uint8 or uint16: grey, RGB or RGBA, as the format wants it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFormat:
    """How pictures are encoded, and in what file.

    ``to_frame`` makes a frame of ``pixel_format`` of (H, W, ...) pixels; ``even`` tells that
    it adds a row or column to odd sizes. ``colour`` and ``metadata`` go into the stream. With
    ``alpha_beside`` the fourth channel of pictures becomes a video of its own, see `AlphaPlane`.
    """

    codec: str
    container: str
    pixel_format: str
    to_frame: Callable[[Pixels], VideoFrame]
    options: Mapping[str, str] = field(default_factory=dict)
    time_base: Fraction = X264_TIME_BASE
    range: int = LIMITED_RANGE
    colour: ColourTags = BT709
    even: bool = False
    sound: bool = True
    alpha_beside: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)


class VideoWriter:
    """Write pictures with their times, by default as H.264 in MP4: yuv420p, BT.709, fast start.

    The first picture is at 0, whatever its time. Odd sizes get a row or column more, a copy of the
    last. Pixels keep the shape that the source's have. ``constant_rate`` repeats and drops pictures
    to come to the average rate. The source's sound is carried over from the first picture to the
    last. ``warnings`` says where that fails, and the video goes on without; or where a picture
    would be shown for more than an hour, and is for a second. The file appears when ``close`` is
    called; a failure, ``abort``, or an exception in the ``with`` block removes what there is. Where
    FFmpeg was built without libx264, MPEG-4 part 2 is written. Raises OutputError.
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
        self._file = AtomicFile(self.path)
        self._pending: tuple[Pixels, float, float | None] | None = None
        self._info = info
        self._sound: Sound | None = None
        self._open = True
        self._encoder: PictureEncoder | None = None
        with self._guarded():
            self._encoder = encoder = PictureEncoder(self._file.temporary, info, self._format)
            self._times = picture_times(info, encoder, constant_rate=constant_rate)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What could not be carried over as it is."""
        return video_warnings(self.path, self._sound, self._times)

    def write(
        self, image: Pixels, time_seconds: float, duration_seconds: float | None = None
    ) -> None:
        """Add a picture of the source's size, RGB unless the format says else; times must rise.

        It is shown until the next one; the last one for ``duration_seconds``, by default as long as
        pictures are on average.
        """
        if self._pending is None:
            seconds = self._times.begin(time_seconds)
            with self._guarded():
                self._sound = self._open_sound()
        else:
            image_before, seconds, _ = self._pending
            until = self._times.until(seconds, time_seconds)
            self._encode(image_before, seconds, until)
            seconds = self._times.begin(time_seconds)
        self._pending = (image, seconds, duration_seconds)

    def close(self) -> None:
        """Finish the file and move it into place; without any picture there is none."""
        if not self._open:
            return
        if self._pending is None:
            self.abort()
            return
        image, seconds, duration = self._pending
        self._encode(image, seconds, self._times.at_end(seconds, duration))
        with self._guarded():
            assert self._encoder is not None
            self._encoder.finish()
            self._close_sound()
            self._encoder.close()
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
            if self._encoder is not None:
                self._encoder.close()
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

    def _encode(self, image: Pixels, seconds: float, until: float) -> None:
        """Encode one picture that is shown up to a time, and the sound up to there."""
        with self._guarded():
            assert self._encoder is not None
            for pts, duration in self._times.spans(seconds, until):
                self._encoder.encode(image, pts, duration)
            if self._times.sound_seconds is not None:
                self._close_sound()
            if self._sound is not None:
                self._sound.write_until(until)

    def _open_sound(self) -> Sound | None:
        assert self._encoder is not None
        if not self._format.sound:
            return None
        return open_sound(self._info, self._encoder.container, self._times)

    def _close_sound(self) -> None:
        if self._sound is not None:
            self._sound.close()

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """Abort on any failure, and raise OutputError for those of FFmpeg and the file system."""
        try:
            with ffmpeg_errors(self.path):
                yield
        except BaseException:
            self.abort()
            raise


class PictureEncoder:
    """Encodes pictures at given times into a file; raises FFmpeg's errors, OutputError for a codec.

    ``container`` may get sound beside them.
    """

    def __init__(self, path: Path, info: SourceInfo, video_format: VideoFormat) -> None:
        self._format = video_format
        self._durations: dict[int, int] = {}
        self.container = open_output(path, video_format.container)
        self._stream = _add_video(self.container, info, video_format)
        self._alpha: AlphaPlane | None = None
        if video_format.alpha_beside:
            self._alpha = AlphaPlane(info.size_hw, self.time_base)

    @property
    def time_base(self) -> Fraction:
        """What times are counted in, in seconds."""
        base = self._stream.codec_context.time_base
        assert base is not None  # as it was set
        return base

    def encode(self, image: Pixels, pts: int, duration: int) -> None:
        """Add a picture, shown from ``pts`` for ``duration``, both in ticks."""
        frame = self._format.to_frame(image)
        frame.time_base = self.time_base
        frame.pts, frame.duration = pts, duration
        self._durations[pts] = duration
        if self._alpha is not None:
            self._alpha.add(image[..., 3], pts)
        self._mux(self._stream.encode(frame))

    def finish(self) -> None:
        """Write what the encoder still holds; the container stays open."""
        self._mux(self._stream.encode(None))

    def close(self) -> None:
        """Close the file."""
        self.container.close()

    def _mux(self, packets: list[Packet[VideoStream]]) -> None:
        """Write packets, with the durations that encoders forget."""
        for packet in packets:
            packet.duration = self._durations.pop(packet.pts or 0, packet.duration)
            if self._alpha is not None:
                self._alpha.attach(packet)
            self.container.mux(packet)


def picture_times(
    info: SourceInfo, encoder: PictureEncoder, *, constant_rate: bool
) -> PictureTimes:
    """Return what times the pictures of a source for an encoder."""
    return PictureTimes(1 / info.frames_per_second, encoder.time_base, constant_rate)


def open_sound(info: SourceInfo, output: OutputContainer, times: PictureTimes) -> Sound | None:
    """Open a source's sound for an output whose pictures begin at the first of ``times``."""
    if not info.has_audio:
        return None
    return Sound(
        info.path if "://" in info.path else Path(info.path),
        output,
        origin_seconds=info.start_seconds,
        start_seconds=times.first_seconds or 0.0,
    )


def video_warnings(path: Path, sound: Sound | None, times: PictureTimes) -> tuple[str, ...]:
    """Say what could not be carried over into a video as it is."""
    problems = [] if sound is None else sound.problems
    told = [f"the source's {problem} could not be carried over" for problem in problems]
    return tuple(f"{path}: {words}" for words in (*told, *times.jumps))


@contextlib.contextmanager
def ffmpeg_errors(path: Path) -> Iterator[None]:
    """Raise OutputError for failures of FFmpeg and the file system while ``path`` is written."""
    import av

    try:
        yield
    except (av.FFmpegError, OSError) as error:
        # FFmpeg's errors carry the numbers of the system's.
        cause = OSError(error.errno or 0, error.strerror or str(error))
        raise output_error(path, cause) from error


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


def to_yuv(image: Pixels, given: str, wanted: str, colour: ColourTags = BT709) -> VideoFrame:
    """Convert pixels of one of FFmpeg's formats to a limited frame of another, tagged so."""
    from av.video.frame import VideoFrame
    from av.video.reformatter import ColorRange, Interpolation

    flags = Interpolation.BILINEAR | Interpolation.ACCURATE_RND
    if image.dtype == np.uint16:  # of which swscale takes another value for white
        image[..., :3] = np.rint(image[..., :3] * np.float32(SWSCALE_WHITE / 65535))
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(image), format=given).reformat(
        format=wanted,
        interpolation=flags,
        dst_colorspace=colour.matrix,
        dst_color_range=ColorRange.MPEG,
    )
    frame.color_primaries, frame.color_trc = colour.primaries, colour.transfer
    return frame


H264 = VideoFormat(
    codec=X264,
    container="mp4",
    pixel_format="yuv420p",
    to_frame=to_yuv420,
    options=X264_OPTIONS,
    even=True,
)


def open_output(path: Path, container: str) -> OutputContainer:
    """Open a file to write, of one of FFmpeg's formats; MP4 and MOV get a fast start."""
    import av

    # The prefix keeps names such as "a:b.mp4" from being taken for a protocol.
    options = {"movflags": "+faststart"} if container in ("mp4", "mov") else {}
    output: OutputContainer = av.open(f"file:{path}", mode="w", format=container, options=options)
    return output


def _add_video(
    container: OutputContainer, info: SourceInfo, video_format: VideoFormat
) -> VideoStream:
    """Add the video stream; MPEG-4 part 2 in place of H.264 where its encoder is missing."""
    rate = info.frames_per_second.limit_denominator(30_000)
    codec, even = video_format.codec, video_format.even
    if codec in container.supported_codecs:
        options = dict(video_format.options)
        stream = cast("VideoStream", container.add_stream(codec, rate=rate, options=options))
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
    colour = video_format.colour
    context.colorspace, context.color_primaries = colour.matrix, colour.primaries
    context.color_trc, context.color_range = colour.transfer, video_format.range
    if info.pixel_aspect != 1:
        context.sample_aspect_ratio = info.pixel_aspect.limit_denominator(1000)
    return stream
