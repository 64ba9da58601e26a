"""Finished episodes outlive a run that was killed, and no run takes those of another."""

from __future__ import annotations

from contextlib import closing

import pytest

from persam_vos.errors import OutputError
from persam_vos.evaluation.one_shot.journal import (
    JOURNAL,
    FinishedEpisode,
    Journal,
    journal_settings,
)
from persam_vos.scoring.episodes import EpisodeCounts

COUNTS = EpisodeCounts((4, 1), (6, 3), 1, 2, 2)
SETTINGS = {"dataset": "perseg", "without": ("refinement",), "method": {"name": "match"}}


def episode(number: int) -> FinishedEpisode:
    return FinishedEpisode(0, number, 5, COUNTS, 0.25)


def write(folder, count: int) -> None:
    with closing(Journal(folder, SETTINGS)) as journal:
        for number in range(count):
            journal.add(episode(number))


def test_episodes_come_back_as_they_were(tmp_path):
    write(tmp_path, 3)
    with closing(Journal(tmp_path, SETTINGS)) as journal:
        assert journal.finished == {(0, k): episode(k) for k in range(3)}
        journal.add(episode(3))
    assert len((tmp_path / JOURNAL).read_text().splitlines()) == 5


@pytest.mark.parametrize("cut", [1, 5, 60])
def test_a_line_that_was_cut_off_is_made_again(tmp_path, cut):
    write(tmp_path, 3)
    path = tmp_path / JOURNAL
    path.write_bytes(path.read_bytes()[:-cut])
    with closing(Journal(tmp_path, SETTINGS)) as journal:
        assert list(journal.finished) == [(0, 0), (0, 1)]
        journal.add(episode(2))
    assert len(path.read_text().splitlines()) == 4


def test_another_run_is_told_what_differs(tmp_path):
    write(tmp_path, 1)
    before = (tmp_path / JOURNAL).read_bytes()
    with pytest.raises(OutputError, match=r"other settings \(dataset, shots\).*overwrite=True"):
        Journal(tmp_path, {**SETTINGS, "dataset": "fss1000", "shots": 1})
    assert (tmp_path / JOURNAL).read_bytes() == before


def test_what_is_no_journal_has_no_settings(tmp_path):
    assert journal_settings(tmp_path) is None
    (tmp_path / JOURNAL).write_text("notes\n[1]\n{}\n")
    assert journal_settings(tmp_path) is None
    (tmp_path / JOURNAL).unlink()
    write(tmp_path, 0)
    assert journal_settings(tmp_path) == {**SETTINGS, "without": ["refinement"]}
