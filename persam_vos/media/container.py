"""Opening video files: which stream is the picture, and what its container says about it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import MediaError, param
from ..files.limits import check_pixels
from .image_file import ffmpeg_limits

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

TIMEOUT_SECONDS = 30.0
"""How long an address may keep silent."""
COUNTED_BYTES = 256 << 20
"""Files up to this size are read once to count their pictures: less than a second."""
NAMES_OTHERS = frozenset(
    ("applehttp", "concat", "dash", "hls", "imf", "rtsp", "sdp", "webm_dash_manifest")
)
"""FFmpeg's formats that only say where pictures are: who made such a file would choose."""
FALLBACK_RATE = Fraction(25)
"""Frames per second of a stream that does not say: raw streams, and FFmpeg's own assumption."""


@contextlib.contextmanager
def open_container(path: Path | str) -> Iterator[InputContainer]:
    """Open a video for reading: a file, or an address as text; closes it after.

    Raises MediaError when it is none, or where reading it fails in the block.
    """
    import av

    if isinstance(path, Path) and path.stat().st_size == 0:
        raise MediaError(
            str(path), got="an empty file", expected="a video", remedy="copy or export it again"
        )
    # The prefix keeps names such as "a:b.mp4" from being taken for a protocol.
    location = f"file:{path}" if isinstance(path, Path) else path
    allowed = {"format_whitelist": self_contained()} if isinstance(path, Path) else {}
    try:
        container = av.open(
            location,
            mode="r",
            options=allowed,
            metadata_errors="replace",
            timeout=TIMEOUT_SECONDS,
        )
    except (av.FFmpegError, ValueError) as error:
        raise MediaError(
            str(path),
            got=f"a file that does not open as a video ({_why_not(path, error)})",
            expected="a whole video file, such as MP4, MOV, MKV or WebM",
            remedy="check that it plays, and copy or export it again if it does not",
        ) from error
    with container:
        try:
            yield container
        except av.FFmpegError as error:  # that nobody expected where it came up
            raise MediaError(
                str(path),
                got=f"a video that cannot be read on ({reason(error)})",
                expected="a whole video",
                remedy="check that it plays, and copy or export it again if it does not",
            ) from error


@cache
def self_contained() -> str:
    """Return FFmpeg's names of formats, for its whitelist: all but those that name other files."""
    import av

    return ",".join(sorted(av.formats_available - NAMES_OTHERS))


def _why_not(path: Path | str, error: Exception) -> str:
    if isinstance(path, Path):
        with path.open("rb") as file:
            if file.read(4096).lstrip().startswith((b"#EXTM3U", b"ffconcat")):
                return "a playlist, which names other files: name these"
    return reason(error)


def moving_streams(container: InputContainer) -> list[VideoStream]:
    """Return the video streams of a container; cover pictures do not count."""
    from av.stream import Disposition

    return [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]


def video_stream(path: Path | str, container: InputContainer, chosen: int | None) -> VideoStream:
    """Return the video stream of a number counted from 0, or the main one if that is None.

    Raises MediaError if there is none, or one that cannot be decoded.
    """
    moving = moving_streams(container)
    if not moving:
        kinds = ", ".join(sorted({s.type for s in container.streams})) or "nothing"
        raise MediaError(
            str(path),
            got=f"a file without a video stream (it has {kinds})",
            expected="a video",
            remedy="name a file with pictures in it",
        )
    if chosen is not None and chosen >= len(moving):
        raise MediaError(
            f"{path}, {param('stream', chosen)}",
            got=f"{len(moving)} video stream{'s' if len(moving) > 1 else ''}",
            expected=f"a stream from 0 to {len(moving) - 1}",
            remedy="count video streams from 0, without cover pictures",
        )
    stream = main_stream(moving) if chosen is None else moving[chosen]
    if stream.codec_context is None:
        raise MediaError(
            str(path),
            got="a video codec that this build of FFmpeg cannot decode, or that is encrypted",
            expected="a common codec, such as H.264, HEVC, VP9 or AV1",
            remedy="convert it to H.264 first, without copy protection",
        )
    context = stream.codec_context
    check_pixels(str(path), (context.height, context.width))
    context.options = {**context.options, **ffmpeg_limits()}
    stream.thread_type = "AUTO"
    return stream


def main_stream(moving: Sequence[VideoStream]) -> VideoStream:
    """Return the stream that the file names as its main one, else the first."""
    from av.stream import Disposition

    return max(moving, key=lambda s: (bool(s.disposition & Disposition.default), -s.index))


def average_rate(stream: VideoStream) -> Fraction:
    """Return the average frames per second of a stream.

    AVI has the rate of its clock, which is higher where pictures stay: those in its index tell.
    """
    if is_avi(stream) and len(stream.index_entries) > 1 and stream.time_base:
        ticks = stream.index_entries[-1].timestamp - stream.index_entries[0].timestamp
        if ticks > 0:
            return (len(stream.index_entries) - 1) / (ticks * stream.time_base)
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate:
            return Fraction(rate)
    return FALLBACK_RATE


def is_avi(stream: VideoStream) -> bool:
    """Whether a stream is in AVI, where every picture is said to last one tick of a clock."""
    return stream.container.format.name == "avi"


def frame_count(path: Path | str, container: InputContainer, stream: VideoStream) -> int | None:
    """Return how many pictures there are to decode, None if only reading all would tell.

    Headers are not believed: recorders guess. MP4 and AVI have an index of every picture; of other
    files that are not too large, the packets are counted.
    """
    import av

    if is_avi(stream) or "mp4" in container.format.name:
        return len(stream.index_entries) or None
    if not isinstance(path, Path) or path.stat().st_size > COUNTED_BYTES:
        return None
    count = 0
    with open_container(path) as whole, contextlib.suppress(av.FFmpegError):
        for packet in whole.demux(whole.streams[stream.index]):
            count += bool(packet.size) and not packet.is_discard
    return count or None


def reason(error: Exception) -> str:
    """Return FFmpeg's own words for an error, without file names."""
    return getattr(error, "strerror", None) or type(error).__name__
