"""A run writes over its own files alone, and never over what it reads."""

from __future__ import annotations

import json

import pytest

from persam_vos.errors import OutputError
from persam_vos.evaluation.one_shot.journal import JOURNAL
from persam_vos.evaluation.one_shot.output import EPISODES, check_output


def test_a_new_folder_has_nothing_of_an_earlier_run(finished, tmp_path):
    assert check_output(tmp_path / "new", finished[0]) == frozenset()


def test_a_finished_run_vouches_for_its_files(finished):
    run, _, output = finished
    own = check_output(output, run)
    assert output / "results.json" in own
    assert output / "predictions/cat/01.png" in own
    assert all(path.exists() for path in own)


def test_files_that_no_run_lists_are_never_replaced(finished, tmp_path):
    (tmp_path / "results.json").write_text("mine")
    with pytest.raises(OutputError, match=r"no earlier run lists as its own: results\.json"):
        check_output(tmp_path, finished[0])
    with pytest.raises(OutputError, match="got a file"):
        check_output(tmp_path / "results.json", finished[0])


def test_names_in_a_list_of_episodes_do_not_lead_out_of_the_folder(copy_of_finished, finished):
    (copy_of_finished / EPISODES).write_text(json.dumps({"name": "../../outside"}) + "\n")
    for path in (copy_of_finished / "predictions").rglob("*.png"):
        path.unlink()
    own = check_output(copy_of_finished, finished[0])
    assert all(".." not in path.parts for path in own)


def test_another_journal_vouches_for_nothing(copy_of_finished, finished):
    path = copy_of_finished / JOURNAL
    path.write_text(path.read_text().replace("perseg", "percat"))
    with pytest.raises(OutputError, match="no earlier run lists"):
        check_output(copy_of_finished, finished[0])


def test_inputs_are_not_written_over(copy_of_finished, finished, perseg_root):
    mask = copy_of_finished / "predictions/cat/01.png"
    mask.unlink()
    mask.hardlink_to(perseg_root / "data/Annotations/cat/01.png")
    with pytest.raises(OutputError, match=r"predictions/cat/01\.png is an input"):
        check_output(copy_of_finished, finished[0])
