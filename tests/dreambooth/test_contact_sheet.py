"""The sheet shows each photo, its mask, and whether it is worth a look."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from persam_vos.dreambooth.contact_sheet import (
    PER_SHEET,
    Tile,
    draw_sheet,
    make_tile,
    save_sheets,
    sheet_names,
)
from persam_vos.dreambooth.gates import subject_facts

RED, MAGENTA = (220, 20, 20), (255, 0, 160)
GREEN_FRAME, AMBER_FRAME, RED_FRAME = (30, 130, 70), (185, 105, 0), (195, 35, 35)


def tile(
    rows: slice, columns: slice, size_hw: tuple[int, int] = (400, 600), name: str = "a.jpg"
) -> Tile:
    mask = np.zeros(size_hw, np.bool_)
    mask[rows, columns] = True
    image = np.full((*size_hw, 3), (40, 60, 200), np.uint8)
    image[mask] = RED
    return make_tile(name, image, mask, subject_facts(mask, 512, presence=1.0, given=False))


WELL, CUT = tile(slice(100, 300), slice(150, 450)), tile(slice(100, 300), slice(0, 450))
MISSING = tile(slice(0, 0), slice(0, 0))


def count(image: Image.Image | np.ndarray, colour: tuple[int, int, int]) -> int:
    return int((np.asarray(image) == colour).all(axis=-1).sum())


def test_a_tile_has_the_outline_and_what_is_learned() -> None:
    assert WELL.picture.shape == WELL.cutout.shape == (200, 300, 3)
    assert count(WELL.picture, MAGENTA) >= 2 * (100 + 150) - 8
    assert tuple(WELL.picture[5, 5]) == (40, 60, 200)
    assert count(WELL.cutout, RED) == 100 * 150
    assert {tuple(one) for one in WELL.cutout[:40].reshape(-1, 3).tolist()} == {
        (205, 205, 205),
        (235, 235, 235),
    }


def test_a_photo_without_the_subject_is_shown_as_it_is() -> None:
    assert count(MISSING.picture, (40, 60, 200)) == 200 * 300
    assert count(MISSING.cutout, (40, 60, 200)) == 0


@pytest.mark.parametrize(
    ("shown", "frame"), [(WELL, GREEN_FRAME), (CUT, AMBER_FRAME), (MISSING, RED_FRAME)]
)
def test_the_frame_says_whether_all_is_well(shown: Tile, frame: tuple[int, int, int]) -> None:
    sheet = draw_sheet([shown], "dog")
    frames = {one: count(sheet, one) > 4 * 300 for one in (GREEN_FRAME, AMBER_FRAME, RED_FRAME)}
    assert frames == {one: one == frame for one in frames}


def test_tiles_do_not_overlap_and_none_is_lost() -> None:
    tall = tile(slice(100, 300), slice(100, 200), (600, 300))
    sheet = draw_sheet([WELL, tall, WELL], "dog")
    assert count(sheet, RED) >= sum(count(one.cutout, RED) for one in (WELL, tall, WELL))
    assert count(sheet, MAGENTA) == sum(count(one.picture, MAGENTA) for one in (WELL, tall, WELL))


@pytest.mark.parametrize("size_hw", [(1, 1), (1, 900), (900, 1), (3, 5)])
def test_photos_of_odd_sizes_are_drawn(size_hw: tuple[int, int]) -> None:
    drawn = tile(slice(0, 1), slice(0, 1), size_hw)
    assert max(drawn.picture.shape[:2]) == 300
    draw_sheet([drawn], "dog")


def test_a_long_name_stays_in_its_place() -> None:
    short, long = (
        draw_sheet([tile(slice(9, 99), slice(9, 99), name=name)], name) for name in ("a", "é" * 500)
    )
    assert short.size == long.size
    assert count(short, GREEN_FRAME) <= count(long, GREEN_FRAME) + 200


def test_many_photos_are_on_several_sheets(tmp_path: Path) -> None:
    names = save_sheets(tmp_path, [WELL] * (PER_SHEET + 1), "dog")
    assert names == sheet_names(PER_SHEET + 1) == ["contact-sheet.png", "contact-sheet-2.png"]
    sizes = []
    for name in names:
        with Image.open(tmp_path / name) as sheet:
            sizes.append(sheet.size)
    assert sizes[1] == draw_sheet([WELL], "dog").size
    assert sizes[0][1] > 10 * sizes[1][1]
    assert sheet_names(PER_SHEET) == ["contact-sheet.png"]
