"""Contact sheets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from exported_run import chart_picture, export, read_png


def test_frames_lie_in_rows(image_run: Path, tmp_path: Path) -> None:
    sheet = read_png(export(image_run, "contact-sheet:style=contour,columns=4", tmp_path))
    assert sheet.shape == (2 * 49 + 3 * 6, 4 * 71 + 5 * 6, 3)
    last = sheet[6 + 55 :, 6 + 77 :][:49, :71]  # the sixth
    np.testing.assert_array_equal(last[0, :50], chart_picture(5)[0, :50])


def test_there_are_as_many_as_asked_for(image_run: Path, tmp_path: Path) -> None:
    sheet = read_png(export(image_run, "contact-sheet:count=2,width=32", tmp_path))
    assert sheet.shape == (22 + 12, 2 * 32 + 18, 3)
