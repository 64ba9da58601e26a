"""Fixtures that several rooms share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Fail GPU tests loudly where a GPU is required; skip them elsewhere."""
    if item.get_closest_marker("gpu") is None:
        return
    import torch

    if torch.cuda.is_available():
        return
    if os.environ.get("PERSAM_VOS_REQUIRE_GPU") == "1":
        pytest.fail("PERSAM_VOS_REQUIRE_GPU=1, but torch.cuda.is_available() is False")
    pytest.skip("no CUDA device")


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The development clips and the truth made by others, next to the repository."""
    default = ROOT.parent / "shared"
    path = Path(os.environ.get("PERSAM_VOS_SHARED", default))
    if not (path / "parity").is_dir():
        pytest.skip(f"{path} is not there: development clips are not part of the project")
    return path
