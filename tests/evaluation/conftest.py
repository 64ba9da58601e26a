"""A dataset of two small clips, rendered once, and a run on it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from persam_vos.datasets.catalog import open_split
from persam_vos.demo.render import render_demo
from persam_vos.evaluation import Evaluation, evaluate
from persam_vos.media.label_png import write_label_png
from persam_vos.request import EngineChoice

CHOICE = EngineChoice(device="cpu")
FRAMES = 3


@pytest.fixture(scope="session")
def rendered() -> list[tuple[np.ndarray, np.ndarray]]:
    return list(render_demo(FRAMES, (90, 160)))


def write_tree(root: Path, clips: dict[str, list[tuple[np.ndarray, np.ndarray]]]) -> Path:
    for clip, frames in clips.items():
        for kind in ("JPEGImages", "Annotations"):
            (root / kind / clip).mkdir(parents=True)
        for k, (image, labels) in enumerate(frames):
            Image.fromarray(image).save(root / f"JPEGImages/{clip}/{k:05d}.png")
            write_label_png(root / f"Annotations/{clip}/{k:05d}.png", labels)
    return root


@pytest.fixture(scope="session")
def tree(tmp_path_factory, rendered) -> Path:
    """The clips there and back, each of three frames and three objects."""
    root = tmp_path_factory.mktemp("dataset")
    return write_tree(root, {"there": rendered, "back": rendered[::-1]})


@pytest.fixture(scope="session")
def run(tree, tmp_path_factory) -> tuple[Evaluation, Path]:
    """A finished run on both clips; to be left as it is."""
    output = tmp_path_factory.mktemp("run") / "out"
    return evaluate(open_split("folder", tree), output, CHOICE, command="a test"), output


@pytest.fixture
def copy_of_run(run, tmp_path) -> Path:
    """A finished run that may be damaged."""
    return Path(shutil.copytree(run[1], tmp_path / "out"))


@pytest.fixture
def make_tree(tmp_path) -> Callable[..., Path]:
    return lambda clips: write_tree(tmp_path / "tree", clips)


@pytest.fixture
def make_youtube_tree(tmp_path) -> Callable[..., Path]:
    """Make a valid split of one clip from frames and the first frame of each object."""

    def make(frames: list[tuple[np.ndarray, np.ndarray]], first: dict[int, int]) -> Path:
        base = write_tree(tmp_path / "youtube" / "valid", {"late": frames})
        objects = {str(i): {"frames": [f"{k:05d}"]} for i, k in first.items()}
        (base / "meta.json").write_text(json.dumps({"videos": {"late": {"objects": objects}}}))
        for k in range(len(frames)):
            if k not in first.values():
                (base / f"Annotations/late/{k:05d}.png").unlink()
        return base.parent

    return make
