"""The registry, and where the cache is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest

from persam_vos.errors import UsageError
from persam_vos.weights import (
    CACHE_VARIABLE,
    DEFAULT_WEIGHTS,
    WEIGHTS,
    WeightsFile,
    cache_dir,
    weights_info,
)


def test_every_entry_is_complete():
    assert list(WEIGHTS) == ["mobile-sam", "vit-b", "vit-l", "vit-h"]
    assert DEFAULT_WEIGHTS in WEIGHTS
    for name, info in WEIGHTS.items():
        assert info.name == name
        assert info.licence == "Apache-2.0"
        assert 3.9 * info.parameters < info.size_bytes < 4.2 * info.parameters
        assert info.sources[0].location.endswith(info.sources[0].files[0].name)


def test_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(UsageError, match="got 'sam', expected one of mobile-sam, vit-b"):
        weights_info("sam")


def test_wrong_digest_cannot_be_registered():
    with pytest.raises(ValueError, match="expected 64 hex digits"):
        WeightsFile("x.pt", 1, "6dbb9052")


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ("", platformdirs.user_cache_path("persam-vos", appauthor=False)),
        ("/somewhere", Path("/somewhere").absolute()),
        ("~/w", Path.home() / "w"),
        ("relative", Path.cwd() / "relative"),
    ],
)
def test_cache_folder_follows_the_environment(monkeypatch, chosen, expected):
    monkeypatch.setenv(CACHE_VARIABLE, chosen)
    assert cache_dir() == expected


@pytest.mark.parametrize("module", ["persam_vos.weights", "persam_vos_cli.weights_command"])
def test_import_does_not_need_torch(module):
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
