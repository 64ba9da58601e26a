from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from persam_vos.errors import MaskError
from persam_vos.media.label_png import write_label_png
from persam_vos.media.reference_masks import MaskInput, ReferenceMasks, read_reference_masks

SIZE = (48, 80)


def labels(**boxes: tuple[int, int, int, int]) -> np.ndarray:
    """A label map with boxes (x0, y0, x1, y1), named like i7."""
    array = np.zeros(SIZE, np.uint8)
    for name, (x0, y0, x1, y1) in boxes.items():
        array[y0:y1, x0:x1] = int(name[1:])
    return array


def read_first(
    masks: MaskInput, size_hw: tuple[int, int], objects: list[int] | None = None
) -> ReferenceMasks:
    """Read the masks of one frame."""
    return read_reference_masks({40: masks}, size_hw, objects=objects)


def label_map_of(reference: ReferenceMasks) -> np.ndarray:
    assert list(reference.label_maps) == [40]
    return reference.label_maps[40]


A = labels(i1=(5, 5, 20, 20))
B = labels(i1=(15, 15, 30, 30))
MANY = labels(i1=(5, 5, 20, 20), i7=(30, 5, 45, 20), i200=(50, 5, 65, 20))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, array in {"a": A, "b": B * 255, "many": MANY, "none": A * 0}.items():
        write_label_png(tmp_path / f"{name}.png", array)
    Image.fromarray(A * 255).save(tmp_path / "grey.png")
    return tmp_path


def test_one_mask_keeps_its_ids(files: Path) -> None:
    for mask in (files / "many.png", str(files / "many.png"), [str(files / "many.png")], MANY):
        reference = read_first(mask, SIZE)
        np.testing.assert_array_equal(label_map_of(reference), MANY)
        assert reference.object_ids == (1, 7, 200)
        assert reference.warnings == ()


def test_binary_mask_is_object_one(files: Path) -> None:
    assert read_first(files / "grey.png", SIZE).object_ids == (1,)


def test_ids_are_plain_integers(files: Path) -> None:
    assert all(type(i) is int for i in read_first(files / "many.png", SIZE).object_ids)


def test_objects_are_selected(files: Path) -> None:
    reference = read_first(files / "many.png", SIZE, objects=[200, 1])
    assert reference.object_ids == (1, 200)
    assert set(np.unique(label_map_of(reference))) == {0, 1, 200}


@pytest.mark.parametrize("objects", [[3], [1, 3], []])
def test_selecting_what_is_not_there_lists_what_is(files: Path, objects: list[int]) -> None:
    with pytest.raises(MaskError, match=r"objects: got .*in the masks: 1, 7, 200"):
        read_first(files / "many.png", SIZE, objects=objects)


def test_files_that_name_their_object_are_merged_and_the_later_wins(files: Path) -> None:
    named = [f"3={files / 'a.png'}", f"9={files / 'b.png'}"]
    many: list[Any] = [named, {3: A, 9: B}, {3: files / "a.png", 9: B.astype(bool)}]
    for masks in many:
        reference = read_first(masks, SIZE)
        assert reference.object_ids == (3, 9)
        expected = A * 3
        expected[B > 0] = 9
        np.testing.assert_array_equal(label_map_of(reference), expected)
        assert reference.warnings == (
            "masks of frame 40: object 9 covers 25 pixels of object 3; the later mask wins",
        )


