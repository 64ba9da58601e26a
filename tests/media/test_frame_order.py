"""The order of images, by what people mean with numbers in names."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from persam_vos.media.frame_order import in_order

PLAIN = [
    ("a.png", "frame1.png", "frame1b.png", "Frame2.png", "frame10.png"),
    ("shot-1.png", "shot-2.png", "shot-10.png"),
    ("v1.9.png", "v1.10.png", "v1.11.png"),
    ("0001.png", "0002.png", "0010.png"),
    ("2024-01-02 3.png", "2024-01-02 4.png", "2024-02-01 1.png"),
    ("only.png",),
]
NUMBERS = [
    (("0.png", "0.25.png", "0.5.png", "1.png"), "decimals"),
    (("0.25.png", "0.5.png", "0.75.png", "1.25.png"), "decimals"),
    (("f-10.png", "f-2.png", "f0.png", "f3.png"), "signs"),
    (("-2.png", "-1.png"), "signs"),
    (("t-1.5.png", "t-1.25.png", "t0.png", "t0.5.png"), "signs and decimals"),
]


def shuffled(names: tuple[str, ...]) -> list[Path]:
    paths = [Path("folder") / name for name in names]
    random.Random(1).shuffle(paths)
    return paths


@pytest.mark.parametrize("names", PLAIN, ids=lambda names: names[0])
def test_numbers_are_ordered_as_numbers(names: tuple[str, ...]) -> None:
    ordered, _ = in_order(shuffled(names))
    assert tuple(file.name for file in ordered) == names


@pytest.mark.parametrize(("names", "kind"), NUMBERS, ids=lambda value: str(value)[:20])
def test_signs_and_decimals_count_and_are_told(names: tuple[str, ...], kind: str) -> None:
    ordered, note = in_order(shuffled(names))
    assert tuple(file.name for file in ordered) == names
    assert note is not None
    assert f"numbers with {kind}:" in note


def test_numbers_of_two_parts_that_could_be_decimals_are_told() -> None:
    _, note = in_order(shuffled(PLAIN[2]))
    assert note is not None
    assert "numbers of two parts, not by decimals" in note
    assert in_order(shuffled(PLAIN[0]))[1] is None
