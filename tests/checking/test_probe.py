"""What videos say of themselves; the table of odd inputs in test_check has the rest."""

from __future__ import annotations

from pathlib import Path

import pytest
from odd_images import frames, pillow
from odd_videos import Clip

from persam_vos.checking.probe import probe
from persam_vos.media.reader import open_source


def test_a_video_is_described_by_its_header_and_its_packets(tmp_path: Path) -> None:
    facts = probe(open_source(Clip(audio=True).make(tmp_path)))
    assert facts.container == "QuickTime / MOV"
    assert (facts.stated_count, facts.counted) == (12, 12)
    assert facts.duration_seconds == pytest.approx(0.5, abs=0.01)
    assert facts.usual_seconds == pytest.approx(1 / 24, abs=0.001)
    assert (facts.colour_matrix, facts.colour_range) == ("BT.709", "limited")
    assert facts.audio == ("aac",)
    assert (facts.video_streams, facts.alpha, facts.variable_rate) == (1, False, False)


def test_a_rate_that_varies_is_noticed(tmp_path: Path) -> None:
    times = [0, 0.04, 0.08, 0.12, 3.0]
    facts = probe(open_source(Clip(name="a.mkv", times=times).make(tmp_path)))
    assert facts.variable_rate
    assert facts.usual_seconds == pytest.approx(0.04, abs=0.002)
    assert facts.longest_seconds == pytest.approx(2.88, abs=0.002)


def test_one_picture_has_no_pace(tmp_path: Path) -> None:
    facts = probe(open_source(Clip(times=[0]).make(tmp_path)))
    assert (facts.counted, facts.usual_seconds, facts.variable_rate) == (1, None, False)


@pytest.mark.parametrize(("mode", "alpha"), [("RGB", False), ("RGBA", True), ("LA", True)])
def test_images_are_counted_and_have_no_header(tmp_path: Path, mode: str, alpha: bool) -> None:
    folder = frames("1.png", "2.png", write=pillow(mode))(tmp_path)
    facts = probe(open_source(folder))
    assert (facts.container, facts.counted, facts.stated_count) == ("images", 2, None)
    assert facts.alpha == alpha


def test_a_turned_video_says_so(tmp_path: Path) -> None:
    facts = probe(open_source(Clip(rotation=(-90, False)).make(tmp_path)))
    assert (facts.info.rotation_degrees, facts.info.size_hw) == (90, (96, 64))
