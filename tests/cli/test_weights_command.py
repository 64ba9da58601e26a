"""``persam-vos weights``, called as click calls it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from persam_vos_cli.weights_command import weights

from persam_vos.weights import CACHE_VARIABLE, WEIGHTS, original_files


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(weights, arguments, prog_name="persam-vos weights")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def real_files() -> tuple[Path, ...]:
    return original_files("mobile-sam")


def test_list_names_all_with_the_facts(cache):
    result = invoke("list")
    assert result.exit_code == 0
    rows = {line.split()[0]: line for line in result.stdout.splitlines()}
    for name, info in WEIGHTS.items():
        assert f"{info.size_bytes / 1e6:.0f} MB" in rows[name]
        assert info.licence in rows[name]
        assert info.sources[0].files[0].sha256[:8] in rows[name]
        assert " no " in rows[name]
    assert f"cache: {cache}" in result.stdout.splitlines()


def test_fetched_weights_are_listed_and_found(cache, real_files):
    folder = cache / "weights" / "mobile-sam"
    folder.mkdir(parents=True)
    for path in real_files:
        (folder / path.name).symlink_to(path)
    expected = "".join(f"{folder / path.name}\n" for path in real_files)
    assert invoke("fetch", "mobile-sam").stdout == expected
    assert invoke("path", "mobile-sam").stdout == expected
    rows = {line.split()[0]: line for line in invoke("list").stdout.splitlines()}
    assert " yes " in rows["mobile-sam"]
    assert " no " in rows["vit-b"]


@pytest.mark.usefixtures("cache")
def test_path_of_absent_weights_says_how_to_get_them_in_one_line():
    command = [sys.executable, "-m", "persam_vos_cli.main", "weights", "path", "vit-b"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (1, "")
    assert len(run.stderr.splitlines()) == 1
    assert "run: persam-vos weights fetch vit-b" in run.stderr


@pytest.mark.parametrize("command", ["fetch", "path"])
@pytest.mark.parametrize("arguments", [[], ["sam"], ["vit-b", "vit-l"]])
def test_wrong_arguments_are_a_usage_error(cache, command, arguments):
    result = invoke(command, *arguments)
    assert result.exit_code == 2
    assert "Usage: persam-vos weights" in result.stderr
    assert not cache.exists()
