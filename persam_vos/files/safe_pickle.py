"""Reading pickles of plain data: what a published split holds, and nothing that could run code.

A pickle names what it is made of by module and name, and a plain unpickler imports and calls it.
This one knows a short list of containers and of numpy's own constructors; all else is refused
before it is looked up.
"""

from __future__ import annotations

import codecs
import collections
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..errors import DatasetError

try:  # numpy 2
    from numpy._core import multiarray, numeric
except ImportError:  # pragma: no cover - numpy 1
    from numpy.core import multiarray, numeric  # type: ignore[no-redef, unused-ignore]


def _plain_dtype(*facts: Any) -> np.dtype[Any]:
    """Make a dtype of numbers or texts; arrays of objects could hold anything."""
    dtype: np.dtype[Any] = np.dtype(*facts)
    if dtype.hasobject:
        raise pickle.UnpicklingError("a numpy array of Python objects")
    return dtype


_BUILTINS: Final[dict[str, Callable[..., Any]]] = {
    kind.__name__: kind for kind in (list, dict, set, frozenset, tuple, int, float)
}
_ARRAYS: Final[dict[str, Any]] = {
    name: getattr(multiarray, name) for name in ("_reconstruct", "scalar")
}
_ALLOWED: Final[dict[str, dict[str, Callable[..., Any]]]] = {
    **dict.fromkeys(("builtins", "__builtin__"), _BUILTINS),
    "collections": {
        "OrderedDict": collections.OrderedDict,
        "defaultdict": collections.defaultdict,
    },
    "_codecs": {"encode": codecs.encode},  # bytes, in old protocols
    "numpy": {"ndarray": np.ndarray, "dtype": _plain_dtype},
    **{f"numpy.{core}.multiarray": _ARRAYS for core in ("core", "_core")},
    **{
        f"numpy.{core}.numeric": {"_frombuffer": getattr(numeric, "_frombuffer")}  # noqa: B009
        for core in ("core", "_core")
    },
}


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Return what a pickle may be made of; raises UnpicklingError for all else."""
        found = _ALLOWED.get(module, {}).get(name)
        if found is None:
            raise pickle.UnpicklingError(f"{module}.{name}")
        return found


def load_plain_pickle(path: Path) -> Any:
    """Read a pickle of containers, texts, numbers and numpy arrays of numbers.

    Raises DatasetError for one that names anything else, before that is imported or called,
    and for a file that is damaged or cannot be read.
    """
    expected = "a pickle of dicts, lists, texts, numbers and arrays"
    try:
        with path.open("rb") as file:
            return _PlainUnpickler(file).load()
    except OSError as error:
        raise DatasetError(
            f"cannot read {path}", got=error.strerror or str(error), expected=expected
        ) from error
    except pickle.UnpicklingError as error:
        raise DatasetError(
            f"{path}",
            got=f"a pickle with {error}",
            expected=expected,
            remedy="do not trust this file: get it from its publisher",
        ) from None
    except Exception as error:  # a damaged pickle can raise anything
        raise DatasetError(
            f"{path}", got=f"a damaged pickle ({type(error).__name__})", expected=expected
        ) from error
