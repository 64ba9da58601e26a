"""Very large photos are segmented at a bounded size; results are those of the photo."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from persam_vos.photos import any_size
from persam_vos.photos.method import Instance, PhotoObject
from persam_vos.structures import LabelMap, RgbImage


class BrightHalf:
    """Finds what is bright; remembers the size of what it was given."""

    object_ids = (1,)
    seen: tuple[int, ...] = ()

    def learn(self, references: Sequence[tuple[RgbImage, LabelMap]]) -> None:
        """Nothing to learn."""

    def segment(self, image: RgbImage) -> tuple[PhotoObject, ...]:
        self.seen = image.shape
        mask = image[..., 0] > 127
        nothing = np.zeros((1, 1), np.float32)
        box = (0.0, 0.0, 9.0, 19.0)
        points = ((5.0, 10.0, 1),)
        return (PhotoObject(1, mask, 1, 1, True, nothing, points, box, (Instance(mask, 1),)),)


@pytest.mark.parametrize("width", [40, 80])
def test_masks_points_and_boxes_are_those_of_the_photo(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(any_size, "LARGEST_SIDE", 40)
    image = np.zeros((width // 2, width, 3), np.uint8)
    image[:, : width // 2] = 255
    method = BrightHalf()
    (found,) = any_size.segment_any_size(method, image)
    assert method.seen == (20, 40, 3)
    assert found.mask.shape == image.shape[:2] == found.instances[0].mask.shape
    assert abs(int(found.mask.sum()) - width * width // 4) <= width
    assert found.points == ((5.0 * width / 40, 10.0 * width / 40, 1),)
    assert found.box_xyxy is not None
    assert found.box_xyxy[2] == 9.0 * width / 40
