"""What is packaged is what is here, under one version."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from wheel_contents import PACKAGES, ROOT, module_files, packaged_files

import persam_vos

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_every_folder_with_modules_is_packaged() -> None:
    folders = {str(Path(name).parent).replace("/", ".") for name in module_files()}
    assert sorted(PROJECT["tool"]["setuptools"]["packages"]) == sorted(folders)


def test_every_file_that_is_no_module_is_package_data() -> None:
    data = PROJECT["tool"]["setuptools"]["package-data"]
    listed = {
        f"{package.replace('.', '/')}/{name}" for package, names in data.items() for name in names
    }
    assert listed == packaged_files() - module_files()


def test_the_command_line_is_not_installed_as_cli() -> None:
    assert PACKAGES["persam_vos_cli"] == "cli"
    assert PROJECT["tool"]["setuptools"]["package-dir"] == PACKAGES


def test_changelog_project_and_command_agree_on_the_version() -> None:
    version = PROJECT["project"]["version"]
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert re.fullmatch(rf"{re.escape(version)} \(\d{{4}}-\d{{2}}-\d{{2}}\)", headings[1])
    assert persam_vos.__version__ == version, "installed from another version: run `make setup`"
    command = [sys.executable, "-m", "persam_vos_cli.main", "--version"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said == f"persam-vos, version {version}\n"


def test_text_of_the_package_page_shows_without_the_repository() -> None:
    text = (ROOT / PROJECT["project"]["readme"]).read_text()
    links = re.findall(r"\]\(([^)]*)\)", text)
    assert [link for link in links if not link.startswith("https://")] == []


DECORD = [
    ("linux", "x86_64", True),
    ("win32", "AMD64", True),
    ("linux", "aarch64", False),
    ("darwin", "arm64", False),
    ("darwin", "x86_64", False),
]


@pytest.mark.parametrize(("system", "machine", "wanted"), DECORD)
def test_decord_is_required_where_it_can_be_installed(
    system: str, machine: str, wanted: bool
) -> None:
    requirements = map(Requirement, PROJECT["project"]["dependencies"])
    (decord,) = (found for found in requirements if found.name == "decord")
    assert decord.marker is not None
    assert decord.marker.evaluate({"sys_platform": system, "platform_machine": machine}) is wanted
