"""A finished run of PerSeg whose masks are known, to be left as it is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from one_shot_answers import ReferenceAgain, made
from one_shot_trees import write_perseg

from persam_vos.datasets.one_shot import OneShotRun, open_one_shot
from persam_vos.evaluation.one_shot import OneShotScore, evaluate_one_shot


@pytest.fixture(scope="session")
def perseg_root(tmp_path_factory) -> Path:
    return write_perseg(tmp_path_factory.mktemp("perseg"))


@pytest.fixture(scope="session")
def finished(perseg_root, tmp_path_factory) -> tuple[OneShotRun, OneShotScore, Path]:
    run = open_one_shot("perseg", perseg_root)
    output = tmp_path_factory.mktemp("run") / "out"
    return run, evaluate_one_shot(run, output, made(ReferenceAgain())), output


@pytest.fixture
def copy_of_finished(finished, tmp_path) -> Path:
    """The folder of the finished run, which may be damaged."""
    return Path(shutil.copytree(finished[2], tmp_path / "out"))
