"""A place in a video to begin to decode, so that a frame far in it is soon there, and is the same.

Numbers of frames come from the time stamps of all packets before it, which are read without being
decoded. Where anything makes them unsure, nothing is sought: reading from the first frame on is
slower, but never wrong.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from ..errors import MediaError
from .decoding import Picture, decoded, is_shown

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

NEAR = 64
"""Frames that are decoded sooner than a place is found for them."""
RUN_UPS = (16, 256)
"""How many frames before the wanted one a seek aims: codecs move pictures by up to 16 from their
place, and seeks in transport streams land between key frames."""
_MOVED = 32
"""Places by which a packet may come before or after its picture's turn; a clock that jumps moves it
further."""
_SEEKABLE = ("h264", "hevc", "vvc", "av1", "vp8", "vp9", "mpeg1video", "mpeg2video", "mpeg4")
_EACH_ALONE = ("mjpeg", "prores", "dnxhd", "ffv1", "rawvideo", "huffyuv", "ffvhuff", "utvideo")
"""Codecs whose key frames depend on no other picture, by FFmpeg's names."""


@dataclass(slots=True)
class StampIndex:
    """Time stamps of the first pictures of a stream, in order of presentation.

    ``sure`` tells that the n-th of them is that of the n-th picture which `decoded` yields; they
    are 8 bytes each.
    """

    stamps: Sequence[int]
    sure: bool

    def has(self, index: int) -> bool:
        """Whether the stamp of a picture is known; without ``sure``, no more will be."""
        return index < len(self.stamps) or not self.sure


def index_stamps(packets: Iterator[Packet[VideoStream]], first: int, count: int) -> StampIndex:
    """Read the packets of a stream until the stamps of ``count`` pictures are known.

    ``first`` is the stamp of the first picture that could be decoded.
    """
    stamps, sure = array("q"), True
    for packet in packets:
        if not packet.size or packet.is_discard:
            continue
        if packet.pts is None or packet.is_corrupt:
            sure = False
            break
        if not is_shown(packet):
            continue
        if packet.pts >= first:
            stamps.append(packet.pts)
        if len(stamps) >= count + 2 * _MOVED:
            break
    ordered = sorted(stamps)
    places = {stamp: place for place, stamp in enumerate(ordered)}
    sure = sure and len(places) == len(stamps) and bool(ordered) and ordered[0] == first
    sure = sure and all(abs(places[one] - place) <= _MOVED for place, one in enumerate(stamps))
    return StampIndex(array("q", ordered[: count + 1]), sure)


@dataclass(frozen=True, slots=True)
class Entry:
    """Where to begin to decode: the picture that comes first, and the seek that leads to it.

    Without ``ticks``, in units of the stream, nothing is sought.
    """

    index: int = 0
    ticks: int | None = None


def can_seek(stream: VideoStream) -> bool:
    """Whether the key frames of a stream's codec can be trusted."""
    return stream.codec_context.codec.canonical_name in (*_SEEKABLE, *_EACH_ALONE)


def entry_before(
    container: InputContainer, stream: VideoStream, stamps: Sequence[int], start: int, run_up: int
) -> Entry | None:
    """Seek before the ``start``-th picture, and return where that led.

    All pictures from a key frame to that one are decoded: they have to be whole, and to have the
    time stamps that they should. None where they are not, or where the file cannot be sought in.
    """
    import av

    ticks = stamps[max(0, start - run_up)]
    try:
        container.seek(ticks, stream=stream)
        pictures = decoded(None, container, stream)
        first = next(pictures, None)
        if first is None or not _is_key(first) or first.pts not in stamps[: start + 1]:
            return None
        index = stamps.index(first.pts)
        on_the_way = chain([first], pictures)
        for stamp, picture in zip(stamps[index : start + 1], on_the_way, strict=False):
            if picture.damaged or picture.pts != stamp:
                return None
            if stamp == stamps[start]:
                return Entry(index, ticks) if index else Entry()
    except (av.FFmpegError, MediaError):
        pass
    return None


def _is_key(picture: Picture) -> bool:
    from av.video.frame import PictureType

    return bool(picture.frame.key_frame) and picture.frame.pict_type == PictureType.I
