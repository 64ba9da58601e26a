"""Every source file has its test file, at the same place below ``tests``."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# What has no test file of its own, and why.
TESTED_ELSEWHERE = {
    "persam_vos/sam/modules.py": "protocols alone: mypy holds their users against them",
    "persam_vos/__main__.py": "three lines, run by tests/cli/test_main.py",
    "persam_vos/runs/outcome.py": "dataclasses alone, filled by what tests/runs runs",
    "cli/track_one.py": "what test_track_command and test_demo_command run",
}


def sources(folder: str) -> list[Path]:
    """Source files below a folder of the repository; ``__init__`` only hands names on."""
    paths = (path.relative_to(ROOT) for path in (ROOT / folder).rglob("*.py"))
    return sorted(path for path in paths if path.name != "__init__.py")


def mirrored(source: Path) -> Path:
    """Where the tests of a source file are."""
    package = Path("cli") if source.parts[0] == "cli" else source.parent.relative_to("persam_vos")
    return Path("tests") / package / f"test_{source.name}"


@pytest.mark.parametrize("folder", ["persam_vos", "cli"])
def test_every_source_file_has_its_test_file(folder: str) -> None:
    files = [path for path in sources(folder) if path.as_posix() not in TESTED_ELSEWHERE]
    missing = [
        f"{path}: {test}" for path in files if not (ROOT / (test := mirrored(path))).exists()
    ]
    assert not missing, "\n".join(missing)
