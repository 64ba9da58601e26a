"""Odd images and archives that people have, made small: makers take a folder, return a source."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from media_clips import picture
from PIL import Image

SIZE_HW = (64, 96)
Make = Callable[[Path], Path | str]
Write = Callable[[Path, int], None]


def frames(*names: str, write: Write | None = None, inside: str = "frames") -> Make:
    """Make a folder of pictures of these names: ``picture(0)``, ``picture(1)``, and so on."""

    def make(folder: Path) -> Path:
        place = folder / inside
        place.mkdir()
        for index, name in enumerate(names):
            (write or pillow())(place / name, index)
        return place

    return make


def numbered(ending: str, write: Write | None = None, count: int = 3) -> Make:
    return frames(*(f"{index:03d}{ending}" for index in range(count)), write=write)


def pillow(mode: str = "RGB", **options: Any) -> Write:
    """Write by Pillow, by default what the ending says."""

    def write(path: Path, index: int) -> None:
        Image.fromarray(picture(index)).convert(mode).save(path, **options)

    return write


def by_format(kind: str, mode: str = "RGB") -> Write:
    return pillow(mode, format=kind)


def deep(path: Path, index: int) -> None:
    """Write 16 bits a channel, RGB."""
    cv2.imwrite(str(path), (picture(index)[..., ::-1].astype(np.uint16) * 257))


def heif(path: Path, index: int) -> None:
    """Write a photo as telephones do; skips where the plugin is not installed."""
    plugin = pytest.importorskip("pillow_heif")
    plugin.from_pillow(Image.fromarray(picture(index))).save(path, quality=95)


def values(scale: float, kind: Any, grey: bool = True) -> Write:
    """Write the red channel, or all, in other values, by OpenCV or Pillow."""

    def write(path: Path, index: int) -> None:
        image = picture(index)[..., 0] if grey else picture(index)[..., ::-1]
        scaled = (image.astype(np.float64) / 255 * scale).astype(kind)
        if not cv2.imwrite(str(path), scaled):
            Image.fromarray(scaled).save(path)

    return write


def by_ffmpeg(codec: str, pixel_format: str) -> Write:
    """Write one picture by an encoder of FFmpeg."""

    def write(path: Path, index: int) -> None:
        context: Any = av.CodecContext.create(codec, "w")
        context.height, context.width = SIZE_HW
        context.pix_fmt, context.time_base = pixel_format, Fraction(1, 24)
        frame = av.VideoFrame.from_ndarray(picture(index), format="rgb24")
        packets = [*context.encode(frame.reformat(format=pixel_format)), *context.encode(None)]
        path.write_bytes(b"".join(bytes(packet) for packet in packets))

    return write


def cut_short(ending: str, missing: int) -> Make:
    def write(path: Path, index: int) -> None:
        pillow()(path, index)
        path.write_bytes(path.read_bytes()[:-missing])

    return numbered(ending, write)


def pages(name: str, count: int = 3, **options: Any) -> Make:
    def make(folder: Path) -> Path:
        first, *rest = (Image.fromarray(picture(index)) for index in range(count))
        first.save(folder / name, save_all=True, append_images=rest, **options)
        return folder / name

    return make


def deep_pages(folder: Path) -> Path:
    stack = [picture(index)[..., ::-1].astype(np.uint16) * 257 for index in range(3)]
    cv2.imwritemulti(str(folder / "deep.tif"), stack)
    return folder / "deep.tif"


def pages_of_two_sizes(folder: Path) -> Path:
    shown = [Image.fromarray(picture(index)) for index in range(2)]
    small = shown[0].resize((24, 16))
    shown[0].save(folder / "a.tif", save_all=True, append_images=[small, shown[1]])
    return folder / "a.tif"


def png(index: int) -> bytes:
    written = io.BytesIO()
    Image.fromarray(picture(index)).save(written, format="PNG")
    return written.getvalue()


def zipped(entries: Mapping[str, bytes], name: str = "frames.zip") -> Make:
    def make(folder: Path) -> Path:
        with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
            for entry, content in entries.items():
                archive.writestr(entry, content)
        return folder / name

    return make


def locked_zip(folder: Path) -> Path:
    """Mark an archive's entries as encrypted."""
    path = folder / "frames.zip"
    zipped({"a.png": png(0)})(folder)
    data = bytearray(path.read_bytes())
    for start, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(start) + flags] |= 1
    path.write_bytes(bytes(data))
    return path


def file(name: str, content: bytes) -> Make:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return make


def several(*makers: Make, of: str = "") -> Make:
    """Make several things; the source is the folder, or what is in it by name."""

    def make(folder: Path) -> Path:
        for one in makers:
            one(folder)
        return folder / of

    return make


def names(count: int = 3, first: int = 0, form: str = "{:03d}") -> Sequence[str]:
    return [form.format(first + index) for index in range(count)]
