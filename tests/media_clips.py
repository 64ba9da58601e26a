"""Small clips, written by PyAV itself, whose every pixel and time is known."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import numpy as np

TICK = Fraction(1, 12_000)


def picture(index: int, size_hw: tuple[int, int] = (64, 96)) -> np.ndarray:
    """Red grows to the right, green downwards, blue with time; the top left corner is white."""
    height, width = size_hw
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = np.linspace(20, 220, width).astype(np.uint8)
    image[..., 1] = np.linspace(20, 220, height).astype(np.uint8)[:, None]
    image[..., 2] = 10 * index % 250
    image[: height // 4, : width // 4] = 240
    return image


def add_video(
    container: Any, codec: str, pixel_format: str, size_hw: tuple[int, int], options: dict[str, str]
) -> Any:
    stream = container.add_stream(codec, rate=24, options=options)
    stream.height, stream.width = size_hw
    stream.pix_fmt = pixel_format
    stream.codec_context.time_base = TICK
    stream.codec_context.colorspace = stream.codec_context.color_range = 1
    return stream


def encode_picture(stream: Any, image: np.ndarray, seconds: float) -> Any:
    frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(
        format=stream.pix_fmt, dst_colorspace=1, dst_color_range=1
    )
    frame.time_base = stream.codec_context.time_base
    frame.pts = round(seconds / frame.time_base)
    return stream.encode(frame)


def encode_clicks(container: Any, stream: Any, seconds: float) -> None:
    """Mux a 440 Hz click of 50 ms every half second."""
    rate = stream.codec_context.sample_rate
    for start in range(0, int(seconds * rate), 1024):
        times = (start + np.arange(1024)) / rate
        wave = np.sin(2 * np.pi * 440 * times) * 8000 * (times % 0.5 < 0.05)
        frame = av.AudioFrame.from_ndarray(wave.astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        container.mux(stream.encode(frame))
