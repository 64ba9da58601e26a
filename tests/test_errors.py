"""Errors: one line, parameters in the words of who reads it, whole across processes."""

from __future__ import annotations

import ast
import pickle
import re
from pathlib import Path

import pytest

import persam_vos
from persam_vos.errors import OutputError, PersamVosError, explain, in_python, param

PACKAGE = Path(persam_vos.__file__).parent


def test_a_message_has_the_parts_that_there_are() -> None:
    assert str(PersamVosError("clip.mp4")) == "clip.mp4"
    whole = PersamVosError("clip.mp4", got="text", expected="a video", remedy="convert it")
    assert str(whole) == "clip.mp4: got text, expected a video; convert it"
    assert str(PersamVosError("a\nb", got=" c\td ")) == "a b: got c d"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("alpha", None, "alpha"),
        ("alpha", "0.5", "alpha=0.5"),
        ("start_frame", "-1", "start_frame=-1"),
        ("overwrite", "True", "overwrite=True"),
        ("device", "cuda:1", "device='cuda:1'"),
    ],
)
def test_parameters_are_written_as_keyword_arguments(
    name: str, value: str | None, expected: str
) -> None:
    assert in_python(name, value) == expected


def test_another_spelling_reaches_every_part_of_a_message() -> None:
    error = PersamVosError(
        param("image_size", 9),
        got="9",
        expected=f"what {param('method')} needs",
        remedy=f"use {param('device', 'cpu')}",
    )
    assert str(error) == "image_size=9: got 9, expected what method needs; use device='cpu'"
    told = error.render(lambda name, value: f"<{name}|{value}>")
    assert told == "<image_size|9>: got 9, expected what <method|None> needs; use <device|cpu>"


def test_an_error_comes_whole_out_of_another_process() -> None:
    error = OutputError(param("output", "here"), got="it", remedy=f"add {param('overwrite', True)}")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is OutputError
    assert str(again) == str(error) == "output='here': got it; add overwrite=True"
    assert again.render(lambda name, _: name.upper()) == "OUTPUT: got it; add OVERWRITE"


def test_errors_of_others_are_explained_too() -> None:
    ours = PersamVosError("clip.mp4")
    assert explain(ours) is ours
    assert str(explain(ValueError("no\nsense"))) == "unexpected ValueError: no sense"


def test_the_library_does_not_speak_of_flags() -> None:
    """What `npm`, `pip` and trainers of others are told is not ours."""
    others = {"--pack-destination", "--ignore-scripts", "--loglevel", "--fetch-retries"}
    others |= {"--force-reinstall", "--dataset", "--masked"}
    found = {}
    for path in PACKAGE.rglob("*.py"):
        texts = [
            node.value
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        flags = {flag for text in texts for flag in re.findall(r"--[a-z][a-z-]*", text)} - others
        if flags:
            found[str(path.relative_to(PACKAGE))] = flags
    assert not found


def test_a_line_of_an_error_has_no_control_characters() -> None:
    error = PersamVosError(
        "a\x1b[2J.mp4", got="x\u202e\udcff", remedy=f"use {param('reader', 'b')}"
    )
    assert str(error) == "a\\x1b[2J.mp4: got x\\u202e\\udcff; use reader='b'"
