"""Tables of inputs of every kind that people have, and what is right for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import odd_images as images
import odd_videos as videos
from media_clips import picture
from odd_videos import Clip

Make = Callable[[Path], Path | str]
Pixels = Callable[[int, tuple[int, int]], np.ndarray]


def colour(index: int, size_hw: tuple[int, int]) -> np.ndarray:
    return picture(index, size_hw)


def red(index: int, size_hw: tuple[int, int]) -> np.ndarray:
    """Grey pictures that were made of the red channel."""
    return np.repeat(picture(index, size_hw)[..., :1], 3, axis=2)


def luma(index: int, size_hw: tuple[int, int]) -> np.ndarray:
    """Grey by BT.601, as Pillow and FFmpeg make it."""
    grey = picture(index, size_hw) @ np.array([0.299, 0.587, 0.114])
    return np.repeat(grey[..., None], 3, axis=2)


def light(index: int, size_hw: tuple[int, int]) -> np.ndarray:
    """Values that were taken for light, as sRGB shows them."""
    shares = picture(index, size_hw) / 255
    curved = 1.055 * np.maximum(shares, 0.0031308) ** (1 / 2.4) - 0.055
    return 255 * np.where(shares <= 0.0031308, 12.92 * shares, curved)


@dataclass(frozen=True, kw_only=True)
class Right:
    """What is read: ``off`` is the greatest median difference from ``pixels``; None: any."""

    make: Make
    count: int = 3
    pixels: Pixels = colour
    off: float | None = 2
    names: tuple[str, ...] = ()
    damaged: tuple[int, ...] = ()
    warning: str = ""


@dataclass(frozen=True)
class Cut:
    """A file that breaks off: some of its frames come, then a MediaError."""

    make: Make


def video(**options: object) -> Make:
    return Clip(**options).make  # type: ignore[arg-type]  # a table of many kinds


GOP = {"g": "4", "bf": "0"}
ONE_GOP = {"g": "100", "bf": "0"}
FULL, LIMITED = 2, 1
BT709, BT601, BT2020 = 1, 6, 9

VIDEOS: dict[str, Right | Cut] = {
    "H.264": Right(make=video(), count=12),
    "H.264 of full range": Right(make=video(colour=(BT709, FULL, 1)), count=12),
    "H.264 of BT.601": Right(make=video(colour=(BT601, LIMITED, 1)), count=12),
    "H.264 4:2:2": Right(make=video(pixel_format="yuv422p"), count=12),
    "H.264 4:4:4": Right(make=video(pixel_format="yuv444p"), count=12),
    "HEVC of 10 bits": Right(make=video(codec="libx265", pixel_format="yuv420p10le"), count=12),
    "HEVC of BT.2020 and 12 bits": Right(
        make=video(codec="libx265", pixel_format="yuv420p12le", colour=(BT2020, LIMITED, 1)),
        count=12,
    ),
    "HEVC 4:0:0": Right(
        make=video(name="a.mkv", codec="libx265", pixel_format="gray", colour=(BT709, FULL, 1)),
        count=12,
        pixels=luma,
    ),
    "FFV1 grey of 16 bits": Right(
        make=video(name="a.mkv", codec="ffv1", pixel_format="gray16le", colour=(BT709, FULL, 1)),
        count=12,
        pixels=luma,
    ),
    "PQ": Right(
        make=video(codec="libx265", pixel_format="yuv420p10le", colour=(BT2020, LIMITED, 16)),
        count=12,
        off=None,
        warning=r"high dynamic range \(PQ\)",
    ),
    "Motion JPEG": Right(
        make=video(name="a.avi", codec="mjpeg", pixel_format="yuvj420p", colour=(5, FULL, 1)),
        count=12,
        off=4,
    ),
    "ProRes 4444": Right(
        make=video(name="a.mov", codec="prores_ks", pixel_format="yuva444p10le"), count=12
    ),
    "VP9 with alpha": Right(
        make=video(name="a.webm", codec="libvpx-vp9", pixel_format="yuva420p"), count=12
    ),
    "QuickTime RLE with alpha": Right(
        make=video(name="a.mov", codec="qtrle", pixel_format="argb"), count=12, off=0
    ),
    "RGB": Right(make=video(name="a.mkv", codec="ffv1", pixel_format="bgr0"), count=12, off=0),
    "interlaced": Right(
        make=video(options={"x264-params": "interlaced=1"}), count=12, warning="is interlaced"
    ),
    "wide pixels": Right(make=video(aspect=Fraction(4, 3)), count=12),
    "an odd size": Right(
        make=video(name="a.mkv", codec="ffv1", pixel_format="yuv444p", size_hw=(77, 101)),
        count=12,
    ),
    "one frame": Right(make=video(times=[0]), count=1),
    "a variable rate": Right(make=video(times=[0, 0.1, 0.15, 0.4, 1.9]), count=5),
    "a late start": Right(make=video(name="a.ts", times=[10 + i / 24 for i in range(5)]), count=5),
    "no time stamps": Right(make=video(name="a.h264"), count=12),
    "fragments": Right(make=video(container={"movflags": "frag_keyframe+empty_moov"}), count=12),
    "Flash": Right(make=video(name="a.flv"), count=12),
    "Windows Media": Right(make=video(name="a.wmv", codec="wmv2"), count=12, off=10),
    "MPEG program stream": Right(make=video(name="a.mpg", codec="mpeg2video"), count=12, off=5),
    "YUV4MPEG": Right(
        make=video(name="a.y4m", codec="wrapped_avframe", colour=(5, LIMITED, 1)), count=12
    ),
    "a damaged packet": Right(
        make=videos.hit(Clip(options=ONE_GOP), 5), count=12, damaged=(5,), warning="1 damaged"
    ),
    "a damaged B-frame": Right(make=videos.hit(Clip(), 6), count=12, damaged=(6,), warning="1 dam"),
    "a damaged last packet": Right(
        make=videos.hit(Clip(options=ONE_GOP), 11), count=12, damaged=(11,), warning="1 damaged"
    ),
    "a packet that its decoder leaves out": Right(
        make=videos.hit(Clip(name="a.avi", codec="mpeg4"), 5),
        count=12,
        off=10,
        damaged=(5,),
        warning="1 damaged",
    ),
    "a damaged beginning": Right(make=videos.hit(Clip(options=GOP), 0), count=8, off=None),
    "a video called .png": Right(make=videos.renamed(Clip(), "a.png"), count=12),
    "a video without an ending": Right(make=videos.renamed(Clip(), "a"), count=12),
    "an AVI called .mp4": Right(
        make=videos.renamed(Clip(name="a.avi", codec="mpeg4"), "a.mp4"), count=12, off=10
    ),
    "a GIF called .jpg": Right(
        make=videos.renamed(Clip(name="a.gif", codec="gif", pixel_format="rgb8"), "a.jpg"),
        count=12,
        off=20,
    ),
    "MP4 without its end": Cut(
        videos.cut(Clip(options=GOP, container={"movflags": "faststart"}), 0.7)
    ),
    "MP4 of three frames without its end": Cut(
        videos.cut(
            Clip(times=[0, 0.1, 0.2], options={"g": "1"}, container={"movflags": "faststart"}),
            0.9,
        )
    ),
    "fragments without the last": Cut(
        videos.cut(Clip(options=GOP, container={"movflags": "frag_keyframe+empty_moov"}), 0.7)
    ),
    "Matroska without its end": Cut(videos.cut(Clip(name="a.mkv", options=GOP), 0.7)),
    "a live Matroska without its end": Cut(
        videos.cut(Clip(name="a.mkv", options=GOP, container={"live": "1"}), 0.7)
    ),
    "MPEG-TS without its end": Cut(videos.cut(Clip(name="a.ts", options=GOP), 0.63)),
    "GIF without its end": Cut(
        videos.cut(Clip(name="a.gif", codec="gif", pixel_format="rgb8"), 0.6)
    ),
    "Flash without its end": Cut(videos.cut(Clip(name="a.flv", options=GOP), 0.7)),
    "Windows Media without its end": Cut(videos.cut(Clip(name="a.wmv", codec="wmv2"), 0.7)),
}

IMAGES: dict[str, Right | Cut] = {
    "PNG": Right(make=images.numbered(".png"), off=0, names=("000", "001", "002")),
    "numbers with gaps": Right(
        make=images.frames("7.png", "10.png", "9001.png"), names=("7", "10", "9001")
    ),
    "mixed kinds": Right(
        make=images.frames("1.jpg", "2.png", "3.bmp", "10.webp"),
        count=4,
        names=("1", "2", "3", "10"),
    ),
    "endings in capitals": Right(make=images.frames("a1.PNG", "a2.Png"), count=2),
    "no endings": Right(
        make=images.frames("a0001", "a0002", write=images.by_format("PNG")),
        count=2,
        names=("a0001", "a0002"),
    ),
    "numbers for endings": Right(
        make=images.frames("a.0001", "a.0002", write=images.by_format("PNG")),
        count=2,
        names=("a.0001", "a.0002"),
    ),
    "other endings": Right(
        make=images.frames("1.png", "2.png", write=images.by_format("JPEG")), count=2
    ),
    "names with everything": Right(
        make=images.frames("кадр 1 100%d[a]=b,c.png", "кадр 2 100%d[a]=b,c.png"), count=2
    ),
    "numbers with decimals": Right(
        make=images.frames("0.25.png", "0.5.png", "1.png", "1.25.png"),
        count=4,
        names=("0.25", "0.5", "1", "1.25"),
        warning="numbers with decimals: 0.25.png, 0.5.png",
    ),
    "numbers with signs": Right(
        make=images.frames("f-2.png", "f-1.png", "f0.png", "f1.png"),
        count=4,
        names=("f-2", "f-1", "f0", "f1"),
        warning="numbers with signs",
    ),
    "grey": Right(make=images.numbered(".png", images.pillow("L")), pixels=luma),
    "grey with alpha": Right(make=images.numbered(".png", images.pillow("LA")), pixels=luma),
    "a palette": Right(make=images.numbered(".png", images.pillow("P")), off=20),
    "one bit": Right(make=images.numbered(".png", images.pillow("1")), off=None),
    "alpha": Right(make=images.numbered(".png", images.pillow("RGBA")), off=0),
    "CMYK in JPEG": Right(make=images.numbered(".jpg", images.pillow("CMYK", quality=98))),
    "CMYK in TIFF": Right(make=images.numbered(".tif", images.pillow("CMYK")), off=0),
    "TIFF with LZW": Right(
        make=images.numbered(".tif", images.pillow(compression="tiff_lzw")), off=0
    ),
    "WebP": Right(make=images.numbered(".webp", images.pillow(lossless=True)), off=0),
    "AVIF": Right(make=images.numbered(".avif", images.pillow(quality=95))),
    "HEIF": Right(make=images.numbered(".heic", images.heif)),
    "JPEG 2000": Right(make=images.numbered(".jp2"), off=0),
    "PPM": Right(make=images.numbered(".ppm"), off=0),
    "Targa": Right(make=images.numbered(".tga"), off=0),
    "EXR": Right(
        make=images.numbered(".exr", images.by_ffmpeg("exr", "gbrpf32le")),
        pixels=light,
        warning="holds light",
    ),
    "Radiance": Right(
        make=images.numbered(".hdr", images.by_ffmpeg("hdr", "gbrpf32le")),
        pixels=light,
        warning="holds light",
    ),
    "DPX of 10 bits": Right(make=images.numbered(".dpx", images.by_ffmpeg("dpx", "gbrp10le"))),
    "PNG of 16 bits": Right(make=images.numbered(".png", images.deep), off=0),
    "TIFF of 16 bits": Right(make=images.numbered(".tif", images.deep), off=0),
    "grey of 16 bits": Right(
        make=images.numbered(".png", images.values(65535, np.uint16)), pixels=red, off=0
    ),
    "12 bits in 16": Right(
        make=images.numbered(".png", images.values(4095, np.uint16)),
        pixels=red,
        warning="from 0 as black to 4095 as white",
    ),
    "10 bits in 16": Right(
        make=images.numbered(".tif", images.values(1023, np.uint16)),
        pixels=red,
        warning="from 0 as black to 1023 as white",
    ),
    "floats to 1": Right(
        make=images.numbered(".tif", images.values(1, np.float32)), pixels=red, off=0
    ),
    "floats to 255": Right(
        make=images.numbered(".tif", images.values(255, np.float32)), pixels=red, off=0
    ),
    "colours in floats": Right(
        make=images.numbered(".tif", images.values(1, np.float32, grey=False)), off=0
    ),
    "32 bits": Right(
        make=images.numbered(".tif", images.values(70_000, np.int32)),
        off=None,
        warning="from 5490 as black to 65882 as white",
    ),
    "JPEGs without their last bytes": Right(
        make=images.cut_short(".jpg", 2), damaged=(0, 1, 2), warning="3 damaged frames"
    ),
    "TIFF pages": Right(make=images.pages("a.tif"), off=0, names=("00000", "00001", "00002")),
    "TIFF pages of 16 bits": Right(make=images.deep_pages, off=0),
    "TIFF pages of two sizes": Right(
        make=images.pages_of_two_sizes, count=2, off=0, warning="1 pages that are no frames"
    ),
    "an animated WebP": Right(make=images.pages("a.webp", lossless=True, duration=100), off=0),
    "an animated AVIF": Right(make=images.pages("a.avif", duration=100)),
    "an animated PNG": Right(make=images.pages("a.png", duration=100), off=0),
    "an animated GIF": Right(make=images.pages("a.gif", duration=100), off=4),
    "a photo with previews": Right(make=images.pages("a.mpo"), count=1, names=("a",)),
    "a PNG called .mp4": Right(
        make=images.several(
            images.frames("a.mp4", write=images.by_format("PNG")), of="frames/a.mp4"
        ),
        count=1,
        off=0,
    ),
    "a ZIP of a folder": Right(
        make=images.zipped(
            {
                "b/2.png": images.png(1),
                "b/10.png": images.png(2),
                "b/1.png": images.png(0),
                "__MACOSX/b/._1.png": b"x",
                "b/readme.txt": b"x",
            }
        ),
        off=0,
        names=("1", "2", "10"),
    ),
    "a ZIP with paths that lead out": Right(
        make=images.zipped({"../../2.png": images.png(1), "../../1.png": images.png(0)}),
        count=2,
        names=("1", "2"),
    ),
    "a ZIP with another ending": Right(
        make=images.zipped({"1.png": images.png(0)}, name="frames.cbz"), count=1
    ),
}

REFUSED = {
    "MP4 without its index": (videos.cut(Clip(), 0.9), "does not open as a video"),
    "encrypted MP4": (
        Clip(
            container={
                "encryption_scheme": "cenc-aes-ctr",
                "encryption_key": "00112233445566778899aabbccddeeff",
                "encryption_kid": "ffeeddccbbaa99887766554433221100",
            }
        ).make,
        "got an encrypted video, expected one without copy protection",
    ),
    "sound alone": (videos.sound_alone, "without a video stream"),
    "a list of what lies elsewhere": (videos.playlist, "does not open as a video"),
    "text": (images.file("a.mp4", b"hello " * 99), "does not open as a video"),
    "text called .png": (images.file("a.png", b"hello " * 99), "cannot be read as an image"),
    "an empty file": (images.file("a.mp4", b""), "an empty file"),
    "an empty image": (images.file("a.png", b""), "an empty file"),
    "an empty folder": (lambda path: path, "an empty folder"),
    "nothing": (lambda path: path / "gone.mp4", "no such file or folder"),
    "a folder of videos": (
        images.several(Clip(name="a.mp4").make, Clip(name="b.mp4").make),
        "a folder of 2 videos.*name the videos, such as .*a.mp4",
    ),
    "half a PNG": (images.several(images.cut_short(".png", 200), of="frames"), "image file is tr"),
    "two images of one name": (images.frames("1.png", "1.jpg"), "two images called '1'"),
    "an address": (lambda _: "https://example.org/a.mp4", "got an address.*allow_network=True"),
    "a ZIP of two folders": (
        images.zipped({"a/1.png": images.png(0), "b/1.png": images.png(0)}),
        "images in 2 folders",
    ),
    "a ZIP without images": (images.zipped({"a.txt": b"x"}), "an archive without images"),
    "a ZIP with a password": (images.locked_zip, "an archive with a password"),
    "half a ZIP": (images.file("a.zip", b"PK\x03\x04" + bytes(50)), "does not open"),
    "half a HEIF photo": (
        images.file("a.heic", b"\0\0\0\x18ftypheic" + bytes(99)),
        r"a HEIF photo.*persam-vos\[heif\]|cannot be read as an image",
    ),
}


CASES = VIDEOS | IMAGES
