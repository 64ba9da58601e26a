"""Small pictures are bounded, and show what was found."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from persam_vos.photos.cards import confidence_card, picture_card
from persam_vos.photos.method import PhotoObject


def picture(address: str) -> Image.Image:
    prefix = "data:image/jpeg;base64,"
    assert address.startswith(prefix)
    return Image.open(io.BytesIO(base64.b64decode(address.removeprefix(prefix))))


@pytest.mark.parametrize("size_hw", [(8, 1000), (1200, 900), (1, 1)])
def test_cards_have_a_long_side_of_320(size_hw: tuple[int, int]) -> None:
    image = np.zeros((*size_hw, 3), np.uint8)
    labels = np.ones(size_hw, np.uint8)
    one = PhotoObject(
        1,
        labels > 0,
        1,
        1,
        True,
        np.zeros((2, 2), np.float32),
        ((0, 0, 1), (1, 1, 0)),
        (0, 0, 5, 5),
        (),
    )
    assert max(picture(picture_card(image, labels, [one])).size) == 320
    assert max(picture(confidence_card(image, one.confidence)).size) == 320


def test_where_the_confidence_is_high_the_card_is_red() -> None:
    confidence = np.array([[0.1, 0.9]], np.float32)
    card = np.asarray(picture(confidence_card(np.full((100, 200, 3), 90, np.uint8), confidence)))
    left, right = card[80, 10].astype(int), card[80, 310].astype(int)
    assert left[2] > left[0]
    assert right[0] > right[2]
