"""Small synthetic photos of a red subject on backgrounds of noise, and their masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def write_photos(folder: Path, count: int = 3, *, size_hw: tuple[int, int] = (40, 48)) -> Path:
    """Write ``photos/N.png``, ``masks/N.png`` and return the folder of the photos."""
    rng = np.random.default_rng(0)
    height, width = size_hw
    for name in ("photos", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(count):
        photo = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        mask = np.zeros((height, width), dtype=np.uint8)
        top, left = height // 4 + number, width // 4
        mask[top : top + height // 2, left : left + width // 2] = 255
        photo[mask > 0] = (220, 20, 20)
        Image.fromarray(photo).save(folder / "photos" / f"{number}.png")
        Image.fromarray(mask).save(folder / "masks" / f"{number}.png")
    return folder / "photos"
