"""Tiny models and photos, made once for all tests of a process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from subject_photos import write_photos
from tiny_diffusion import save_tiny_sd, save_tiny_sdxl

from persam_vos.dreambooth.extra import quiet_libraries


@pytest.fixture
def quiet() -> Iterator[None]:
    """What diffusers and transformers do that is outdated is theirs to mend."""
    with quiet_libraries():
        yield


@pytest.fixture(scope="session")
def tiny_sd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with quiet_libraries():
        return save_tiny_sd(tmp_path_factory.mktemp("models") / "sd")


@pytest.fixture(scope="session")
def tiny_sdxl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with quiet_libraries():
        return save_tiny_sdxl(tmp_path_factory.mktemp("models") / "sdxl")


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three photos; their masks lie beside the folder, in ``masks``."""
    return write_photos(tmp_path_factory.mktemp("subject"))
