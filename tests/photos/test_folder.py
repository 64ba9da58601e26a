"""Files of a photo, and which files of earlier runs may be replaced."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from persam_vos.errors import OutputError
from persam_vos.photos.folder import CUTOUTS, LOG, MASKS, check_folder, read_log, save_photo


def test_a_cutout_is_the_object_with_a_margin(tmp_path: Path) -> None:
    image = np.full((40, 60, 3), 200, np.uint8)
    labels = np.zeros((40, 60), np.uint8)
    labels[10:20, 2:30] = 5
    told = save_photo(tmp_path, "a", image, labels, cutout=True)
    assert told["files"] == [f"{MASKS}/a.png", f"{CUTOUTS}/a.png"]
    assert told["cutout_corner_xy"] == [0, 6]
    with Image.open(tmp_path / CUTOUTS / "a.png") as cutout:
        assert cutout.size == (34, 18)
    assert save_photo(tmp_path, "b", image, labels * 0, cutout=True)["cutout"] is None
    assert save_photo(tmp_path, "c", image, labels, cutout=False)["cutout"] is None


def test_files_that_no_run_lists_are_never_replaced(tmp_path: Path) -> None:
    (tmp_path / MASKS).mkdir()
    (tmp_path / MASKS / "a.png").write_bytes(b"a")
    with pytest.raises(OutputError, match=r"a\.png"):
        check_folder(tmp_path, overwrite=True, resume=False, inputs=[])
    log = {"files": [LOG], "photos": [{"files": [f"{MASKS}/a.png"]}]}
    (tmp_path / LOG).write_text(json.dumps(log))
    old = check_folder(tmp_path, overwrite=True, resume=False, inputs=[])
    assert {one.name for one in old} == {LOG, "a.png"}
    with pytest.raises(OutputError, match="is an input"):
        check_folder(tmp_path, overwrite=True, resume=False, inputs=[tmp_path / MASKS / "a.png"])


def test_a_log_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    assert read_log(tmp_path) is None
    (tmp_path / LOG).write_text("[")
    assert read_log(tmp_path) is None
