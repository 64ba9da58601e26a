"""What a video says of itself, beyond what reading it needs: the only file here that opens one."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..media.container import moving_streams, open_container, video_stream
from ..media.reader import Source
from ..structures import SourceInfo

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

# Numbers of libavutil/pixfmt.h.
_MATRICES = {0: "RGB", 1: "BT.709", 5: "BT.601", 6: "BT.601", 9: "BT.2020", 10: "BT.2020"}
_RANGES = {1: "limited", 2: "full"}
_STEADY = 1.5  # durations of frames differ by less where the rate is constant: time bases round


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What an input is; produced by `probe`, consumed by `video_findings` and reports.

    ``info`` is what reading it needs to know. ``stated_count`` is how many frames its header says
    or implies, ``counted`` how many pictures are in the file; None where that is not known.
    ``longest_seconds`` is how long the one shown longest is shown, ``usual_seconds`` the median.
    ``colour_matrix`` and ``colour_range`` are empty where the file does not say. ``audio`` has the
    codecs of all sound tracks, ? for one that is unknown.
    """

    info: SourceInfo
    container: str
    stated_count: int | None = None
    counted: int | None = None
    duration_seconds: float | None = None
    usual_seconds: float | None = None
    longest_seconds: float | None = None
    colour_matrix: str = ""
    colour_range: str = ""
    alpha: bool = False
    audio: tuple[str, ...] = ()
    video_streams: int = 1

    @property
    def variable_rate(self) -> bool:
        """Whether some frame is shown clearly longer than the others."""
        if self.longest_seconds is None or self.usual_seconds is None:
            return False
        return self.longest_seconds > _STEADY * self.usual_seconds


def probe(source: Source, *, stream: int | None = None) -> VideoFacts:
    """Return what an input that was opened is; ``stream`` is the video stream that is read.

    A video file is read whole, without decoding it, to count its pictures and look at their times.
    Raises MediaError for a file that can no longer be opened.
    """
    info = source.info
    if info.kind == "images":
        alpha = info.pixel_format.endswith(("A", "a"))
        kind = "image" if info.frame_count == 1 else "images"
        return VideoFacts(info, kind, counted=info.frame_count, alpha=alpha)
    if not source.files:
        return VideoFacts(info, "a stream")
    (path,) = source.files
    with open_container(path) as container:
        chosen = video_stream(path, container, stream)
        facts = _header(info, container, chosen, _first_picture(container, chosen))
    return _count(facts, path, stream)


def _first_picture(container: InputContainer, stream: VideoStream) -> VideoFrame | None:
    """Decode the first picture that can be decoded; None if its packets end before."""
    import av

    for packet in container.demux(stream):
        with contextlib.suppress(av.FFmpegError):
            for picture in stream.codec_context.decode(packet):
                return picture
    return None


def _header(
    info: SourceInfo, container: InputContainer, stream: VideoStream, first: VideoFrame | None
) -> VideoFacts:
    picture = stream.codec_context if first is None else first
    components = () if first is None else first.format.components
    sound = [track.codec_context for track in container.streams.audio]
    return VideoFacts(
        info=info,
        container=container.format.long_name,
        stated_count=_stated_count(container, stream),
        duration_seconds=_stated_seconds(container, stream),
        colour_matrix=_MATRICES.get(int(picture.colorspace), ""),
        colour_range=_RANGES.get(int(picture.color_range), ""),
        alpha=stream.metadata.get("alpha_mode") == "1" or any(one.is_alpha for one in components),
        audio=tuple("?" if one is None else one.codec.name for one in sound),
        video_streams=len(moving_streams(container)),
    )


def _stated_count(container: InputContainer, stream: VideoStream) -> int | None:
    if stream.frames > 0:
        return int(stream.frames)
    seconds, rate = _stated_seconds(container, stream), stream.average_rate
    return round(seconds * rate) if seconds and rate else None


def _stated_seconds(container: InputContainer, stream: VideoStream) -> float | None:
    import av

    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return None if container.duration is None else container.duration / av.time_base


def _count(facts: VideoFacts, path: Path, chosen: int | None) -> VideoFacts:
    """Count the pictures of a file by their packets, and look at the times between them."""
    import av

    stamps: list[float] = []
    count, last_seconds = 0, 0.0
    # That a file breaks off is found by reading it: what can be counted is counted.
    with open_container(path) as container, contextlib.suppress(av.FFmpegError):
        stream = video_stream(path, container, chosen)
        for packet in container.demux(stream):
            if not packet.size or packet.is_discard:
                continue
            count += 1
            if packet.pts is not None and packet.time_base is not None:
                stamps.append(float(packet.pts * packet.time_base))
                last_seconds = float((packet.duration or 0) * packet.time_base)
    stamps.sort()
    gaps = np.array([later - earlier for earlier, later in pairwise(stamps) if later > earlier])
    facts = replace(facts, counted=count)
    if not len(gaps):
        return facts
    usual = float(np.median(gaps))
    return replace(
        facts,
        usual_seconds=usual,
        longest_seconds=float(gaps.max()),
        duration_seconds=stamps[-1] - stamps[0] + (last_seconds or usual),
    )
