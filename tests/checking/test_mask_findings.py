"""What masks lead to: each case is a mask, and what is said of it, or nothing."""

from __future__ import annotations

import numpy as np
import pytest

from persam_vos.checking.findings import Severity
from persam_vos.checking.mask_facts import default_speck_px, measure_objects
from persam_vos.checking.mask_file import MaskFile
from persam_vos.checking.mask_findings import (
    crop_note,
    cropped_ids,
    file_findings,
    object_findings,
)
from persam_vos.config import IMAGE_SIZES, MethodSettings
from persam_vos.errors import MaskError
from persam_vos.methods.memory.crop_refiner import MIN_DETAIL

BALANCED, FAST = MethodSettings(), MethodSettings(image_size=IMAGE_SIZES["fast"], small_side=0)
SMALL_HW, LARGE_HW = (480, 854), (1080, 1920)


def block(size_hw: tuple[int, int], side: int, *corners: tuple[int, int]) -> np.ndarray:
    labels = np.zeros(size_hw, np.uint8)
    for y, x in corners or [(100, 100)]:
        labels[y : y + side, x : x + side] = 1
    return labels


# The mask, the settings, and the severity and words of each finding.
CASES: dict[str, tuple[np.ndarray, MethodSettings, list[tuple[Severity, str]]]] = {
    "a plain object": (block(SMALL_HW, 80), BALANCED, []),
    "smaller than a cell": (
        block(SMALL_HW, 12),
        BALANCED,
        [("warning", "a box of 12 x 12 pixels, whose long side is 14 of the encoder's")],
    ),
    "just a cell": (block(SMALL_HW, 14), BALANCED, []),
    "a cell of less, where pictures are smaller": (
        block(SMALL_HW, 14),
        FAST,
        [("warning", "is 13 of the encoder's")],
    ),
    "two cells of a crop": (block(LARGE_HW, 28), BALANCED, []),
    "smaller than a cell of a crop": (
        block(LARGE_HW, 14),
        BALANCED,
        [("warning", "is 15 of the encoder's, in its high-resolution crop")],
    ),
    "no crops": (block(LARGE_HW, 28), FAST, [("warning", "is 11 of the encoder's, expected")]),
    "two things far apart": (
        block(SMALL_HW, 60, (100, 100), (100, 500)),
        BALANCED,
        [("warning", "2 pieces, one of them 340 pixels from the others")],
    ),
    "two parts of one thing": (block(SMALL_HW, 60, (100, 100), (100, 200)), BALANCED, []),
    "a speck": (
        block(SMALL_HW, 60) | (np.pad(np.ones((2, 3), np.uint8), ((9, 469), (9, 842)))),
        BALANCED,
        [("note", "1 speck of 6 pixels together")],
    ),
    "at the edge": (
        block(SMALL_HW, 60, (0, 100)),
        BALANCED,
        [("note", "touches the picture's edge (top)")],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_findings_are_true(case: str) -> None:
    labels, settings, expected = CASES[case]
    size_hw = (labels.shape[0], labels.shape[1])
    objects = measure_objects(labels, default_speck_px(size_hw))
    found = list(object_findings(objects, size_hw, settings, "m.png"))
    assert [one.severity for one in found] == [severity for severity, _ in expected]
    for one, (_, words) in zip(found, expected, strict=True):
        assert one.what == "m.png, object 1"
        assert words in str(one)


def test_what_is_proposed_for_a_small_object_makes_it_a_cell() -> None:
    labels = block(SMALL_HW, 12)
    objects = measure_objects(labels, 41)
    (found,) = object_findings(objects, SMALL_HW, BALANCED, "m.png")
    assert "try an image size of 1152" in found.remedy
    again = MethodSettings(image_size=1152)
    assert not list(object_findings(objects, SMALL_HW, again, "m.png"))
    tiny = measure_objects(block(LARGE_HW, 4), 41)
    (found,) = object_findings(tiny, LARGE_HW, BALANCED, "m.png")
    assert found.remedy == "enlarge a part of the video round it, and track that"


def test_objects_are_cropped_as_the_refiner_crops_them() -> None:
    near = block(LARGE_HW, 40, (100, 100)) | 2 * block(LARGE_HW, 40, (100, 300))
    far = block(LARGE_HW, 40, (100, 100)) | 2 * block(LARGE_HW, 40, (900, 1500))
    large = block(LARGE_HW, 600)
    for labels, expected in ((near, {1, 2}), (far, set()), (large, set())):
        objects = measure_objects(labels, 41)
        assert cropped_ids(objects, LARGE_HW, BALANCED) == expected
        assert not cropped_ids(objects, LARGE_HW, FAST)
        assert not cropped_ids(objects, LARGE_HW, MethodSettings(method="persam"))
    assert 1920 >= MIN_DETAIL * BALANCED.image_size > 854


def test_who_is_seen_at_twice_the_resolution_is_told() -> None:
    objects = measure_objects(block(LARGE_HW, 40), 41)
    (found,) = crop_note(objects, {1}, "frame 0")
    assert str(found) == "frame 0: object 1 is small, and also encoded at twice the resolution"
    assert not list(crop_note(objects, set(), "frame 0"))


def test_refused_files_are_errors_and_say_when_they_can_be_cleaned() -> None:
    problem = MaskError("m.png", got="soft edges", expected="flat ones", remedy="export it")
    refused, fixable, colours = file_findings(
        [
            MaskFile("m.png", "grey PNG", problem=problem),
            MaskFile("m.png", "grey PNG", problem=problem, fixable=True),
            MaskFile("c.png", "colour PNG", ids=(1, 2)),
            MaskFile("p.png", "palette PNG", ids=(1, 2)),
        ]
    )
    assert (refused.severity, fixable.severity, colours.severity) == ("error", "error", "note")
    assert refused.remedy == "export it"
    assert str(fixable).endswith("; export it, or clean it with fix")
    assert str(colours) == "c.png: colours, which stand for objects 1, 2"
