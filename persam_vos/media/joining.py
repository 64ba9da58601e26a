"""Videos without sound, copied one behind the other into one file, with the sound of the source."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..structures import SourceInfo
from .audio_track import Sound
from .picture_encoder import open_output
from .picture_times import PictureTimes

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.stream import VideoStream


@dataclass(frozen=True, slots=True)
class Part:
    """A video of pictures alone.

    ``base_pts`` is the time of its first one, in ticks; ``count`` says how many there should be, if
    that is known: of the last fragment, FFmpeg does not tell that the disk was full.
    """

    path: Path
    base_pts: int = 0
    count: int | None = None


def join(
    parts: Sequence[Part],
    path: Path,
    container: str,
    times: PictureTimes,
    *,
    sound_of: SourceInfo | None,
    metadata: Mapping[str, str],
) -> list[str]:
    """Copy the packets of all parts into one file, each beside the sound of its time.

    ``times`` are those of the pictures. ``metadata`` goes into their stream. Returns what of the
    sound could not be carried over. Raises FFmpeg's errors, and OSError for pictures that are gone.
    """
    sound: Sound | None = None
    stream: VideoStream | None = None
    with open_output(path, container) as output:
        try:
            for part in parts:
                if stream is None:
                    stream = _stream_like(part, output, times)
                    stream.metadata.update(metadata)
                    sound = _open_sound(sound_of, output, times)
                _copy(part, output, stream, times, sound)
        finally:
            if sound is not None:
                sound.close()
    return [] if sound is None else sound.problems


def _stream_like(part: Part, output: OutputContainer, times: PictureTimes) -> VideoStream:
    import av

    with av.open(f"file:{part.path}") as source:
        video = source.streams.video[0]
        stream: VideoStream = output.add_stream_from_template(video)
        if video.codec_context.name == "prores":  # of which the tag alone tells the profile
            stream.codec_context.codec_tag = video.codec_context.codec_tag
    stream.time_base = times.time_base
    return stream


def _open_sound(
    info: SourceInfo | None, output: OutputContainer, times: PictureTimes
) -> Sound | None:
    """Open a source's sound for an output whose pictures begin at the first of ``times``."""
    if info is None or not info.has_audio:
        return None
    return Sound(
        info.path if "://" in info.path else Path(info.path),
        output,
        origin_seconds=info.start_seconds,
        start_seconds=times.first_seconds or 0.0,
    )


def _copy(
    part: Part,
    output: OutputContainer,
    stream: VideoStream,
    times: PictureTimes,
    sound: Sound | None,
) -> None:
    import av

    left = part.count
    with av.open(f"file:{part.path}") as source:
        for packet in source.demux(source.streams.video[0]):
            if packet.pts is None or packet.dts is None or packet.time_base is None:
                continue  # the empty one at the end
            begin = round(packet.pts * packet.time_base / times.time_base) + part.base_pts
            span = max(1, round((packet.duration or 0) * packet.time_base / times.time_base))
            packet.stream, packet.time_base = stream, times.time_base
            packet.pts = packet.dts = begin  # the same, as there are no B-frames
            packet.duration = span
            output.mux(packet)
            if left is not None:
                left -= 1
            if sound is not None:
                until = float((begin + span) * times.time_base)
                sound.write_until(min(until, times.sound_seconds or until))
    if left:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def video_warnings(path: Path, problems: Sequence[str], times: PictureTimes) -> tuple[str, ...]:
    """Say what could not be carried over into a video as it is; ``problems`` are of `join`."""
    told = [f"the source's {problem} could not be carried over" for problem in problems]
    return tuple(f"{path}: {words}" for words in (*told, *times.jumps))
