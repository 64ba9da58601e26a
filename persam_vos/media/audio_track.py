"""The sound of a source, carried over into a video that is being written."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from .container import open_container

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet

COPIED_CODECS = frozenset({"aac", "alac", "mp3", "mp3float", "ac3", "eac3"})
"""What MP4 players know; anything else becomes AAC."""
AAC_RATES = frozenset({8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000})
Timed = tuple[Fraction, "Packet[AudioStream]"]


class Sound:
    """All sound tracks of a video file in an open output, as far as they can be carried over.

    Times are kept relative to the pictures: what sounds ``start_seconds`` after ``origin_seconds``,
    where the pictures' stream begins, is at 0. What cannot be carried over goes into ``problems``,
    and stops neither the other tracks nor the pictures. Consumed by ``VideoWriter``.
    """

    def __init__(
        self,
        path: Path | str,
        output: OutputContainer,
        *,
        origin_seconds: Fraction,
        start_seconds: float,
    ) -> None:
        self.problems: list[str] = []
        self._tracks: dict[int, AudioTrack] = {}
        count = 0
        with self._telling(0), open_container(path) as container:
            count = len(container.streams.audio)
        origin = origin_seconds + Fraction(start_seconds)
        for number in range(count):
            with self._telling(number):
                self._tracks[number] = AudioTrack(path, output, number, origin)

    def write_until(self, seconds: float) -> None:
        """Write the sound that begins before a time."""
        for number, track in list(self._tracks.items()):
            with self._telling(number):
                track.write_until(seconds)

    def close(self) -> None:
        """Close the source."""
        for track in self._tracks.values():
            track.close()
        self._tracks.clear()

    @contextlib.contextmanager
    def _telling(self, number: int) -> Iterator[None]:
        """Give a track up on any failure: no fault of the sound may cost a mask."""
        try:
            yield
        except Exception as error:
            words = getattr(error, "strerror", None) or str(error) or type(error).__name__
            self.problems.append(f"sound track {number} ({words})")
            if number in self._tracks:
                self._tracks.pop(number).close()


class AudioTrack:
    """One sound track of a video file, added to an open output: copied, or encoded as AAC.

    ``origin`` is the time of the source, in seconds, that becomes 0. Raises MediaError, or an error
    of FFmpeg, when the track cannot be carried over.
    """

    def __init__(
        self, path: Path | str, output: OutputContainer, number: int, origin: Fraction
    ) -> None:
        self._output = output
        self._origin = origin
        self._stack = contextlib.ExitStack()
        with contextlib.ExitStack() as opening:
            container = opening.enter_context(open_container(path))
            source = container.streams.audio[number]
            if source.codec_context is None:
                raise ValueError("in a codec that this build of FFmpeg does not know")
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
        frames = container.decode(source)
        first = next(frames, None)  # a track that cannot be decoded is not begun
        if first is None:
            return
        rate = source.codec_context.sample_rate
        aac = self._output.add_stream("aac", rate=rate if rate in AAC_RATES else 48000)
        aac.codec_context.layout = "mono" if source.codec_context.channels == 1 else "stereo"
        shift = round(self._origin / (source.time_base or Fraction(1)))
        for frame in chain((first,), frames):
            if frame.pts is not None and frame.pts >= shift:
                frame.pts -= shift
                yield from _timed(aac.encode(frame))
        yield from _timed(aac.encode(None))


def _timed(packets: list[Packet[AudioStream]]) -> Iterator[Timed]:
    for packet in packets:
        yield (packet.pts or 0) * packet.time_base, packet
