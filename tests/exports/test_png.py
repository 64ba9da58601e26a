from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from persam_vos.exports.png import save_png
from persam_vos.structures import ColourTags


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("tags", [ColourTags(), ColourTags(9, 16, 9)], ids=["sRGB", "PQ"])
def test_pixels_come_back(tmp_path: Path, channels: int, kind: type, tags: ColourTags) -> None:
    most = np.iinfo(kind).max
    pixels = np.random.default_rng(0).integers(0, most, (9, 11, channels), kind, endpoint=True)
    save_png(tmp_path / "a.png", pixels, tags)
    found = cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_UNCHANGED)
    assert found is not None
    assert found.dtype == kind
    np.testing.assert_array_equal(found[..., [2, 1, 0, 3][:channels]], pixels)
    # Chunk of the third edition of PNG: primaries, transfer, RGB, full range.
    said = b"cICP\x09\x10\x00\x01" in (tmp_path / "a.png").read_bytes()
    assert said == (kind == np.uint16 and tags.primaries == 9)
