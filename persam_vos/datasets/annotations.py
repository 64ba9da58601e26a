"""Reading the lists and annotations of one-shot data sets, and saying what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import DatasetError
from ..files.limits import read_json as read_any_json
from ..files.open_picture import FAILURES
from ..files.safe_pickle import load_plain_pickle


def tree_in(root: Path, name: str) -> Path:
    """Return the data set's own folder: ``name`` in ``root``, or ``root`` itself."""
    return root / name if (root / name).is_dir() else root


def read_lines(path: Path) -> list[str]:
    """Return the lines of a list that are not empty, whatever ends them; raises DatasetError."""
    with explained(path, "a text file with a name a line"):
        return [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]


def read_json(path: Path, expected: str) -> Any:
    """Return what a JSON file holds; raises DatasetError, which says what was ``expected``."""
    with explained(path, expected):
        return read_any_json(path)


def read_pickle(path: Path, expected: str) -> dict[Any, Any]:
    """Return the dict in a pickle of plain data; raises DatasetError."""
    with explained(path, expected):
        content = load_plain_pickle(path)
        if not isinstance(content, dict):
            raise TypeError(f"a {type(content).__name__}")
        return content


@contextmanager
def explained(path: Path, expected: str) -> Iterator[None]:
    """Turn whatever is wrong with the content of a file into a DatasetError that names it."""
    try:
        yield
    except DatasetError:
        raise
    except OSError as error:
        got = error.strerror or str(error)
        raise DatasetError(f"cannot read {path}", got=got, expected=expected) from error
    except FAILURES as error:
        got = f"{type(error).__name__}: {error}"
        raise DatasetError(f"cannot use {path}", got=got, expected=expected) from error


def require_tree(root: Path, wanted: Sequence[Path], dataset: str) -> None:
    """Raise DatasetError, naming all that are missing, unless files and folders are there."""
    missing = [path.relative_to(root).as_posix() for path in wanted if not path.exists()]
    if missing:
        raise DatasetError(
            f"{dataset} tree {root}",
            got=f"no {', no '.join(missing)}",
            expected=", ".join(path.relative_to(root).as_posix() for path in wanted),
            remedy="give the folder that holds them; docs/one-shot.md shows the layouts",
        )
