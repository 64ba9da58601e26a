"""What the log says of a run is JSON, and true."""

from __future__ import annotations

import json
from fractions import Fraction
from importlib.metadata import version

from demo_clip import RememberingEngine

from persam_vos.runtime.timer import StageTimer
from persam_vos.structures import SourceInfo
from persam_vos.tracking.run_facts import engine_facts, input_facts, not_captured, run_totals


def test_what_computed_is_named(engine: RememberingEngine) -> None:
    facts = json.loads(json.dumps(engine_facts(engine, "persam-vos track clip.mp4")))
    assert facts["version"] == version("persam-vos")
    assert facts["command"] == "persam-vos track clip.mp4"
    assert (facts["device"], facts["dtype"], facts["method"]) == ("cpu", "float32", "memory")
    assert (facts["image_size"], facts["mirrored"]) == (1024, False)
    assert facts["weights"] == {"name": "mobile-sam"}


def test_fractions_are_written_as_they_are() -> None:
    info = SourceInfo("clip.mp4", "video", (90, 160), 3, Fraction(24_000, 1001))
    facts = json.loads(json.dumps(input_facts(info)))
    assert facts["frames_per_second"] == "24000/1001"
    assert facts["size_hw"] == [90, 160]


def test_what_it_took_is_told_by_stage(engine: RememberingEngine) -> None:
    timer = StageTimer()
    with timer.measure("track"):
        pass
    timer.notes["step"] = "a shape changed"
    totals = json.loads(json.dumps(run_totals(engine, timer, 3, 1.23456)))
    assert (totals["frame_count"], totals["wall_seconds"]) == (3, 1.235)
    assert totals["busy_seconds"].keys() == {"track"}
    assert totals["not_captured"] == not_captured(engine, timer) == {"step": "a shape changed"}
