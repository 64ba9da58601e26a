from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field

import numpy as np
import pytest

from persam_vos.structures import Frame
from persam_vos.targets.find import Found
from persam_vos.tracking.target_search import Sighting, in_words, search_target


def frames(count: int) -> Generator[Frame, None, None]:
    """Black pictures."""
    for index in range(count):
        yield Frame(index, f"{index:05d}", np.zeros((2, 2, 3), np.uint8), 0.0)


@dataclass
class Looks:
    """Finds object 1 on some frames, and remembers which it was shown."""

    shown_on: set[int]
    sure: dict[int, float] = field(default_factory=dict)
    seen: list[int] = field(default_factory=list)

    def __call__(self, frame: Frame) -> Found:
        self.seen.append(frame.index)
        there = frame.index in self.shown_on
        labels = np.full((2, 2), int(there), np.uint8)
        return Found(labels, {1: 0.9 if there else self.sure.get(frame.index, 0.1)})


def search(count: int, look: Looks) -> Sighting:
    sighting, labels = search_target(lambda: frames(count), look)
    assert labels.any() == bool(sighting.object_ids)
    return sighting


@pytest.mark.parametrize(
    ("first", "looks"),
    [
        (0, [0, 1]),
        (8, [0, 8, 9, 7]),
        (5, [0, 8, 9, 7, 6, 5, 4]),
        (1, [0, 8, 9, *range(7, 0, -1)]),
        (20, [0, 8, 16, 24, 25, 23, 22, 21, 20, 19]),
    ],
)
def test_the_first_frame_that_shows_it_is_found_by_few_looks(first: int, looks: list[int]) -> None:
    look = Looks(set(range(first, 40)))
    sighting = search(40, look)
    assert (sighting.frame, sighting.object_ids) == (first, (1,))
    assert look.seen == looks
    assert sighting.looked_at == len(looks)


def test_a_short_appearance_is_found_by_a_second_reading() -> None:
    look = Looks({11, 12})
    assert search(30, look).frame == 11
    assert look.seen[:4] == [0, 8, 16, 24]
    assert sorted(look.seen) == [*range(13), 16, 24]


def test_what_is_found_on_one_frame_alone_is_not_believed() -> None:
    look = Looks({8, 21, 22})
    assert search(30, look).frame == 21
    assert look.seen[:3] == [0, 8, 9]


@pytest.mark.parametrize(("apart", "start"), [(2, 3), (3, 4), (9, 4)])
def test_what_was_elsewhere_just_before_is_something_else(apart: int, start: int) -> None:
    """Found on frame 3 at another place than on all later ones, of 4 x 4 pixels."""

    def look(frame: Frame) -> Found:
        labels = np.zeros((8, 24), np.uint8)
        if frame.index >= 3:
            left = 2 + (apart if frame.index > 3 else 0)
            labels[2:6, left : left + 4] = 1
        return Found(labels, {1: 0.95})

    sighting, _ = search_target(lambda: frames(20), look)
    assert (sighting.frame, sighting.object_ids) == (start, (1,))


def test_the_last_frame_has_none_after_it() -> None:
    assert search(12, Looks({11})).frame == 11
    assert search(1, Looks({0})).frame == 0


def test_a_flash_is_what_came_nearest() -> None:
    sighting = search(10, Looks({4}))
    assert (sighting.frame, sighting.object_ids) == (4, ())
    assert sighting.confidence == {1: 0.9}


def test_what_is_in_no_frame_is_not_found_and_every_frame_was_looked_at() -> None:
    look = Looks(set(), sure={7: 0.3})
    sighting = search(10, look)
    assert (sighting.frame, sighting.object_ids, sighting.looked_at) == (7, (), 10)
    assert sighting.confidence == {1: 0.3}
    assert sorted(look.seen) == [*range(10)]


def test_each_look_is_told() -> None:
    counts: list[int] = []
    search_target(lambda: frames(20), Looks({16, 17}), counts.append)
    assert counts == [1, 2, 3, 4, 5]


def test_what_came_of_it_is_in_words() -> None:
    found = Sighting(24, (1, 3), {1: 0.99999, 2: 0.1, 3: 0.8}, 5)
    assert in_words(found) == (
        "found on frame 24 (object 1 99.9% sure, object 3 80.0% sure; 5 frames looked at): "
        "tracking starts there"
    )
    absent = Sighting(7, (), {1: 0.31}, 40)
    assert in_words(absent) == (
        "not in this video, all masks are empty; most like it was frame 7 (object 1 31.0% sure; 40 "
        "frames looked at)"
    )
