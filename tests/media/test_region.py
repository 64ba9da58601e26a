"""A region of interest: crops go in, whole pictures come out."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import numpy as np
import pytest

from persam_vos.errors import MaskError, UsageError
from persam_vos.media.reference_prompts import Prompt
from persam_vos.media.region import Region
from persam_vos.structures import Frame, ObjectResult, TrackedFrame

ROI = Region(20, 10, 40, 30)
SIZE_HW = (60, 90)


def frame(index: int) -> Frame:
    image = np.random.default_rng(index).integers(0, 255, (*SIZE_HW, 3), np.uint8)
    return Frame(index, f"{index:05d}", image, index / 24, damaged=index == 1)


def labels() -> np.ndarray:
    label_map = np.zeros(SIZE_HW, np.uint8)
    label_map[12:20, 25:40] = 3
    return label_map


def test_results_are_put_back_into_whole_pictures() -> None:
    seen: list[Frame] = []
    cropped = ROI.crop_labels(labels(), "mask")

    def track(frames: Iterator[Frame]) -> Generator[TrackedFrame, None, None]:
        for one in frames:
            seen.append(one)
            result = ObjectResult(3, (5, 2, 19, 9), 120, 0.5), ObjectResult(4, None, 0, 0.0)
            yield TrackedFrame(one, cropped, result, {3: cropped * 80})

    given = [frame(index) for index in range(3)]
    found: list[TrackedFrame] = list(ROI.track(given, track))
    for whole, part, one in zip(given, seen, found, strict=True):
        assert part.size_hw == (30, 40)
        assert part.image.flags.c_contiguous
        np.testing.assert_array_equal(part.image, whole.image[10:40, 20:60])
        assert one.frame is whole
        np.testing.assert_array_equal(one.label_map, labels())
        np.testing.assert_array_equal(one.alphas[3], labels() * 80)
        assert [result.box_xyxy for result in one.objects] == [(25, 12, 39, 19), None]


def test_an_object_outside_is_named() -> None:
    outside = labels()
    outside[50:55, 70:80] = 9
    with pytest.raises(MaskError, match="mask: got object 9 outside of the region 20,10,40,30"):
        ROI.crop_labels(outside, "mask")


def test_prompts_move_with_it() -> None:
    moved = ROI.crop_prompt(Prompt(box_xyxy=(5, 12, 40, 90), points_xy=[(30, 20)]), "object 1")
    assert moved.box_xyxy == (0.0, 2.0, 20.0, 30.0)
    assert list(moved.points_xy) == [(10, 10)]
    with pytest.raises(UsageError, match="point of object 1, in the region 20,10,40,30"):
        ROI.crop_prompt(Prompt(points_xy=[(5, 5)]), "object 1")


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "-1,0,40,40", "0,0,8,40"])
def test_what_is_no_region_is_explained(text: str) -> None:
    with pytest.raises(UsageError, match=r"roi: got .*expected x,y"):
        Region.parse(text)


def test_a_region_reaches_to_the_border_and_not_further() -> None:
    Region(50, 30, 40, 30).check_inside(SIZE_HW)
    with pytest.raises(UsageError, match=r"roi: got 51,30,40,30.*a part of 90 x 60 pixels"):
        Region(51, 30, 40, 30).check_inside(SIZE_HW)
