"""Clean masks: what is merged, dropped, removed and filled, and that nothing is replaced."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mask_shapes import blobs, soft
from PIL import Image

from persam_vos.checking.clean import CleanMask, clean_masks, write_clean_mask
from persam_vos.errors import MaskError, OutputError
from persam_vos.media.label_png import read_label_map
from persam_vos.media.reference_masks import MaskOptions

SIZE_HW = (60, 90)


def dirty() -> np.ndarray:
    labels = blobs(1, 2)
    labels[2, 2] = 2
    labels[30, 9:11] = 0
    return labels


def test_specks_go_and_holes_are_filled_below_the_stated_size() -> None:
    clean = clean_masks(dirty(), SIZE_HW, speck_px=3)
    np.testing.assert_array_equal(clean.label_map, blobs(1, 2))
    assert clean.changes == (
        "object 2: pieces of less than 3 pixels removed, 1 pixel together",
        "object 1: holes of less than 3 pixels filled, 2 pixels together",
    )
    kept = clean_masks(dirty(), SIZE_HW, speck_px=1)
    np.testing.assert_array_equal(kept.label_map, dirty())
    assert kept.changes == ()


def test_the_mask_that_was_given_is_not_touched() -> None:
    given = dirty()
    clean_masks(given, SIZE_HW, speck_px=100)
    np.testing.assert_array_equal(given, dirty())


def test_masks_that_name_their_object_are_put_together(tmp_path: Path) -> None:
    Image.fromarray(soft(blobs(1), 255).astype(np.uint8)).save(tmp_path / "a.png")
    clean = clean_masks({3: tmp_path / "a.png", 5: blobs(0, 1) > 0}, SIZE_HW, speck_px=4)
    assert np.unique(clean.label_map).tolist() == [0, 3, 5]
    assert clean.changes == ("a.png: its greys were cut at 128",)


def test_some_objects_can_be_chosen_and_void_with_them(tmp_path: Path) -> None:
    labels = blobs(1, 2, 255)
    assert np.unique(clean_masks(labels, SIZE_HW, speck_px=4).label_map).tolist() == [0, 1, 2]
    chosen = clean_masks(labels, SIZE_HW, speck_px=4, objects=[2, 255])
    assert np.unique(chosen.label_map).tolist() == [0, 2, 255]
    Image.fromarray(soft(blobs(50, 100)).astype(np.uint8)).save(tmp_path / "a.png")
    chosen = clean_masks(tmp_path / "a.png", SIZE_HW, speck_px=4, objects=[100])
    assert np.unique(chosen.label_map).tolist() == [0, 100]
    with pytest.raises(MaskError, match="masks, cleaned: got no foreground"):
        clean_masks(tmp_path / "a.png", SIZE_HW, speck_px=4, objects=[7])


def test_a_soft_mask_can_be_inverted(tmp_path: Path) -> None:
    Image.fromarray(soft(1 - blobs(1), 255).astype(np.uint8)).save(tmp_path / "a.png")
    clean = clean_masks(tmp_path / "a.png", SIZE_HW, speck_px=4, options=MaskOptions(invert=True))
    assert 0 < np.count_nonzero(clean.label_map) < 400


def test_a_soft_mask_of_another_shape_is_refused(tmp_path: Path) -> None:
    Image.fromarray(soft(blobs(1), 255).astype(np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(MaskError, match="a mask of 90 x 60, expected 90 x 50"):
        clean_masks(tmp_path / "a.png", (50, 90), speck_px=4)


def test_a_clean_mask_is_written_once(tmp_path: Path) -> None:
    clean, path = CleanMask(blobs(1, 2), ()), tmp_path / "out.png"
    write_clean_mask(path, clean)
    np.testing.assert_array_equal(read_label_map(path), blobs(1, 2))
    with pytest.raises(OutputError, match="a file of that name"):
        write_clean_mask(path, clean)
    with pytest.raises(OutputError, match=r"a name that ends in \.jpg"):
        write_clean_mask(tmp_path / "out.jpg", clean)
    (tmp_path / "link.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(OutputError, match="a file of that name"):
        write_clean_mask(tmp_path / "link.png", clean)
