"""What the table says of a clip, on a terminal and elsewhere."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from persam_vos_cli.clip_table import ClipTable

from persam_vos.errors import PersamVosError, param
from persam_vos.evaluation import ClipOutcome
from persam_vos.evaluation.clip import ClipFacts
from persam_vos.scoring import SequenceScore

ENGINE = SimpleNamespace(
    compute=SimpleNamespace(describe=lambda: "cpu, float32"),
    encoding=SimpleNamespace(warning="the encoder runs on torch"),
)
SCORE = SequenceScore("bear", ("1", "2"), (1,), np.array([[0.5], [0.7]]), np.array([[0.8], [0.8]]))
FACTS = ClipFacts(4, (1,), 2.0, 2.0, {}, 900_000_000)
OUTCOMES = (
    ClipOutcome("bear", FACTS, SCORE, reused=True),
    ClipOutcome("dog", FACTS),
    ClipOutcome(
        "cow", error=PersamVosError("no [such] file", remedy=f"use {param('image_size', 9)}")
    ),
)


def show(capsys: pytest.CaptureFixture[str], *, quiet: bool = False) -> str:
    with ClipTable(3, quiet=quiet) as table:
        table.start(ENGINE)
        for outcome in OUTCOMES:
            table.add(outcome)
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


def test_each_clip_is_a_line_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert show(capsys).splitlines() == [
        "warning: the encoder runs on torch",
        "1/3 bear: frames 4, objects 1, J 0.600, F 0.800, J&F 0.700, frames/s 2.00, MB 900, kept",
        "2/3 dog: frames 4, objects 1, frames/s 2.00, MB 900",
        "3/3 cow: failed: no [such] file; use --image-size 9",
    ]


def test_a_terminal_gets_a_table_that_fits(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    shown = show(capsys)
    for part in ("bear (kept)", "0.700", "cow (failed)", "3 of 3 clips, cpu, float32", "on torch"):
        assert part in shown


def test_quiet_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    assert show(capsys, quiet=True) == ""
