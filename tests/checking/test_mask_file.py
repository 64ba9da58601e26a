"""What a mask file is; the table of odd masks in test_check has the rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from mask_shapes import blobs
from odd_masks import ODD_MASKS, SIZE_HW
from PIL import Image

from persam_vos.checking.mask_file import MaskFile, read_mask_file


def test_kinds_sizes_values_and_ids_are_told(tmp_path: Path) -> None:
    expected = {
        "palette": ("palette PNG", 3, (1, 2)),
        "grey labels": ("grey PNG", 3, (1, 2)),
        "16 bits": ("deep grey PNG", 3, (1, 2)),
        "true and false": ("black and white TIFF", 2, (1,)),
        "colours of the palette": ("colour PNG", 3, (1, 2)),
        "void": ("palette PNG", 4, (1, 2, 255)),
    }
    for kind, (words, values, ids) in expected.items():
        file = read_mask_file(ODD_MASKS[kind].write(tmp_path / "m"))
        assert (file.kind, file.size_hw, file.values, file.ids) == (words, SIZE_HW, values, ids)
        assert (file.problem, file.fixable) == (None, False)


def test_void_is_counted_beside_others_alone(tmp_path: Path) -> None:
    ring = read_mask_file(ODD_MASKS["void"].write(tmp_path / "m"))
    assert ring.void_px > 50
    assert read_mask_file(ODD_MASKS["black and white"].write(tmp_path / "m")).void_px == 0


def test_arrays_and_turned_photos_have_their_upright_size(tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", blobs(1))
    file = read_mask_file(tmp_path / "m.npy")
    assert (file.kind, file.size_hw, file.ids) == ("NumPy array", SIZE_HW, (1,))
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(255 * blobs(1)).save(tmp_path / "t.png", exif=exif)
    assert read_mask_file(tmp_path / "t.png").size_hw == (90, 60)


def test_a_label_map_says_which_colour_is_what(tmp_path: Path) -> None:
    mask = ODD_MASKS["other colours"].write(tmp_path / "m")
    known = tmp_path / "known.txt"
    known.write_text("cat:240,130,20::\ndog:20,130,120::\n")
    assert read_mask_file(mask).problem is not None
    file = read_mask_file(mask, known)
    assert (file.problem, file.ids) == (None, (1, 2))


def test_of_no_image_the_path_and_the_problem_are_known(tmp_path: Path) -> None:
    file = read_mask_file(tmp_path / "gone.png")
    assert file == MaskFile(str(tmp_path / "gone.png"), problem=file.problem)
    assert "no such file" in str(file.problem)
