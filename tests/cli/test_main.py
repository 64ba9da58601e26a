"""The command itself: fast help, `python -m persam_vos`, and what it does to threads."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from persam_vos_cli.main import main

import persam_vos

HELP_WITHOUT_TORCH = """
import sys
sys.argv = ["persam-vos", *sys.argv[1:]]
from persam_vos_cli.main import main
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
heavy = {"torch", "av", "cv2", "scipy", "onnx", "decord"} & set(sys.modules)
assert not heavy, heavy
"""


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["track", "-h"], ["demo", "-h"]])
def test_help_does_not_load_what_is_slow(arguments: list[str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", HELP_WITHOUT_TORCH, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "persam-vos" in ended.stdout


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "10000"),
        ({"GOMP_SPINCOUNT": "7"}, "7"),
        ({"OMP_WAIT_POLICY": "active"}, None),
    ],
)
def test_threads_spin_briefly_unless_something_else_is_wished(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], expected: str | None
) -> None:
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.setenv(name, "")  # so that what the program sets is undone
        monkeypatch.delenv(name)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["persam-vos", "--version"])
    with pytest.raises(SystemExit):
        main()
    assert os.environ.get("GOMP_SPINCOUNT") == expected


def test_the_package_runs_as_a_module() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "persam_vos", "--version"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == f"persam-vos, version {persam_vos.__version__}\n"
