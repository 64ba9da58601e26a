"""Pictures are opened within the limits, and all that may be raised is known."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from persam_vos.errors import MaskError, MediaError
from persam_vos.files.open_picture import FAILURES, open_picture


def test_too_many_pixels_are_refused_before_any_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    Image.new("L", (40, 30)).save(path)
    with open_picture(path, "a.png") as picture:
        assert picture.size == (40, 30)
    monkeypatch.setenv("PERSAM_VOS_MAX_PIXELS", "1000")
    with pytest.raises(MediaError, match="a picture of 40 x 30"), open_picture(path, "a.png"):
        pass
    with pytest.raises(MaskError), open_picture(path, "a.png", MaskError):
        pass


def test_only_the_wanted_formats_are_tried(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("L", (4, 3)).save(path, format="BMP")
    with pytest.raises(FAILURES), open_picture(path, "a.png", formats=("PNG",)):
        pass
