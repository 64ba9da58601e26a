"""Two runs side by side, from results that are written here."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from subprocess import run

import pytest

from persam_vos.errors import ScoringError
from persam_vos.scoring.compare import as_json, compare


def write_results(folder: Path, clips, **told) -> Path:
    """Write results of clips given as {name: {object id: (J, F)}}."""
    sequences = [
        {
            "name": name,
            "objects": [
                {"id": i, "J": {"mean": region}, "F": {"mean": boundary}}
                for i, (region, boundary) in objects.items()
            ],
        }
        for name, objects in clips.items()
    ]
    folder.mkdir(exist_ok=True)
    content = {"version": 1, "sequences": sequences, **told}
    (folder / "results.json").write_text(json.dumps(content))
    return folder


BEFORE = {"same": {1: (0.5, 0.5)}, "up": {1: (0.25, 0.5)}, "down": {1: (1.0, 0.5), 2: (0.5, 1.0)}}
AFTER = {"up": {1: (0.5, 0.5)}, "same": {1: (0.5, 0.5)}, "down": {1: (0.5, 0.5), 2: (0.5, 1.0)}}


@pytest.fixture
def pair(tmp_path):
    return write_results(tmp_path / "a", BEFORE), write_results(tmp_path / "b", AFTER)


def test_worst_regressions_come_first(pair):
    found = compare(*pair)
    gains = [(one.name, one.difference.region, one.difference.boundary) for one in found.clips]
    assert gains == [("down", -0.25, 0), ("same", 0, 0), ("up", 0.25, 0)]
    assert (found.only_before, found.only_after, found.notes) == ((), (), ())


def test_every_object_weighs_the_same_in_the_total(pair):
    total = compare(*pair).total
    assert (total.before.region, total.after.region) == (2.25 / 4, 2 / 4)
    assert total.difference.jf == pytest.approx(-0.25 / 8)


def test_a_run_does_not_differ_from_itself(pair):
    told = as_json(compare(pair[0], pair[0]))
    assert set(told["total"]["difference"].values()) == {0.0}
    assert len(told["clips"]) == 3


def test_clips_that_only_one_has_are_named_and_left_out(tmp_path):
    a = write_results(tmp_path / "a", BEFORE | {"old": {1: (0, 0)}})
    b = write_results(tmp_path / "b", AFTER | {"new": {1: (1, 1)}})
    found = compare(a, b)
    assert (found.only_before, found.only_after) == (("old",), ("new",))
    assert found.total.before.region == 2.25 / 4


def test_other_settings_and_objects_are_noted(tmp_path):
    a = write_results(
        tmp_path / "a",
        {"x": {1: (1, 1), 2: (1, 1)}},
        run={"dataset": "davis2017", "settings": {"method": {"method": "persam"}}},
    )
    b = write_results(
        tmp_path / "b",
        {"x": {1: (1, 1)}},
        run={"dataset": "davis2017", "settings": {"method": {"method": "persam-f"}}},
    )
    assert compare(a, b).notes == (
        "method: persam before, persam-f after",
        "clip x: objects 1, 2 before, 1 after",
    )


def test_runs_without_a_common_clip_are_refused(tmp_path):
    a = write_results(tmp_path / "a", {"x": {1: (1, 1)}})
    b = write_results(tmp_path / "b", {"y": {1: (1, 1)}})
    with pytest.raises(ScoringError, match=r"got no clip in common \(x; y\)"):
        compare(a, b)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot read .*No such file"),
     (b"\xff\xfe\x00", "bytes that are no text"),
     (b"{", "cannot use"),
     (b"[]", "cannot use"),
     (b'{"version": 2, "sequences": []}', "got version 2, expected version 1"),
     (b'{"version": 1, "sequences": []}', "no clips"),
     (b'{"version": 1, "run": null, "sequences": 3}', "cannot use"),
     (b'{"version": 1, "sequences": [{"name": "x", "objects": []}]}', "clips without objects"),
     (b'{"version": 1, "sequences": [{"name": "x", "objects": [{"id": 1, "J": {"mean": NaN}, '
      b'"F": {"mean": 1}}]}]}', "a score of nan")],
    ids=["none", "bytes", "cut", "list", "newer", "empty", "wrong", "no objects", "nan"],
)  # fmt: skip
def test_results_that_cannot_be_used_are_named(pair, content, message):
    path = pair[1] / "results.json"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ScoringError, match=f"{message}.*") as caught:
        compare(*pair)
    assert str(path) in str(caught.value)


def test_comparing_does_not_load_torch():
    code = "import sys, persam_vos.scoring.compare; sys.exit('torch' in sys.modules)"
    assert run([sys.executable, "-c", code], check=False).returncode == 0
