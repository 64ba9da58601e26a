"""Exports, read back by the libraries of the tools that they are for, at pinned versions."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exported_run import COUNT, IDS, SIZE_HW, export, known_box, known_labels

LIBRARIES = ("datumaro==1.13.12", "cvat-sdk==2.80.0", "trackeval==1.3.0", "motmetrics==1.4.0")
ULTRALYTICS = (  # without what they need, since the tests' own torch serves them
    *("ultralytics==8.4.190", "torchvision==0.28.0", "polars", "psutil", "requests", "matplotlib"),
    *("pyparsing", "cycler", "kiwisolver", "python-dateutil", "six", "fonttools", "contourpy"),
)
SHOWN = {(index, one): known_box(index, one) for index in range(COUNT) for one in IDS}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def exports(image_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of exports, each in the layout that its reader wants."""
    folder = tmp_path_factory.mktemp("exports")
    places = {
        "coco:images=.png": "coco/annotations/instances_default.json",
        "frames": "coco/images/default",
        "cvat:shapes=masks": "cvat-masks.xml",
        "cvat:shapes=boxes": "cvat-boxes.xml",
        "mot:layout=folder": "mot",
        "mot": "trackers/ours/data/shots.txt",
        "yolo-track": "yolo",
        "yolo-seg": "yolo-seg",
    }
    for number, (text, place) in enumerate(places.items()):
        scratch = folder / f"scratch{number}"
        scratch.mkdir()
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(export(image_run, text, scratch), folder / place)
    shutil.copytree(folder / "mot", folder / "truth/shots")
    return folder


def new_environment(home: Path, *install: str) -> Path:
    """Return the Python of an environment of its own with some packages."""
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, home], check=True)
    python = home / "bin/python"
    subprocess.run([*uv, "pip", "install", "--quiet", "--python", python, *install], check=True)
    return python


def read_by(script: str, python: Path, *arguments: str | Path, **environment: str) -> Any:
    """Return what a script prints as its last line."""
    path = Path(__file__).parents[1] / script
    done = subprocess.run(
        [python, path, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def told(exports: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what the libraries read; they bring an OpenCV of their own."""
    python = new_environment(tmp_path_factory.mktemp("libraries") / "venv", *LIBRARIES)
    sizes = (str(one) for one in (COUNT, *SIZE_HW))
    read: dict[str, Any] = read_by("read_by_importers.py", python, exports, *sizes)
    return read


def in_frames(boxes: dict[str, list[list[float]]]) -> dict[tuple[int, int], list[float]]:
    """Key boxes by index of the frame and id; frames of all kinds of names are in order."""
    names = sorted(boxes)
    return {(names.index(name), int(row[0])): row[1:] for name in names for row in boxes[name]}


@pytest.mark.parametrize("kind", ["coco", "cvat"])
def test_masks_come_back_by_datumaro_and_cvat(
    told: dict[str, Any], exports: Path, kind: str
) -> None:
    del told
    with np.load(exports / "masks.npz") as masks:
        assert len([name for name in masks if name.startswith(kind)]) == 10
        for index, one in SHOWN:
            truth = known_labels(index) == one
            name = f"{kind}/{f'shot{index}' if kind == 'coco' else index}/{one}"
            if truth.any():
                np.testing.assert_array_equal(masks[name].astype(bool), truth)
            else:
                assert name not in masks


@pytest.mark.parametrize("kind", ["cvat", "mot"])
def test_boxes_and_ids_come_back_by_datumaro(told: dict[str, Any], kind: str) -> None:
    found = in_frames(told[kind])
    shown = {key: box for key, box in SHOWN.items() if box}
    assert found.keys() == shown.keys()
    for key, box in shown.items():
        # It is read as MOTChallenge counts on paper, where the first pixel is 1.
        assert found[key] == ([box[0] + 1, box[1] + 1, *box[2:]] if kind == "mot" else box)


def test_yolo_boxes_come_back_by_datumaro(told: dict[str, Any]) -> None:
    for index, name in enumerate(sorted(told["yolo"])):
        shown = sorted(box for one in IDS if (box := SHOWN[index, one]))
        rows = sorted(row[1:] for row in told["yolo"][name])
        np.testing.assert_allclose(rows, shown, atol=0.001)


def test_motmetrics_reads_tracks(told: dict[str, Any]) -> None:
    rows = {(int(row[0]) - 1, int(row[1])): row[2:] for row in told["motmetrics"]}
    assert rows == {key: box for key, box in SHOWN.items() if box}


def test_trackeval_finds_nothing_wrong_with_a_run_against_itself(told: dict[str, Any]) -> None:
    expected = {"frames": COUNT, "ids": len(IDS), "hota": 1, "mota": 1, "wrong": 0}
    assert told["trackeval"] == expected


def test_ultralytics_finds_nothing_wrong_with_data_sets(exports: Path, tmp_path: Path) -> None:
    python = new_environment(tmp_path / "venv", "--no-deps", *ULTRALYTICS)
    packages = next((tmp_path / "venv").glob("lib/python*/site-packages"))
    (packages / "tests.pth").write_text(f"{sysconfig.get_path('purelib')}\n")

    folders = [exports / "yolo", exports / "yolo-seg"]
    home = {"YOLO_CONFIG_DIR": str(tmp_path)}
    for told in read_by("read_by_ultralytics.py", python, *folders, **home):
        assert (told["names"], told["wrong"]) == ({"0": "object"}, [])
        height, width = SIZE_HW
        for index, rows in enumerate(told["boxes"]):
            shown = [box for one in IDS if (box := SHOWN[index, one])]
            found = [
                [(x - w / 2) * width, (y - h / 2) * height, w * width, h * height]
                for _, x, y, w, h in rows
            ]
            np.testing.assert_allclose(sorted(found), sorted(shown), atol=1.01)
        counts = [len(rows) for rows in told["boxes"]]
        assert told["outlines"] in (counts, [0] * COUNT)
