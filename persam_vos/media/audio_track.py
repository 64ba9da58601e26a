"""The sound of a source, carried over into a video that is being written."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from .container import open_container, video_stream

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet

COPIED_CODECS = frozenset({"aac", "alac", "mp3", "mp3float", "ac3", "eac3"})
"""What MP4 players know; anything else becomes AAC."""
AAC_RATES = frozenset({8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000})
Timed = tuple[Fraction, "Packet[AudioStream]"]


class AudioTrack:
    """The first sound of a video file, added to an open output: copied, or encoded as AAC.

    Times are kept relative to the pictures: what sounds ``start_seconds`` after the first one of
    the source is at 0. Consumed by ``VideoWriter``.
    Raises MediaError, or an FFmpeg or value error, when the sound cannot be carried over.
    """

    def __init__(self, path: Path, output: OutputContainer, *, start_seconds: float = 0.0) -> None:
        self._output = output
        self._stack = contextlib.ExitStack()
        with contextlib.ExitStack() as opening:
            container = opening.enter_context(open_container(path))
            pictures = video_stream(path, container)
            time_base = pictures.time_base or Fraction(1)
            self._origin = (pictures.start_time or 0) * time_base + Fraction(start_seconds)
            source = container.streams.audio[0]
            if source.codec_context.codec.name in COPIED_CODECS:
                self._packets = self._copied(container, source)
            else:
                self._packets = self._encoded(container, source)
            self._next = next(self._packets, None)
            self._stack = opening.pop_all()

    def write_until(self, seconds: float) -> None:
        """Write the sound that begins before a time; raises FFmpeg's errors."""
        while self._next is not None and self._next[0] < seconds:
            self._output.mux(self._next[1])
            self._next = next(self._packets, None)

    def close(self) -> None:
        """Close the source."""
        self._next = None
        self._stack.close()

    def _copied(self, container: InputContainer, source: AudioStream) -> Iterator[Timed]:
        copy = self._output.add_stream_from_template(source)
        time_base = source.time_base or Fraction(1)
        shift = round(self._origin / time_base)
        for packet in container.demux(source):
            if packet.dts is None or packet.pts is None:
                continue
            packet.pts -= shift
            packet.dts -= shift
            # A packet that ends at 0 primes the decoder, and is not heard.
            if packet.pts + (packet.duration or 0) >= 0:
                seconds = packet.pts * time_base
                packet.stream = copy
                yield seconds, packet

    def _encoded(self, container: InputContainer, source: AudioStream) -> Iterator[Timed]:
        rate = source.codec_context.sample_rate
        aac = self._output.add_stream("aac", rate=rate if rate in AAC_RATES else 48000)
        aac.codec_context.layout = "mono" if source.codec_context.channels == 1 else "stereo"
        shift = round(self._origin / (source.time_base or Fraction(1)))
        for frame in container.decode(source):
            if frame.pts is not None and frame.pts >= shift:
                frame.pts -= shift
                yield from _timed(aac.encode(frame))
        yield from _timed(aac.encode(None))


def _timed(packets: list[Packet[AudioStream]]) -> Iterator[Timed]:
    for packet in packets:
        yield (packet.pts or 0) * packet.time_base, packet
