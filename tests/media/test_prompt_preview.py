"""What was understood is drawn so that it can be seen: masks, ids, points, boxes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from persam_vos import Prompt
from persam_vos.errors import OutputError
from persam_vos.media.prompt_preview import (
    TitledLabels,
    colour_of,
    draw_preview,
    draw_side_by_side,
    write_preview,
)

GREY = np.full((480, 640, 3), 128, np.uint8)
LABELS = np.zeros((480, 640), np.uint8)
LABELS[100:300, 200:400] = 3


def near(picture: np.ndarray, x: int, y: int, radius: int = 12) -> np.ndarray:
    return picture[y - radius : y + radius, x - radius : x + radius].reshape(-1, 3)


def test_points_are_green_on_the_object_and_red_off_it() -> None:
    prompt = Prompt(object_id=3, points_xy=[(250, 150), (100, 400)], labels=[1, 0])
    drawn = draw_preview(GREY, LABELS, {3: prompt})
    assert drawn.shape == GREY.shape and drawn.dtype == np.uint8
    on, off = (near(drawn, *xy).astype(int) for xy in ((250, 150), (100, 400)))
    assert ((on[:, 1] - on[:, 0]) > 100).any() and not ((on[:, 0] - on[:, 1]) > 150).any()
    assert ((off[:, 0] - off[:, 1]) > 150).any()
    np.testing.assert_array_equal(drawn[440:, 500:], GREY[440:, 500:])


def test_a_box_has_the_colour_of_its_object() -> None:
    drawn = draw_preview(GREY, LABELS, {3: Prompt(object_id=3, box_xyxy=(50, 60, 450, 350))})
    for x, y in ((250, 61), (51, 200)):
        assert (near(drawn, x, y, 4) == colour_of(3)).all(axis=1).any()


def test_the_id_stands_in_the_object_beside_its_points() -> None:
    without, beside = (draw_preview(GREY, LABELS, {}), [(300, 200)])
    x, y = 300, 200
    assert (near(without, x, y) == colour_of(3)).all(axis=1).any(), "in the middle"
    drawn = draw_preview(GREY, LABELS, {3: Prompt(object_id=3, points_xy=beside)})
    plates = (drawn == colour_of(3)).all(axis=2)
    rows, columns = np.nonzero(plates & (LABELS == 3))
    assert np.hypot(rows - y, columns - x).min() > 5, "not below the point"


def test_rough_masks_are_outlined_and_small_pictures_enlarged() -> None:
    rough = np.zeros((48, 64), np.uint8)
    rough[10:30, 20:40] = 1
    drawn = draw_preview(GREY[:48, :64], np.zeros((48, 64), np.uint8), {}, rough)
    assert drawn.shape == (480, 640, 3)
    assert (drawn[100:300, 200:400] > 200).all(axis=2).any()


def test_candidates_stand_side_by_side_and_the_one_that_is_taken_is_framed() -> None:
    tiles = [TitledLabels(title, LABELS, title == "part") for title in ("whole", "part")]
    drawn = draw_side_by_side(GREY, [(tiles, {})] * 2)
    assert drawn.shape[1] == 2 * 640 and drawn.shape[0] > 2 * 480
    left, right = (drawn[:, :640].astype(int), drawn[:, 640:].astype(int))
    green = [(half[..., 1] - half[..., 0] > 100).sum() for half in (left, right)]
    assert green[1] > 1000 > green[0]


def test_a_picture_is_written_by_its_suffix_or_refused(tmp_path: Path) -> None:
    write_preview(tmp_path / "p.jpg", GREY)
    with Image.open(tmp_path / "p.jpg") as written:
        assert written.size == (640, 480)
    with pytest.raises(OutputError, match=r"no known kind of picture, expected one such as p\.png"):
        write_preview(tmp_path / "p.txt", GREY)
    assert [path.name for path in tmp_path.iterdir()] == ["p.jpg"]
