"""Label maps of annotation tools: which colour is which object."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from persam_vos.errors import MaskError
from persam_vos.media.label_colours import find_label_map, ids_from_colours, read_label_colours

CVAT = "# label:color_rgb:parts:actions\nbackground:0,0,0::\nred cat:250,0,9::\ndog:1,2,3:ear:run\n"
CAMVID = "0 0 0 background\n250 0 9 red cat\n1 2 3 dog\n"
EXPECTED = {(250, 0, 9): "red cat", (1, 2, 3): "dog"}


@pytest.mark.parametrize("text", [CVAT, CAMVID], ids=["CVAT", "CamVid"])
def test_both_kinds_are_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "labelmap.txt"
    path.write_text(text)
    colours = read_label_colours(path)
    assert colours == EXPECTED
    rgb = np.array([[[0, 0, 0], [250, 0, 9], [1, 2, 3]]], np.uint8)
    labels, who = ids_from_colours(rgb, colours, "m.png")
    assert labels.tolist() == [[0, 1, 2]]
    assert who == "1 is red cat, 2 is dog"


@pytest.mark.parametrize("text", ["", "cat", "cat:300,0,0::", "cat:a,b,c::", "1 2", "\0\1"])
def test_what_is_no_label_map_is_explained(tmp_path: Path, text: str) -> None:
    path = tmp_path / "labelmap.txt"
    path.write_text(text)
    with pytest.raises(MaskError, match=r"label_map .*labelmap\.txt: got .*expected lines such as"):
        read_label_colours(path)


def test_a_colour_that_is_not_in_it_is_named() -> None:
    with pytest.raises(MaskError, match="such as #0a0b0c"):
        ids_from_colours(np.full((2, 2, 3), (10, 11, 12), np.uint8), EXPECTED, "m.png")


def test_it_is_found_beside_the_mask_or_its_folder(tmp_path: Path) -> None:
    mask = tmp_path / "SegmentationObject" / "m.png"
    mask.parent.mkdir()
    assert find_label_map(mask) is None
    (tmp_path / "labelmap.txt").write_text(CVAT)
    assert find_label_map(mask) == tmp_path / "labelmap.txt"
    (mask.parent / "label_colors.txt").write_text(CAMVID)
    assert find_label_map(mask) == mask.parent / "label_colors.txt"
