"""The report shows figures beside published ones, and the worst episode of each class."""

from __future__ import annotations

import re

from one_shot_trees import rectangle, write_png

from persam_vos.evaluation.one_shot import report
from persam_vos.evaluation.one_shot.journal import FinishedEpisode
from persam_vos.evaluation.one_shot.report import worst_episodes, write_report
from persam_vos.scoring.episodes import EpisodeCounts


def test_a_finished_run_has_a_report(finished):
    text = (finished[2] / "report.html").read_text()
    assert "PerSAM-F (arXiv 2305.03048)" in text
    assert "at the pictures&#39; own size" in text or "at the pictures' own size" in text
    assert len(re.findall("data:image/jpeg", text)) == 6  # reference and query of three objects
    assert "dog00/03" in text
    assert "These are not all episodes" not in text


def some(run, iou_px: dict[int, int]) -> dict[tuple[int, int], FinishedEpisode]:
    return {
        (one.fold, one.number): FinishedEpisode(
            one.fold, one.number, one.class_id,
            EpisodeCounts((0, iou_px.get(one.number, 90)), (0, 100), 0, 0, 0), 0.5,
        )
        for one in run.episodes
    }  # fmt: skip


def test_the_worst_episodes_are_of_different_classes(finished, monkeypatch):
    run = finished[0]
    found = worst_episodes(run, some(run, {4: 10, 5: 20, 7: 30}))
    assert [one.number for one in found] == [4, 7, 0]
    monkeypatch.setattr(report, "WORST_EPISODES", 2)
    assert len(worst_episodes(run, some(run, {}))) == 2


def test_squared_masks_are_shown_on_squared_pictures(finished, copy_of_finished, monkeypatch):
    run, score, _ = finished
    monkeypatch.setattr(report, "SQUARE_SIDE", 20)
    for path in (copy_of_finished / "predictions").rglob("*.png"):
        write_png(path, rectangle((20, 20), 2, 2, 9, 9))
    path = write_report(copy_of_finished, run, score, some(run, {}))
    assert "0.5 s an episode" in path.read_text()
