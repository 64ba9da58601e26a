"""Which files of the repository a wheel has to hold, by their names in it."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {"persam_vos": "persam_vos", "persam_vos_cli": "cli"}


def packaged_files() -> set[str]:
    """Return all files of both packages, such as ``persam_vos_cli/main.py``."""
    return {
        str(package / path.relative_to(ROOT / folder))
        for package, folder in ((Path(name), folder) for name, folder in PACKAGES.items())
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def module_files() -> set[str]:
    """Return those that are Python modules."""
    return {name for name in packaged_files() if name.endswith(".py")}