def test_any_foreground_of_a_named_mask_is_that_object(files: Path) -> None:
    reference = read_first([f"4={files / 'many.png'}"], SIZE)
    np.testing.assert_array_equal(label_map_of(reference), (MANY > 0) * np.uint8(4))


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        (["1=a.png", "2=a.png"], "object 1 wholly covered by later masks"),
        (["1=a.png", "1=b.png"], "got 1, 1, expected .* an id of their own each; name them as in"),
        (["a.png", "b.png"], "got no id, no id"),
        (["1=a.png", "b.png"], "got 1, no id"),
        ([], "got none"),
        (["0=a.png"], "object id 0, expected 1 to 255"),
        (["256=a.png"], "object id 256"),
        (["-1=a.png"], "object id -1"),
        (["none.png"], r"none\.png: got no foreground"),
        (["1=a.png", "2=none.png"], r"none\.png: got no foreground"),
        (["1=gone.png"], r"gone\.png: got no such file"),
        ({300: A}, "object id 300"),
        (A * 0, "mask array: got no foreground"),
    ],
)
def test_masks_that_cannot_be_used_are_explained(files: Path, monkeypatch, masks, message) -> None:
    monkeypatch.chdir(files)
    with pytest.raises(MaskError, match=message):
        read_first(masks, SIZE)


def test_mask_of_the_same_shape_is_resized_with_a_warning() -> None:
    reference = read_first(MANY, (96, 160))
    np.testing.assert_array_equal(label_map_of(reference), np.kron(MANY, np.ones((2, 2), np.uint8)))
    assert "the mask is 80 x 48 but the frames are 160 x 96" in reference.warnings[0]
    assert read_first(label_map_of(reference), SIZE).object_ids == (1, 7, 200)


@pytest.mark.parametrize("size_hw", [(480, 854), (481, 800)])
def test_rounded_sizes_count_as_the_same_shape(size_hw: tuple[int, int]) -> None:
    half = np.zeros((size_hw[0] // 2, size_hw[1] // 2), np.uint8)
    half[10:50, 10:50] = 1
    assert read_first(half, size_hw).label_maps[40].shape == size_hw


@pytest.mark.parametrize(
    ("size_hw", "message"),
    [
        ((48, 48), "a mask of 80 x 48, expected 48 x 48, as the frames"),
        ((80, 48), "turn it by 90 degrees"),
    ],
)
def test_mask_of_another_shape_is_refused(size_hw: tuple[int, int], message: str) -> None:
    with pytest.raises(MaskError, match=message):
        read_first(A, size_hw)


def test_object_lost_by_resizing_is_an_error() -> None:
    mask = labels(i1=(5, 5, 20, 20), i2=(40, 40, 41, 41))
    with pytest.raises(MaskError, match="object 2 is lost"):
        read_first(mask, (6, 10))


def test_masks_of_several_frames_are_read_together(files: Path) -> None:
    half = MANY[::2, ::2]
    reference = read_reference_masks({3: files / "many.png", 0: {9: B}, 8: half}, SIZE)
    assert reference.object_ids == (1, 7, 9, 200)
    assert list(reference.label_maps) == [3, 0, 8]
    np.testing.assert_array_equal(reference.label_maps[3], MANY)
    np.testing.assert_array_equal(reference.label_maps[0], B * 9)
    assert ["was resized" in warning for warning in reference.warnings] == [True]


def test_a_selection_may_be_spread_over_frames() -> None:
    reference = read_reference_masks({0: MANY, 5: A * 9}, SIZE, objects=[7, 9])
    assert reference.object_ids == (7, 9)
    np.testing.assert_array_equal(reference.label_maps[0], (MANY == 7) * np.uint8(7))


@pytest.mark.parametrize(
    ("later", "objects", "message"),
    [
        (A * 9, [7], r"masks of frame 5: got none of the selected objects, expected one of 7; "),
        (A * 9, [7, 8], r"objects: got 8, expected ids in the masks: 1, 7, 9, 200; "),
        ("gone.png", None, r"no such file"),
        (A * 0, None, r"mask array: got no foreground"),
        (A.T, None, r"turn it by 90 degrees"),
        (["1=a.png", "1=b.png"], None, r"masks of frame 5: got 1, 1, expected"),
    ],
)
def test_wrong_masks_of_a_later_frame_are_explained(later, objects, message) -> None:
    with pytest.raises(MaskError, match=message):
        read_reference_masks({0: MANY, 5: later}, SIZE, objects=objects)
