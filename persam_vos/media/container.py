"""Opening video files: which stream is the picture, and what its container says about it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import MediaError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

FALLBACK_RATE = Fraction(25)
"""Frames per second of a stream that does not say: raw streams, and FFmpeg's own assumption."""


@contextlib.contextmanager
def open_container(path: Path) -> Iterator[InputContainer]:
    """Open a video file for reading; raises MediaError when it is none, and closes it after."""
    import av

    if path.stat().st_size == 0:
        raise MediaError(
            str(path), got="an empty file", expected="a video", remedy="copy or export it again"
        )
    try:
        # The prefix keeps names such as "a:b.mp4" from being taken for a protocol.
        container = av.open(f"file:{path}", mode="r", metadata_errors="replace")
    except (av.FFmpegError, ValueError) as error:
        raise MediaError(
            str(path),
            got=f"a file that does not open as a video ({reason(error)})",
            expected="a whole video file, such as MP4, MOV, MKV or WebM",
            remedy="check that it plays, and copy or export it again if it does not",
        ) from error
    with container:
        yield container


def video_stream(path: str | Path, container: InputContainer) -> VideoStream:
    """Return the main video stream; cover pictures do not count. Raises MediaError if none."""
    from av.stream import Disposition

    moving = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not moving:
        kinds = ", ".join(sorted({s.type for s in container.streams})) or "nothing"
        raise MediaError(
            str(path),
            got=f"a file without a video stream (it has {kinds})",
            expected="a video",
            remedy="name a file with pictures in it",
        )
    stream = max(moving, key=lambda s: (bool(s.disposition & Disposition.default), -s.index))
    if stream.codec_context is None:
        raise MediaError(
            str(path),
            got="a video codec that this build of FFmpeg cannot decode",
            expected="a common codec, such as H.264, HEVC, VP9 or AV1",
            remedy="convert it to H.264 first",
        )
    stream.thread_type = "AUTO"
    return stream


def average_rate(stream: VideoStream) -> Fraction:
    """Return the average frames per second of a stream."""
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate:
            return Fraction(rate)
    return FALLBACK_RATE


def stated_seconds(container: InputContainer, stream: VideoStream) -> Fraction | None:
    """Return how long a stream lasts by its header, or None when that does not say.

    Only MP4, MOV, AVI and Matroska are believed; for others FFmpeg guesses from what is there.
    """
    name = container.format.name
    if "mp4" in name and stream.duration and stream.time_base:
        return Fraction(stream.duration) * stream.time_base
    if name == "avi" and stream.frames > 0:
        return stream.frames / average_rate(stream)
    if "matroska" in name and len(container.streams) == 1:
        return container_seconds(container)
    return None


def container_seconds(container: InputContainer) -> Fraction | None:
    """Return how long the longest stream of a container lasts, or None when it does not say."""
    import av

    return None if container.duration is None else Fraction(container.duration, av.time_base)


def end_seconds(packet: Packet[VideoStream], stream: VideoStream) -> Fraction:
    """Return when a packet's picture stops being shown, in seconds from the stream's start."""
    stamp = packet.pts if packet.pts is not None else packet.dts
    if stamp is None or stream.time_base is None:
        return Fraction(0)
    return (stamp - (stream.start_time or 0) + (packet.duration or 0)) * stream.time_base


def frame_count(container: InputContainer, stream: VideoStream) -> int | None:
    """Return the number of frames that the container states or implies, or None."""
    if stream.frames > 0:
        return int(stream.frames)
    seconds = container_seconds(container)
    if stream.duration is not None and stream.time_base is not None:
        seconds = Fraction(stream.duration) * stream.time_base
    return None if seconds is None else max(1, round(seconds * average_rate(stream)))


def reason(error: Exception) -> str:
    """Return FFmpeg's own words for an error, without file names."""
    return getattr(error, "strerror", None) or type(error).__name__
