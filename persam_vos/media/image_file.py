"""Image files by their content: on disk or in a ZIP archive, of any kind that can be decoded.

Pillow reads what it knows, OpenCV what has more than 8 bits a channel, FFmpeg the rest.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from PIL.PngImagePlugin import PngImageFile

from ..errors import MediaError
from ..files.limits import MAX_PIXELS, check_pixels
from ..files.open_picture import FAILURES, open_picture

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

IMAGE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".webp", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".gif", ".jp2", ".j2k", ".avif", ".heic", ".heif", ".hif"),
    *(".mpo", ".tga", ".exr", ".dpx", ".hdr", ".sgi", ".jxl"),
)
_JPEG_END = b"\xff\xd9"
_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1")
_FFMPEG_FORMATS = {
    b"v/1\x01": "exr_pipe",
    b"SDPX": "dpx_pipe",
    b"XPDS": "dpx_pipe",
    b"#?RA": "hdr_pipe",
    b"\0\0\0\x0c": "jpegxl_pipe",
    b"\xff\x0a": "jpegxl_pipe",
}
"""What FFmpeg may decode, by the first bytes: no playlist gets there."""
_EIGHT_BITS = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV")
Pixels = npt.NDArray[Any]
"""(H, W) grey or (H, W, 3) RGB of any type, upright, without alpha."""


class ImageFile(Protocol):
    """A file that can be read: a `Path`, or a `zipfile.Path`."""

    @property
    def name(self) -> str:
        """Its name without folders."""

    @property
    def stem(self) -> str:
        """Its name without its ending."""

    def read_bytes(self) -> bytes:
        """Return its content."""


@dataclass(frozen=True, slots=True)
class Header:
    """What an image says of itself; ``size_hw`` is upright, ``pages`` how many pictures it has.

    ``deep`` tells that its values are not 8 bits a channel; ``linear`` that they are light.
    """

    size_hw: tuple[int, int]
    format: str
    mode: str
    pages: int = 1
    deep: bool = False
    linear: bool = False


@dataclass(frozen=True, slots=True)
class Loaded:
    """Pixels of an image file; of a ``cut`` one the end is missing, and what is there is used."""

    pixels: Pixels
    cut: bool = False


def frame_name(file: ImageFile) -> str:
    """Return what a frame is called: its file without its ending, if that tells of an image.

    >>> frame_name(Path("shot.0001.jpg")), frame_name(Path("shot.0001"))
    ('shot.0001', 'shot.0001')
    """
    known = Path(file.name).suffix.lower() in IMAGE_SUFFIXES
    return file.stem if known else file.name


def read_header(file: ImageFile) -> Header:
    """Return what an image says of itself; raises MediaError when it is none."""
    _know_heif()
    try:
        with open_picture(_opened(file), str(file)) as image:
            width, height = _stored_size(image)
            # Of a PNG, Pillow would decode all pixels in search of tags behind them.
            tagged = image.format != "PNG" or "exif" in image.info
            exif = image.getexif() if tagged else {}
            turned = exif.get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8)
            return Header(
                (width, height) if turned else (height, width),
                image.format or "",
                image.mode,
                getattr(image, "n_frames", 1),
                deep=is_deep(image),
            )
    except UnidentifiedImageError as error:
        return _header_elsewhere(file, error)
    except FAILURES as error:
        raise unreadable(file, error) from error


def load(file: ImageFile) -> Loaded:
    """Return the pixels of an image file, turned as its EXIF orientation says.

    Palette and CMYK images become RGB. A JPEG whose end is missing is read as far as it goes.
    Raises MediaError when it cannot be read.
    """
    _know_heif()
    try:
        with open_picture(_opened(file), str(file)) as image:
            if is_deep(image) or _is_turned_tiff(image):
                return Loaded(_upright(_deep(file, image), image))
            try:
                return Loaded(as_rgb(ImageOps.exif_transpose(image)))
            except OSError as error:
                if image.format != "JPEG" or "truncated" not in str(error):
                    raise
        return Loaded(_cut_jpeg(file), cut=True)
    except UnidentifiedImageError as error:
        return Loaded(_load_elsewhere(file, error))
    except FAILURES as error:
        raise unreadable(file, error) from error


def as_rgb(image: Image.Image) -> Pixels:
    """Return an open image of 8 bits a channel as (H, W, 3) RGB."""
    return np.array(image.convert("RGB"))


def is_heif(content: bytes) -> bool:
    """Whether a file that begins so is a HEIF photo."""
    return content[4:8] == b"ftyp" and content[8:12] in _HEIF_BRANDS


@cache
def _know_heif() -> None:
    """Let Pillow read HEIF photos, in tiles or not, where its plugin is installed."""
    if find_spec("pillow_heif") is not None:
        import pillow_heif

        pillow_heif.register_heif_opener()


def _stored_size(image: Image.Image) -> tuple[int, int]:
    """Return width and height before any turning; Pillow gives those of a TIFF after it, or not."""
    tags = getattr(image, "tag_v2", {})
    return tags.get(_TIFF_WIDTH, image.size[0]), tags.get(_TIFF_HEIGHT, image.size[1])


def _is_turned_tiff(image: Image.Image) -> bool:
    """Whether this is a TIFF to turn, which Pillow 13 does wrong with grey ones."""
    return image.format == "TIFF" and image.getexif().get(ExifTags.Base.Orientation, 1) != 1


def is_deep(image: Image.Image) -> bool:
    """Whether an open image has other values than 8 bits a channel."""
    if image.mode not in _EIGHT_BITS:
        return True
    bits = image.tag_v2.get(258, (8,)) if hasattr(image, "tag_v2") else (8,)
    if isinstance(image, PngImageFile) and image.tile:
        return "16" in str(image.tile[0][3])  # Pillow reads the upper 8 bits of 16-bit RGB
    return bool(max(bits if isinstance(bits, tuple) else (bits,)) > 8)


def _deep(file: ImageFile, image: Image.Image) -> Pixels:
    """Decode more than 8 bits a channel: OpenCV, or Pillow where OpenCV does not know the file."""
    pixels = cv2.imdecode(_buffer(file), cv2.IMREAD_UNCHANGED)
    return np.asarray(image) if pixels is None else rgb_of_opencv(pixels)


def _cut_jpeg(file: ImageFile) -> Pixels:
    """Decode a JPEG without its end as far as it goes: with the mark of an end, it is accepted."""
    with open_picture(io.BytesIO(file.read_bytes() + _JPEG_END), str(file)) as image:
        return as_rgb(ImageOps.exif_transpose(image))


def rgb_of_opencv(pixels: Pixels) -> Pixels:
    """Drop alpha, and turn BGR to RGB."""
    if pixels.ndim == 2:
        return pixels
    return np.ascontiguousarray(pixels[:, :, 2::-1] if pixels.shape[2] > 2 else pixels[:, :, 0])


def _upright(pixels: Pixels, image: Image.Image) -> Pixels:
    """Turn pixels as the EXIF orientation of their image says; OpenCV has done so with TIFF."""
    tagged = image.format != "TIFF" and "exif" in image.info
    turn = image.getexif().get(ExifTags.Base.Orientation, 1) if tagged else 1
    if turn in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    flip_y, flip_x = turn in (3, 4, 7, 8), turn in (2, 3, 6, 7)
    return np.ascontiguousarray(pixels[:: -1 if flip_y else 1, :: -1 if flip_x else 1])


def _header_elsewhere(file: ImageFile, error: Exception) -> Header:
    """Return the header of a file that Pillow does not know."""
    pixels = _load_elsewhere(file, error)
    kind = file.name.rpartition(".")[2].upper()
    linear = pixels.dtype.kind == "f" and not kind.startswith("TIF")
    return Header(pixels.shape[:2], kind, "", 1, pixels.dtype != np.uint8, linear)


def _load_elsewhere(file: ImageFile, error: Exception) -> Pixels:
    """Decode a file that Pillow does not know: HEIF by its plugin, TIFF by OpenCV, or FFmpeg."""
    content = file.read_bytes()
    if is_heif(content):
        raise MediaError(
            str(file),
            got="a HEIF photo",
            expected="the package that reads it",
            remedy="run: pip install 'persam-vos[heif]', or export it as JPEG or PNG",
        ) from error
    if content[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        try:
            _check_tiff(file, content)
            pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
        except FAILURES as failed:
            raise unreadable(file, failed) from failed
        if pixels is not None:
            return rgb_of_opencv(pixels)
    frame = _by_ffmpeg(content)
    if frame is None:
        raise unreadable(file, error) from error
    return _pixels_of(frame)


def _check_tiff(file: ImageFile, content: bytes) -> None:
    """Raise MediaError for a TIFF of too many pixels that Pillow does not know."""
    import tifffile

    with tifffile.TiffFile(io.BytesIO(content)) as tiff:
        page = tiff.pages.first
        check_pixels(str(file), (page.imagelength, page.imagewidth))


def _by_ffmpeg(content: bytes) -> VideoFrame | None:
    """Return the picture of an image file as FFmpeg decodes it; None if it does not."""
    import av

    kind = _FFMPEG_FORMATS.get(content[:4]) or _FFMPEG_FORMATS.get(content[:2])
    if kind is None:
        return None
    try:
        with av.open(io.BytesIO(content), format=kind, metadata_errors="replace") as container:
            context = container.streams.video[0].codec_context
            if context is not None:
                context.options = ffmpeg_limits()
            return next(container.decode(video=0), None)
    except (av.FFmpegError, ValueError, IndexError):
        return None


def ffmpeg_limits() -> dict[str, str]:
    """Return what keeps a decoder of FFmpeg from pictures of more pixels than may be."""
    return {"max_pixels": str(MAX_PIXELS.value)}


def _pixels_of(frame: VideoFrame) -> Pixels:
    """Return a decoded picture with all its bits: floats, 16 bits or 8 bits a channel."""
    if "f32" in frame.format.name or "f16" in frame.format.name:
        planes = frame.reformat(format="gbrpf32le").to_ndarray()
        return np.asarray(planes, dtype=np.float32)
    bits = max(part.bits for part in frame.format.components)
    return frame.reformat(format="rgb48le" if bits > 8 else "rgb24").to_ndarray()


def _opened(file: ImageFile) -> io.BytesIO | Path:
    """Return what Pillow opens: it reads of a path no more than it needs."""
    return file if isinstance(file, Path) else io.BytesIO(file.read_bytes())


def _buffer(file: ImageFile) -> npt.NDArray[np.uint8]:
    return np.frombuffer(file.read_bytes(), np.uint8)


def unreadable(file: ImageFile, error: Exception) -> MediaError:
    """Say that an image file cannot be read, in Pillow's words without its paths."""
    words = "not an image" if isinstance(error, UnidentifiedImageError) else str(error)
    remedy = "export it again, or move it out of the folder"
    if isinstance(error, Image.DecompressionBombError):
        remedy = MAX_PIXELS.remedy
    if isinstance(error, OSError) and error.strerror:
        words = error.strerror
    return MediaError(
        str(file),
        got=f"a file that cannot be read as an image ({words})",
        expected="a whole image file",
        remedy=remedy,
    )
