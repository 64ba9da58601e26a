"""When pictures are shown: on the grid of the rate, and never an hour long."""

from __future__ import annotations

from fractions import Fraction

import pytest

from persam_vos.media.picture_times import PictureTimes

BASE = Fraction(1, 1000)


def shown(
    times: PictureTimes, seconds: list[float], last: float | None = None
) -> list[tuple[int, int]]:
    """Time stamp and duration of each picture that is written of those at these times."""
    found: list[tuple[int, int]] = []
    for index, one in enumerate(seconds):
        begin = times.begin(one)
        following = seconds[index + 1 : index + 2]
        until = times.until(begin, following[0]) if following else times.at_end(begin, last)
        found += times.spans(begin, until)
    return found


def test_the_first_picture_is_at_0_and_each_is_shown_until_the_next() -> None:
    times = PictureTimes(Fraction(1, 10), BASE)
    assert shown(times, [5.0, 5.1, 5.3], last=0.25) == [(0, 100), (100, 200), (300, 250)]
    assert (times.first_seconds, times.jumps) == (5.0, [])


def test_times_that_were_rounded_are_put_on_the_grid() -> None:
    times = PictureTimes(Fraction(1001, 30_000), Fraction(1, 30_000))
    assert [pts for pts, _ in shown(times, [0.0, 0.033, 0.067])] == [0, 1001, 2002]


def test_a_constant_rate_repeats_and_drops_pictures() -> None:
    times = PictureTimes(Fraction(1, 10), BASE, constant_rate=True)
    assert shown(times, [0.0, 0.01, 0.3]) == [
        *((0, 100), (100, 100), (200, 100)),
        (300, 100),
    ]


@pytest.mark.parametrize("resumed", [False, True])
def test_a_jump_of_the_clock_is_a_second_and_ends_the_sound(resumed: bool) -> None:
    times = PictureTimes(Fraction(1, 10), BASE)
    found = shown(times, [0.0, 0.1])
    begin = times.begin(0.2)
    found += times.spans(begin, times.until(begin, 9000.0))
    if resumed:  # from what it had become
        times = PictureTimes(**{name: getattr(times, name) for name in PictureTimes.__slots__})
    found += times.spans(times.begin(9000.0), times.begin(9000.1))
    assert found == [(0, 100), (100, 100), (200, 1000), (1200, 100)]
    assert times.sound_seconds == pytest.approx(0.2)
    assert times.jumps[0].startswith("the source's clock jumps by 9000 s after 0.20 s")
