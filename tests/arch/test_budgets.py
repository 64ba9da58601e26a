"""The budgets of size: what people read has to stay short."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(path for package in ("persam_vos", "cli") for path in (ROOT / package).rglob("*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in FILES]

FILE_LINES, MEDIAN_FILE_LINES = 400, 160
FUNCTION_LINES, P90_FUNCTION_LINES = 60, 40
DOCUMENTED_SHARE = 0.95

Function = ast.FunctionDef | ast.AsyncFunctionDef
Documentable = Function | ast.ClassDef


def functions(path: Path) -> list[Function]:
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, Function)]


def length(function: Function) -> int:
    """Lines from ``def`` to the end; decorators, often a table of options, are not counted."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def public(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, Documentable]]:
    """Yield public classes, functions and methods; what is nested in functions is private."""
    for node in body:
        if isinstance(node, Documentable) and not node.name.startswith("_"):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body, f"{prefix}{node.name}.")


def test_there_is_something_to_measure() -> None:
    assert len(FILES) > 30


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_files_and_functions_are_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= FILE_LINES
    long = {node.name: length(node) for node in functions(path) if length(node) > FUNCTION_LINES}
    assert not long


def test_most_files_and_functions_are_shorter_still() -> None:
    assert statistics.median(len(path.read_text().splitlines()) for path in FILES) <= (
        MEDIAN_FILE_LINES
    )
    lengths = [length(node) for path in FILES for node in functions(path)]
    assert statistics.quantiles(lengths, n=10)[-1] <= P90_FUNCTION_LINES


def test_what_is_public_is_documented() -> None:
    modules = {name: ast.parse(path.read_text()) for name, path in zip(NAMES, FILES, strict=True)}
    assert not [name for name, module in modules.items() if not ast.get_docstring(module)]
    documented = {
        f"{name}: {qualified}": bool(ast.get_docstring(node))
        for name, module in modules.items()
        for qualified, node in public(module.body)
    }
    share = sum(documented.values()) / len(documented)
    assert share >= DOCUMENTED_SHARE, [name for name, has in documented.items() if not has]
