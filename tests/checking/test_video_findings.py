"""What is said of videos, from facts."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from persam_vos.checking.findings import Severity
from persam_vos.checking.probe import VideoFacts
from persam_vos.checking.video_findings import reading_findings, video_findings
from persam_vos.errors import MediaError
from persam_vos.structures import SourceInfo

INFO = SourceInfo("v.mp4", "video", (480, 854), 24, Fraction(24))
FACTS = VideoFacts(INFO, "MOV", stated_count=24, counted=24, colour_matrix="BT.709")

CASES: dict[str, tuple[VideoFacts, Severity, str]] = {
    "turned": (
        replace(FACTS, info=replace(INFO, rotation_degrees=90)),
        "note",
        "v.mp4: pictures that are stored turned by 90 degrees, expected upright masks of 854 x 480",
    ),
    "wide pixels": (
        replace(FACTS, info=replace(INFO, pixel_aspect=Fraction(4, 3))),
        "note",
        "v.mp4: pixels of 4/3, which players show 1139 wide, expected masks of 854 x 480, or as "
        "they are shown",
    ),
    "a variable rate": (
        replace(FACTS, usual_seconds=0.04, longest_seconds=0.2),
        "note",
        "v.mp4: frames that are mostly shown for 40 ms, one for 200 ms",
    ),
    "a gap": (
        replace(FACTS, usual_seconds=0.04, longest_seconds=36000),
        "warning",
        "v.mp4: frames that are mostly shown for 40 ms, one for 36000 s; cut it there if the time "
        "between was not filmed",
    ),
    "ten bits": (
        replace(FACTS, info=replace(INFO, bit_depth=10)),
        "note",
        "v.mp4: 10 bits a channel, of which tracking uses 8 and exports keep all",
    ),
    "no matrix": (
        replace(FACTS, info=replace(INFO, size_hw=(1080, 1920)), colour_matrix=""),
        "note",
        "v.mp4: no colour matrix in its header: colours may be slightly off",
    ),
    "alpha": (replace(FACTS, alpha=True), "note", "v.mp4: transparency, which is not used"),
    "sound": (
        replace(FACTS, audio=("aac", "?")),
        "note",
        "v.mp4: sound of an unknown kind, which the overlay cannot have",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_oddity_is_one_finding(case: str) -> None:
    facts, severity, words = CASES[case]
    (found,) = video_findings(facts)
    assert (found.severity, str(found)) == (severity, words)


def test_a_plain_video_has_none() -> None:
    assert not list(video_findings(FACTS))
    assert not list(reading_findings(FACTS, 24, None, to_the_end=True))


def test_reading_tells_of_a_failure_of_one_picture_and_of_what_was_left_out() -> None:
    failure = MediaError("v.mp4", got="5 frames", expected="a whole video", remedy="copy it")
    (found,) = reading_findings(FACTS, 5, failure, to_the_end=False)
    assert (found.severity, found.got) == ("error", "5 frames")
    (found,) = reading_findings(FACTS, 10, None, to_the_end=False)
    assert (found.severity, found.got[:24]) == ("note", "only its first 10 frames")
    one = replace(FACTS, counted=1, stated_count=None)
    (found,) = reading_findings(one, 1, None, to_the_end=True)
    assert (found.severity, found.got) == ("warning", "a single picture")


def test_a_header_that_is_off_by_one_is_right_enough() -> None:
    for stated, count in ((25, 0), (26, 1), (1071, 1)):
        facts = replace(FACTS, stated_count=stated)
        assert len(list(reading_findings(facts, 24, None, to_the_end=True))) == count
