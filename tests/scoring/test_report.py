import json

import numpy as np

from persam_vos.scoring import SequenceScore, SplitScore, report_files

SCORE = SplitScore(
    (
        SequenceScore(
            "walk, then run",
            ("00001", "00002"),
            (1, 7),
            np.array([[1.0, 0.25], [0.5, 0.25]]),
            np.array([[0.5, 0.0], [0.5, 0.0004]]),
            notes=("a note",),
        ),
    ),
    notes=("another",),
)


def test_csv_files_are_those_of_the_toolkit():
    files = report_files(SCORE, "dev")
    assert files["global_results-dev.csv"] == (
        "J&F-Mean,J-Mean,J-Recall,J-Decay,F-Mean,F-Recall,F-Decay\n"
        "0.375,0.500,0.250,0.250,0.250,0.000,-0.000\n"
    )
    assert files["per-sequence_results-dev.csv"] == (
        'Sequence,J-Mean,F-Mean\n"walk, then run_1",0.750,0.500\n"walk, then run_7",0.250,0.000\n'
    )


def test_json_has_everything_unrounded_and_per_frame():
    told = json.loads(report_files(SCORE)["results.json"])
    assert told["version"] == 1
    assert told["notes"] == ["another"]
    assert told["global"]["J"] == {"mean": 0.5, "recall": 0.25, "decay": 0.25}
    (clip,) = told["sequences"]
    assert (clip["name"], clip["frames"]) == ("walk, then run", ["00001", "00002"])
    assert clip["notes"] == ["a note"]
    assert clip["objects"][1]["id"] == 7
    assert clip["objects"][1]["F_per_frame"] == [0.0, 0.0004]
