"""What packages promise beyond the order of their imports."""

from __future__ import annotations

import re
from pathlib import Path

LIBRARY = Path(__file__).resolve().parents[2] / "persam_vos"
MODULES_BESIDE_PACKAGES = 8


def lines_with(pattern: str) -> list[str]:
    """Return where a pattern stands in the library's code, comments included."""
    return [
        f"{path.relative_to(LIBRARY)}:{number}: {line.strip()}"
        for path in sorted(LIBRARY.rglob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(pattern, line)
    ]


def test_few_modules_stand_beside_the_packages() -> None:
    assert len(list(LIBRARY.glob("*.py"))) <= MODULES_BESIDE_PACKAGES


def test_cuda_is_called_under_runtime_only() -> None:
    found = lines_with(r"\btorch\.cuda\b")
    assert [line for line in found if not line.startswith("runtime/")] == []


def test_nobody_asks_of_what_class_a_method_is() -> None:
    assert lines_with(r"isinstance\(.*Method") == []


def test_pointers_are_not_compared() -> None:
    assert [line for line in lines_with(r"data_ptr\(") if not line.startswith("runtime/")] == []
