"""What is odd about an input is told once."""

from __future__ import annotations

from persam_vos.media.notes import Notes, listed


def test_sentences_come_once_and_in_order() -> None:
    notes = Notes("a.mp4")
    assert notes.sentences() == ()
    for index in (5, 3, 5):
        notes.damaged(index)
    for _ in range(2):
        notes.add("is odd")
        notes.once("size", "changes its size at frame 3")
    notes.once("size", "changes its size at frame 9")
    assert notes.sentences() == (
        "a.mp4 is odd",
        "a.mp4 changes its size at frame 3",
        "a.mp4 has 2 damaged frames (3, 5): what could not be decoded is grey, or repeats the "
        "picture before",
    )


def test_long_lists_are_cut() -> None:
    assert listed(range(8)) == "0, 1, 2, 3, 4, 5, 6, 7"
    assert listed({9, *range(20)}) == "0, 1, 2, 3, 4, 5, 6, 7 and 12 more"
