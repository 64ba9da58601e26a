"""Clips for the tests of reading and writing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import av
import pytest
from media_clips import add_video, encode_clicks, encode_picture, picture


@pytest.fixture
def make_video(tmp_path: Path) -> Callable[..., Path]:
    """Write a clip of ``picture(i)`` at given times; returns its path."""

    def make(
        name: str = "clip.mp4",
        *,
        codec: str = "libx264",
        pixel_format: str = "yuv420p",
        size_hw: tuple[int, int] = (64, 96),
        times: Sequence[float] = tuple(i / 24 for i in range(12)),
        rotation: tuple[float, bool] | None = None,
        audio: str | None = None,
        codec_options: dict[str, str] | None = None,
        container_options: dict[str, str] | None = None,
    ) -> Path:
        path = tmp_path / name
        with av.open(f"file:{path}", "w", options=container_options or {}) as container:
            options = {"crf": "8"} if codec == "libx264" else {}
            stream = add_video(container, codec, pixel_format, size_hw, codec_options or options)
            if rotation is not None:
                stream.set_display_rotation(rotation[0], hflip=rotation[1])
            sound = None
            if audio is not None:
                sound = container.add_stream(audio, rate=48_000)
                sound.codec_context.layout = "mono"
            for index, seconds in enumerate(times):
                container.mux(encode_picture(stream, picture(index, size_hw), seconds))
            if sound is not None:
                encode_clicks(container, sound, times[-1] + 0.3)
                container.mux(sound.encode(None))
            container.mux(stream.encode(None))
        return path

    return make
