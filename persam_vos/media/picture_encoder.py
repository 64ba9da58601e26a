"""How pictures are encoded into a video file: formats, colours, and the stream."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import cv2
import numpy as np
import numpy.typing as npt

from ..errors import OutputError
from ..files.atomic import output_error
from ..structures import ColourTags, SourceInfo
from .alpha_plane import AlphaPlane
from .picture import SWSCALE_WHITE

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
_FRAGMENTS = {
    "movflags": "+empty_moov+default_base_moof",
    "frag_duration": "1000000",
    "flush_packets": "1",
}

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


class PictureEncoder:
    """Encodes pictures at given times into a file; raises FFmpeg's errors, OutputError for a codec.

    With ``fragments`` the file can be played as far as it goes, while it is written. ``count`` is
    how many pictures it has been given.
    """

    def __init__(
        self, path: Path, info: SourceInfo, video_format: VideoFormat, *, fragments: bool = False
    ) -> None:
        self._format = video_format
        self._durations: dict[int, int] = {}
        self.count = 0
        self._container = open_output(path, video_format.container, fragments=fragments)
        self._stream = _add_video(self._container, info, video_format)
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
        self.count += 1
        if self._alpha is not None:
            self._alpha.add(image[..., 3], pts)
        self._mux(self._stream.encode(frame))

    def finish(self) -> None:
        """Write what the encoder still holds, and close the file."""
        self._mux(self._stream.encode(None))
        self.close()

    def close(self) -> None:
        """Close the file as it is."""
        self._container.close()

    def _mux(self, packets: list[Packet[VideoStream]]) -> None:
        """Write packets, with the durations that encoders forget."""
        for packet in packets:
            packet.duration = self._durations.pop(packet.pts or 0, packet.duration)
            if self._alpha is not None:
                self._alpha.attach(packet)
            self._container.mux(packet)


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


def open_output(path: Path, container: str, *, fragments: bool = False) -> OutputContainer:
    """Open a file to write, of one of FFmpeg's formats.

    MP4 and MOV are made for a fast start, or, with ``fragments``, of pieces of a second that can be
    played before the file is whole; WebM and Matroska are of such pieces anyway.
    """
    import av

    options = {}
    if container in ("mp4", "mov"):
        options = _FRAGMENTS if fragments else {"movflags": "+faststart"}
    # The prefix keeps names such as "a:b.mp4" from being taken for a protocol.
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
