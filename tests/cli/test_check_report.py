"""The report of `check`: what people read, and JSON."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
from persam_vos_cli.check_report import print_report, report_facts

from persam_vos.checking.check import Report
from persam_vos.checking.estimate import Estimate
from persam_vos.checking.findings import Finding
from persam_vos.checking.mask_facts import ObjectFacts
from persam_vos.checking.mask_file import MaskFile
from persam_vos.checking.probe import VideoFacts
from persam_vos.errors import MaskError, param
from persam_vos.structures import SourceInfo

INFO = SourceInfo("a [b].mp4", "video", (480, 854), 240, Fraction(30000, 1001), 90, "h264", "yuv")
VIDEO = VideoFacts(INFO, "MOV", 240, 240, 8.008, audio=("aac", "?"), colour_matrix="BT.709")
OBJECT = ObjectFacts(3, 400, 0.001, (10, 20, 29, 39), 2, 5, 0, 0, 0, 0, ())
REPORT = Report(
    VIDEO,
    240,
    (
        MaskFile("m/first.png", "palette PNG", (480, 854), 3, (3, 255), 12),
        MaskFile("m/bad.png", problem=MaskError("m/bad.png", got="text")),
    ),
    {0: (OBJECT,)},
    Estimate(240, 1, 6, 4.25, 0.5, 31.0, 1_640_000_000, "cpu, float32"),
    (
        Finding("note", "a.png", "two specks", "", f"clean it with {param('fix')}"),
        Finding("warning", "b.png", "a dot", "an object", "enlarge it"),
        Finding("error", "c.png", "[no] image"),
    ),
)


def test_people_see_facts_findings_the_worst_first_and_the_verdict(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_report(REPORT, Path("out.png"), ("a hole filled",))
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert "\x1b" not in "".join(lines)
    assert lines == [
        "a [b].mp4",
        "  is      h264 in MOV",
        "  size    854 x 480, turned by 90 degrees",
        "  rate    29.97 frames/s",
        "  length  240 frames, 8 s",
        "  pixels  yuv, 8 bits, BT.709",
        "  sound   aac, unknown",
        "",
        "out.png (written)",
        "    a hole filled",
        "",
        "Masks",
        "  first.png          palette PNG, 854 x 480, objects 3, 255, 12 pixels of 255",
        "  bad.png            no image",
        "  frame 0, object 3  400 pixels (0.1%), box 10,20 to 29,39, 2 pieces",
        "",
        "error    c.png: [no] image",
        "warning  b.png: a dot, expected an object",
        "         → enlarge it",
        "note     a.png: two specks",
        "         → clean it with --fix",
        "",
        "A run",
        "  takes     about 2 min 35 s for 240 frames, 1 object",
        "  of which  4.2 s to start, then 0.5 s a frame, 31 s for going back",
        "  memory    1.6 GB",
        "  measured  6 frames on cpu, float32",
        "",
        "A run would fail.",
    ]


def test_a_good_report_is_short(capsys: pytest.CaptureFixture[str]) -> None:
    print_report(Report(VIDEO, 240), None, None)
    assert capsys.readouterr().out.splitlines()[-1] == "Nothing stands in the way of a run."
    warned = Report(None, findings=(Finding("warning", "b.png", "a dot"),))
    print_report(warned, None, None)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "Nothing stands in the way of a run; 1 warning above."


def test_json_has_all_of_it_in_the_words_of_the_command_line() -> None:
    facts = report_facts(REPORT, Path("out.png"), ("a hole filled",))
    assert json.loads(json.dumps(facts)) == json.loads(json.dumps(facts))
    assert facts["fails"] is True
    assert facts["video"]["info"]["frames_per_second"] == "30000/1001"
    assert facts["mask_files"][1]["problem"] == "m/bad.png: got text"
    assert facts["objects"]["0"][0]["area_px"] == 400
    assert facts["findings"][0]["remedy"] == "clean it with --fix"
    assert facts["estimate"]["seconds"] == 4.25 + 239 * 0.5 + 31
    assert facts["fixed"] == {"path": "out.png", "changes": ["a hole filled"]}
    empty = report_facts(Report(None), None, None)
    assert (empty["video"], empty["estimate"], empty["fixed"]) == (None, None, None)
