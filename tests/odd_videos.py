"""Odd videos that people have, made small: makers take a folder and return the path of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from media_clips import TICK, encode_clicks, picture

SIZE_HW = (64, 96)
COUNT = 12
Make = Callable[[Path], Path]


@dataclass(frozen=True, kw_only=True)
class Clip:
    """How a clip of ``picture(i)`` is written; `Clip.make` writes it."""

    name: str = "clip.mp4"
    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    size_hw: tuple[int, int] = SIZE_HW
    times: Sequence[float] = tuple(i / 24 for i in range(COUNT))
    options: dict[str, str] = field(default_factory=dict)
    container: dict[str, str] = field(default_factory=dict)
    aspect: Fraction | None = None
    rotation: tuple[float, bool] | None = None
    colour: tuple[int, int, int] = (1, 1, 1)
    """Matrix, range (1 limited, 2 full) and transfer."""
    interlaced: bool = False
    audio: bool = False

    def make(self, folder: Path) -> Path:
        path = folder / self.name
        with self.opened(path) as (container, stream):
            sound = None
            if self.audio:
                sound = container.add_stream("aac", rate=48_000)
                sound.codec_context.layout = "mono"
            for index, seconds in enumerate(self.times):
                container.mux(self.encode(stream, picture(index, self.size_hw), seconds))
            if sound is not None:
                encode_clicks(container, sound, self.times[-1])
                container.mux(sound.encode(None))
            container.mux(stream.encode(None))
        return path

    @contextmanager
    def opened(self, path: Path) -> Iterator[tuple[Any, Any]]:
        with av.open(f"file:{path}", "w", options=self.container) as container:
            quiet = {"x265-params": "log-level=none"} if self.codec == "libx265" else {}
            options = {"crf": "8"} if self.codec == "libx264" else {}
            stream: Any = container.add_stream(
                self.codec, rate=24, options=options | quiet | self.options
            )
            stream.height, stream.width = self.size_hw
            stream.pix_fmt = self.pixel_format
            context = stream.codec_context
            even = self.name.endswith((".avi", ".mpg")) or self.codec == "mpeg2video"
            context.time_base = Fraction(1, 24) if even else TICK
            context.colorspace, context.color_range, context.color_trc = self.colour
            if self.aspect is not None:
                context.sample_aspect_ratio = self.aspect
            if self.rotation is not None:
                stream.set_display_rotation(self.rotation[0], hflip=self.rotation[1])
            yield container, stream

    def encode(self, stream: Any, image: np.ndarray, seconds: float) -> Any:
        frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(
            format=stream.pix_fmt, dst_colorspace=self.colour[0], dst_color_range=self.colour[1]
        )
        frame.color_trc = self.colour[2]
        frame.time_base = stream.codec_context.time_base
        frame.pts = round(seconds / frame.time_base)
        return stream.encode(frame)


def cut(clip: Clip, share: float) -> Make:
    """Make a clip and keep the first part of its bytes."""

    def make(folder: Path) -> Path:
        path = clip.make(folder)
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])
        return path

    return make


def renamed(clip: Clip, name: str) -> Make:
    return lambda folder: clip.make(folder).rename(folder / name)


def hit(clip: Clip, number: int) -> Make:
    """Make a clip and damage the packet of that number beyond repair."""

    def make(folder: Path) -> Path:
        path = clip.make(folder)
        with av.open(str(path)) as container:
            packets = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
        data = bytearray(path.read_bytes())
        place, size = packets[number]
        data[place + 4 : place + size] = b"\xff" * (size - 4)
        path.write_bytes(bytes(data))
        return path

    return make


def patched(clip: Clip, old: bytes, new: bytes) -> Make:
    """Make a clip and replace bytes of it."""

    def make(folder: Path) -> Path:
        path = clip.make(folder)
        data = path.read_bytes()
        assert old in data
        path.write_bytes(data.replace(old, new, 1))
        return path

    return make


def sound_alone(folder: Path) -> Path:
    path = folder / "song.m4a"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=48_000)
        sound.codec_context.layout = "mono"
        encode_clicks(container, sound, 0.5)
        container.mux(sound.encode(None))
    return path


def playlist(folder: Path) -> Path:
    """A local list of a video that lies elsewhere: reading it must not go there."""
    path = folder / "list.m3u8"
    path.write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n"
    )
    return path
