"""How an input is read by default."""

from __future__ import annotations

import pytest

from persam_vos.media.read_options import DEFAULT, ReadOptions, read_options_of


def test_by_default_nothing_leaves_this_machine_and_interlacing_is_undone() -> None:
    assert ReadOptions() == DEFAULT
    assert not DEFAULT.allow_network
    assert DEFAULT.deinterlace
    assert DEFAULT.stream is None


def test_what_a_file_says_is_taken_or_refused() -> None:
    given = {"reader": "decord", "stream": 1, "deinterlace": False}
    assert read_options_of(given) == ReadOptions(reader="decord", stream=1, deinterlace=False)
    assert read_options_of({}) == DEFAULT
    for wrong in (
        {"stream": 0.0},
        {"stream": True},
        {"stream": -1},
        {"stream": "0"},
        {"reader": "other"},
        {"reader": ["pyav"]},
        {"deinterlace": 1},
        {"deep": None},
        {"colour": 3},
    ):
        with pytest.raises((ValueError, TypeError)):
            read_options_of(wrong)
