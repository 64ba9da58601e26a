"""What a video says of itself, beyond what reading it needs: the only file here that opens one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ..media.container import open_container, video_stream
from ..media.reader import Source
from ..structures import SourceInfo

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

# Numbers of libavutil/pixfmt.h and libavcodec/defs.h.
_MATRICES = {0: "RGB", 1: "BT.709", 5: "BT.601", 6: "BT.601", 9: "BT.2020", 10: "BT.2020"}
_RANGES = {1: "limited", 2: "full"}
_HDR = {16: "PQ", 18: "HLG"}
_FIELDS = range(2, 6)
_MODE_BITS = {"1": 1, "I;16": 16, "I;16B": 16, "I;16L": 16, "I": 32, "F": 32}
_STEADY = 1.5  # durations of frames differ by less where the rate is constant: time bases round


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What an input is; produced by `probe`, consumed by `video_findings` and reports.

    ``size_hw`` is that of upright frames, in pixels; ``pixel_aspect`` the width of a stored pixel
    by its height. ``stated_count`` is what headers say or imply, None where they do not.
    ``frame_count`` is how many pictures were counted in the file, None where that was not done;
    ``longest_seconds`` is how long the one shown longest is shown, ``usual_seconds`` the median.
    ``hdr`` is PQ, HLG or empty; ``colour_matrix`` and ``colour_range`` are empty where the file
    does not say. ``audio`` has the codecs of all sound tracks, ? for one that is unknown.
    """

    path: str
    kind: str
    container: str
    codec: str
    pixel_format: str
    size_hw: tuple[int, int]
    rotation_degrees: int
    frames_per_second: Fraction
    stated_count: int | None
    frame_count: int | None = None
    duration_seconds: float | None = None
    usual_seconds: float | None = None
    longest_seconds: float | None = None
    pixel_aspect: Fraction = Fraction(1)
    interlaced: bool = False
    bit_depth: int = 8
    colour_matrix: str = ""
    colour_range: str = ""
    hdr: str = ""
    alpha: bool = False
    audio: tuple[str, ...] = ()
    video_streams: int = 1

    @property
    def variable_rate(self) -> bool:
        """Whether some frame is shown clearly longer than the others."""
        if self.longest_seconds is None or self.usual_seconds is None:
            return False
        return self.longest_seconds > _STEADY * self.usual_seconds


def probe(source: Source, *, count: bool) -> VideoFacts:
    """Return what an input that was opened is.

    ``count`` reads a video file whole, without decoding it, to count its pictures and look at their
    times. Raises MediaError for a file that can no longer be opened.
    """
    info = source.info
    if info.kind == "images":
        return _probe_images(info, source.files)
    (path,) = source.files
    with open_container(path) as container:
        stream = video_stream(path, container)
        facts = _header(info, container, stream, _first_picture(container, stream))
    return _count(facts, path) if count else facts


def _probe_images(info: SourceInfo, files: Sequence[Path]) -> VideoFacts:
    mode = info.pixel_format
    with Image.open(files[0]) as image:
        transparent = "transparency" in image.info
    return VideoFacts(
        path=info.path,
        kind=info.kind,
        container="one image" if len(files) == 1 else "images",
        codec=info.codec,
        pixel_format=mode,
        size_hw=info.size_hw,
        rotation_degrees=info.rotation_degrees,
        frames_per_second=info.frames_per_second,
        stated_count=info.frame_count,
        frame_count=info.frame_count,
        bit_depth=_MODE_BITS.get(mode, 8),
        alpha=transparent or mode.endswith(("A", "a")),
    )


def _first_picture(container: InputContainer, stream: VideoStream) -> VideoFrame | None:
    """Decode the first picture that can be decoded; None if its packets end before."""
    import av

    for packet in container.demux(stream):
        try:
            pictures = stream.codec_context.decode(packet)
        except av.FFmpegError:
            continue
        if pictures:
            return pictures[0]
    return None


def _header(
    info: SourceInfo, container: InputContainer, stream: VideoStream, first: VideoFrame | None
) -> VideoFacts:
    context = stream.codec_context
    picture = context if first is None else first
    components = () if first is None else first.format.components
    sound = [None if s.codec_context is None else s.codec_context for s in container.streams.audio]
    field_order = getattr(context, "field_order", 0)
    return VideoFacts(
        path=info.path,
        kind=info.kind,
        container=container.format.long_name,
        codec=info.codec,
        pixel_format=info.pixel_format,
        size_hw=info.size_hw,
        rotation_degrees=info.rotation_degrees,
        frames_per_second=info.frames_per_second,
        stated_count=_stated_count(container, stream),
        duration_seconds=_stated_seconds(container, stream),
        pixel_aspect=Fraction(stream.sample_aspect_ratio or context.sample_aspect_ratio or 1),
        interlaced=bool(first and first.interlaced_frame) or field_order in _FIELDS,
        bit_depth=max((one.bits for one in components), default=8),
        colour_matrix=_MATRICES.get(int(picture.colorspace), ""),
        colour_range=_RANGES.get(int(picture.color_range), ""),
        hdr=_HDR.get(int(picture.color_trc), ""),
        alpha=stream.metadata.get("alpha_mode") == "1" or any(one.is_alpha for one in components),
        audio=tuple("?" if one is None else one.codec.name for one in sound),
        video_streams=len(container.streams.video),
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


def _count(facts: VideoFacts, path: Path) -> VideoFacts:
    """Count the pictures of a file by their packets, and look at the times between them."""
    import av

    stamps: list[float] = []
    count, last_seconds = 0, 0.0
    with open_container(path) as container:
        stream = video_stream(path, container)
        try:
            for packet in container.demux(stream):
                if not packet.size or packet.is_discard:
                    continue
                count += 1
                if packet.pts is not None and packet.time_base is not None:
                    stamps.append(float(packet.pts * packet.time_base))
                    last_seconds = float((packet.duration or 0) * packet.time_base)
        except av.FFmpegError:  # what can be read is read; that it breaks off is found by reading
            pass
    stamps.sort()
    gaps = np.array([later - earlier for earlier, later in pairwise(stamps)])
    gaps = gaps[gaps > 0]
    usual = float(np.median(gaps)) if len(gaps) else None
    known = (
        facts
        if usual is None
        else replace(
            facts,
            usual_seconds=usual,
            longest_seconds=float(gaps.max()),
            duration_seconds=stamps[-1] - stamps[0] + (last_seconds or usual),
        )
    )
    return replace(known, frame_count=count)
