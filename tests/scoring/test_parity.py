"""The published toolkit's own numbers, on label maps with lost, shifted and missing objects."""

import json

import pytest

from persam_vos.scoring import report_files, score_folders

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def score(shared_dir):
    return score_folders(
        shared_dir / "parity/toolkit/predictions",
        shared_dir / "data/composites-dev/Annotations/480p",
    )


@pytest.mark.parametrize("measure", ["J", "F"])
def test_every_object_scores_as_in_the_toolkit(shared_dir, score, measure):
    truth = json.loads((shared_dir / "parity/toolkit/metrics.json").read_text())[measure]
    ours = [
        part
        for clip in score.sequences
        for part in (clip.region_statistics if measure == "J" else clip.boundary_statistics)
    ]
    for letter, name in (("M", "mean"), ("R", "recall"), ("D", "decay")):
        assert [getattr(part, name) for part in ours] == pytest.approx(truth[letter], abs=1e-9)
    names = [
        f"{clip.name}_{object_id}" for clip in score.sequences for object_id in clip.object_ids
    ]
    assert names == list(truth["M_per_object"])


def test_csv_files_are_equal_byte_for_byte(shared_dir, score):
    files = report_files(score)
    for name in ("global_results-val.csv", "per-sequence_results-val.csv"):
        assert files[name].encode() == (shared_dir / "parity/toolkit" / name).read_bytes()


@pytest.mark.parametrize("method", ["persam", "persam_f"])
@pytest.mark.parametrize("clip", ["dog-agility", "rollerblade", "motorbike", "bear-motorbike"])
def test_upstream_programs_score_as_expected(shared_dir, method, clip):
    upstream = shared_dir / "parity/public-recipe"
    tree = "composites-dev" if clip == "bear-motorbike" else "davis16-dev"
    truth = shared_dir / "data" / tree / "Annotations/480p" / clip
    (score,) = score_folders(upstream / method / clip, truth).sequences
    expected = json.loads((upstream / "scores.json").read_text())[method][clip]
    parts = zip(score.region_statistics, score.boundary_statistics, strict=True)
    ours = {str(i): [j.mean, f.mean] for i, (j, f) in zip(score.object_ids, parts, strict=True)}
    assert ours.keys() == expected.keys()
    for object_id, pair in expected.items():
        assert ours[object_id] == pytest.approx(pair, abs=1e-9)
