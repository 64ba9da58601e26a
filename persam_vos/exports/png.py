"""PNG files of 8 or 16 bits, which say what their colours mean where that is not sRGB."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from ..structures import ColourTags
from .colours import Values, is_plain

_FULL_RANGE = 2


def save_png(path: Path, pixels: Values, tags: ColourTags) -> None:
    """Write (H, W, 3) RGB or (H, W, 4) RGBA pixels; 16 bits by FFmpeg, with a cICP chunk.

    Raises OSError.
    """
    if pixels.dtype == np.uint8:
        Image.fromarray(np.asarray(pixels, np.uint8)).save(path, compress_level=4)
        return
    import av

    height, width, channels = pixels.shape
    kind = "rgba64" if channels == 4 else "rgb48"
    encoder = av.CodecContext.create("png", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, f"{kind}be"
    encoder.time_base = Fraction(1, 24)
    encoder.options = {"compression_level": "4"}
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=f"{kind}be")
    frame.pts = 0
    if not is_plain(tags):
        frame.color_primaries = tags.primaries
        frame.color_trc = tags.transfer
        frame.color_range = _FULL_RANGE
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    path.write_bytes(b"".join(bytes(packet) for packet in packets))
