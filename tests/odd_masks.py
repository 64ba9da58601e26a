"""Odd masks that people have, made small: a table of how each is written, and what is right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from mask_shapes import blobs, soft
from media_clips import picture
from PIL import Image

from persam_vos.checking.findings import Severity
from persam_vos.media.label_png import write_label_png
from persam_vos.scoring.palette import davis_palette

SIZE_HW = (60, 90)
ONE, TWO = blobs(1), blobs(1, 2)


@dataclass(frozen=True, kw_only=True)
class OddMask:
    """How a mask is written to a path without an ending, which returns the file's own path.

    ``said`` are severity and words of each finding; ``clean`` are the labels that are meant, None
    where nobody can tell.
    """

    write: Callable[[Path], Path]
    said: tuple[tuple[Severity, str], ...] = ()
    clean: np.ndarray | None = None


def saved(pixels: np.ndarray, ending: str = ".png") -> Callable[[Path], Path]:
    """Write pixels by Pillow, as they are but for what JPEG does to them."""

    def write(path: Path) -> Path:
        file, image = path.with_suffix(ending), Image.fromarray(pixels)
        if ending == ".jpg":
            image.save(file, quality=95, subsampling=0)
        else:
            image.save(file)
        return file

    return write


def labelled(labels: np.ndarray) -> Callable[[Path], Path]:
    """Write a palette PNG of ours."""

    def write(path: Path) -> Path:
        write_label_png(path.with_suffix(".png"), labels)
        return path.with_suffix(".png")

    return write


def raw(data: bytes) -> Callable[[Path], Path]:
    """Write bytes that are no image."""

    def write(path: Path) -> Path:
        path.with_suffix(".png").write_bytes(data)
        return path.with_suffix(".png")

    return write


def resized(labels: np.ndarray, width: int, height: int) -> np.ndarray:
    return np.asarray(cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST_EXACT))


def drawn(*colours: tuple[int, int, int]) -> np.ndarray:
    """The two objects in these colours, on black."""
    table = np.array([(0, 0, 0), *colours], np.uint8)
    return np.asarray(table[TWO])


def edged(labels: np.ndarray) -> np.ndarray:
    """Labels with a ring of void round each object."""
    grown = cv2.dilate(labels, np.ones((3, 3), np.uint8))
    return np.where((grown > 0) & (labels == 0), 255, labels).astype(np.uint8)


def speckled(labels: np.ndarray) -> np.ndarray:
    """Labels with a speck of two pixels and a hole of one."""
    labels = labels.copy()
    labels[3, 3:5] = 1
    labels[30, 10] = 0
    return labels


def with_dot() -> np.ndarray:
    labels = ONE.copy()
    labels[50, 80] = 2
    return labels


def far() -> np.ndarray:
    """One object in two places."""
    return np.where(TWO > 0, 1, 0).astype(np.uint8)


COLOURS = np.array(davis_palette())
ORANGE, TEAL = (240, 130, 20), (20, 130, 120)
ALPHA = np.dstack([picture(0, SIZE_HW), 255 * ONE])

ODD_MASKS: dict[str, OddMask] = {
    "palette": OddMask(write=labelled(TWO), clean=TWO),
    "grey labels": OddMask(write=saved(TWO), clean=TWO),
    "black and white": OddMask(write=saved(255 * ONE), clean=ONE),
    "true and false": OddMask(write=saved(ONE.astype(bool), ".tif"), clean=ONE),
    "16 bits": OddMask(write=saved(TWO.astype(np.uint16)), clean=TWO),
    "colours of the palette": OddMask(
        write=saved(COLOURS[TWO]), said=(("note", "stand for objects 1, 2"),), clean=TWO
    ),
    "other colours": OddMask(
        write=saved(drawn(ORANGE, TEAL)),
        said=(("error", "2 colours outside the DAVIS palette"),),
        clean=TWO,
    ),
    "colours by JPEG": OddMask(
        write=saved(drawn(ORANGE, TEAL), ".jpg"),
        said=(("error", "lossy compression"),),
        clean=TWO,
    ),
    "soft edges": OddMask(
        write=saved(soft(ONE, 255).astype(np.uint8)), said=(("error", "soft edges"),), clean=ONE
    ),
    "soft edges of 16 bits": OddMask(
        write=saved(soft(ONE, 65535).astype(np.uint16)), said=(("error", "soft edges"),), clean=ONE
    ),
    "soft colours": OddMask(
        write=saved(soft(drawn(ORANGE, TEAL)).astype(np.uint8)),
        said=(("error", "soft edges"),),
        clean=TWO,
    ),
    "soft labels": OddMask(
        write=saved(soft(TWO, 50).astype(np.uint8)),
        said=(("error", "soft edges"),),
        clean=50 * TWO,
    ),
    "black and white by JPEG": OddMask(
        write=saved(255 * ONE, ".jpg"), said=(("error", "lossy compression"),), clean=ONE
    ),
    "a cut-out": OddMask(
        write=saved(ALPHA), said=(("note", "colours"), ("warning", "what is opaque")), clean=ONE
    ),
    "black on transparent": OddMask(
        write=saved(np.dstack([np.zeros((*SIZE_HW, 3), np.uint8), 255 * ONE])),
        said=(("note", "colours"), ("warning", "what is opaque")),
        clean=ONE,
    ),
    "void": OddMask(write=labelled(edged(TWO)), said=(("warning", "void"),), clean=TWO),
    "void in grey": OddMask(write=saved(edged(TWO)), said=(("warning", "void"),), clean=TWO),
    "half the size": OddMask(
        write=labelled(resized(TWO, 45, 30)), said=(("warning", "it was resized"),), clean=TWO
    ),
    "inverted": OddMask(
        write=saved(255 * (1 - ONE)),
        said=(("warning", "95% of it is foreground"), ("note", "(top, bottom, left, right)")),
        clean=1 - ONE,
    ),
    "a speck and a hole": OddMask(
        write=labelled(speckled(ONE)),
        said=(("note", "1 speck of 2 pixels"), ("note", "1 hole of 1 pixel together")),
        clean=ONE,
    ),
    "a dot": OddMask(
        write=labelled(with_dot()),
        said=(("warning", "a box of 1 x 1 pixels, whose long side is 11 of the encoder's"),),
        clean=with_dot(),
    ),
    "one object in two places": OddMask(
        write=labelled(far()), said=(("warning", "2 pieces, one of them 21"),), clean=far()
    ),
    "another aspect": OddMask(
        write=labelled(TWO[:, :70]), said=(("error", "a mask of 70 x 60, expected 90 x 60"),)
    ),
    "turned": OddMask(
        write=labelled(np.rot90(TWO).copy()), said=(("error", "turn it by 90 degrees"),)
    ),
    "black": OddMask(write=saved(0 * ONE), said=(("error", "every pixel is 0"),)),
    "a photo": OddMask(write=saved(picture(3, SIZE_HW)), said=(("error", "a photograph"),)),
    "text": OddMask(write=raw(b"no image at all"), said=(("error", "not an image"),)),
    "half a file": OddMask(write=raw(b"\x89PNG\r\n\x1a\n but no more"), said=(("error", "image"),)),
    "no file": OddMask(write=lambda path: path, said=(("error", "no such file"),)),
}
