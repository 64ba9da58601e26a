"""Runs to export, written once for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from exported_run import write_images, write_run, write_video


@pytest.fixture(scope="session")
def image_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on a folder of images, with its soft masks."""
    base = tmp_path_factory.mktemp("images")
    return write_run(base / "run", write_images(base / "shots"), keep_alpha=True)


@pytest.fixture(scope="session")
def video_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on a lossless video of uneven frame times with sound, without soft masks."""
    base = tmp_path_factory.mktemp("video")
    return write_run(base / "run", write_video(base / "clip.mkv"))
