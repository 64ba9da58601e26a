"""What masks depend on: every file of the package in turn, settings, weights and clips."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from persam_vos.datasets.clips import Clip, FirstMask
from persam_vos.errors import DatasetError
from persam_vos.evaluation.fingerprint import (
    CANNOT_CHANGE_MASKS,
    PACKAGE,
    difference,
    digest_files,
    fingerprint,
    package_digest,
    package_files,
)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package, whose files may be changed and put right again."""
    folder = tmp_path_factory.mktemp("copy") / "persam_vos"
    shutil.copytree(PACKAGE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_each_file_of_the_package_changes_the_digest_or_is_on_the_list(package: Path) -> None:
    before = package_digest()
    assert package_digest(package) == before
    unnoticed = set()
    for name in package_files(package):
        path = package / name
        content = path.read_bytes()
        path.write_bytes(content + b"\n# changed\n")
        if package_digest(package) == before:
            unnoticed.add(name)
        path.write_bytes(content)
    assert unnoticed == CANNOT_CHANGE_MASKS


def test_code_and_data_are_covered() -> None:
    covered = set(package_files()) - CANNOT_CHANGE_MASKS
    assert {
        "backends/calibration.json",
        "scoring/label_files.py",
        "tracking/step.py",
        "weights/formats.py",
    } <= covered


def test_a_new_a_moved_and_a_missing_file_are_noticed(package: Path) -> None:
    digests = {package_digest(package)}
    new = package / "stages" / "another.py"
    new.touch()
    digests.add(package_digest(package))
    new = new.rename(package / "methods" / "another.py")
    digests.add(package_digest(package))
    new.unlink()
    assert len(digests) == 3
    assert package_digest(package) in digests


def test_what_python_and_desktops_leave_is_no_part_of_the_package(package: Path) -> None:
    before = package_digest(package)
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "api.cpython-311.pyc").write_bytes(b"code")
    (package / ".DS_Store").write_bytes(b"icons")
    assert package_digest(package) == before


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    for name in ("0.jpg", "1.jpg", "0.png"):
        (tmp_path / name).write_text(name)
    images = (tmp_path / "0.jpg", tmp_path / "1.jpg")
    mask = tmp_path / "0.png"
    return Clip("clip", images, (mask,), (FirstMask(0, mask, (1, 2)),))


@pytest.mark.parametrize(
    ("changed", "told"),
    [("1.jpg", "images"), ("0.png", "first masks")],
)
def test_a_changed_file_of_a_clip_is_told(clip: Clip, changed: str, told: str) -> None:
    before = fingerprint(clip, {"mode": "multi"})
    (clip.images[0].parent / changed).write_text("changed")
    assert difference(before, fingerprint(clip, {"mode": "multi"})) == told


def test_other_objects_of_a_first_mask_are_other_masks(clip: Clip) -> None:
    before = fingerprint(clip, {})
    fewer = Clip("clip", clip.images, clip.annotations, (FirstMask(0, clip.annotations[0], (1,)),))
    assert difference(before, fingerprint(fewer, {})) == "first masks"


def test_changed_settings_are_told_with_both_values(clip: Clip) -> None:
    before = fingerprint(clip, {"mode": "multi", "weights": {"name": "vit-b"}, "gone": 1})
    now = fingerprint(clip, {"mode": "single", "weights": {"name": "vit-b"}})
    assert difference(before, now) == "gone 1 (now None), mode multi (now single)"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"cannot read .*nothing\.png.*No such file"):
        digest_files([tmp_path / "nothing.png"])
