"""Findings: what errors become, and how they are said."""

from __future__ import annotations

from persam_vos.checking.findings import Finding
from persam_vos.errors import MaskError, PersamVosError, param


def test_an_error_becomes_a_finding_with_its_parts() -> None:
    error = MaskError("m.png", got="text", expected="a PNG", remedy="export it")
    assert Finding.of(error) == Finding("error", "m.png", "text", "a PNG", "export it")
    assert Finding.of(PersamVosError("all is lost")) == Finding("error", "", "all is lost")


def test_a_finding_is_one_line_with_the_parts_that_there_are() -> None:
    assert str(Finding("note", "m.png", "two specks")) == "m.png: two specks"
    assert str(Finding("note", "", "two specks", remedy="go on")) == "two specks; go on"
    whole = Finding("warning", "m.png", "a hole", "none", "fill it")
    assert str(whole) == "m.png: a hole, expected none; fill it"


def test_parameters_are_spelled_for_who_reads_them() -> None:
    found = Finding("note", "m.png", "two specks", remedy=f"use {param('fix')}")
    assert str(found).endswith("use fix")
    assert found.spelled(lambda name, _: f"--{name}").remedy == "use --fix"
    assert found.spelled(lambda name, _: f"--{name}").severity == "note"
