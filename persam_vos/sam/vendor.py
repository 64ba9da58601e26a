"""Import ``segment_anything.modeling``, with or without torchvision.

The package's ``__init__`` imports torchvision, which its network code does not need. Where
torchvision works, the package is imported as it is. Where it does not, the same files are loaded
as a package with a name of our own, so that a later ``import segment_anything`` finds nothing
half-done in ``sys.modules``.
"""

from __future__ import annotations

import importlib.util
import sys
import threading
from pathlib import Path
from types import ModuleType

_PRIVATE_NAME = f"{__package__}._segment_anything_modeling"
_lock = threading.Lock()


def load_modeling() -> ModuleType:
    """Return the module ``segment_anything.modeling``, untouched.

    Every call returns the same module as long as torchvision neither comes nor goes. Raises
    ImportError when segment_anything is not installed.
    """
    with _lock:
        if _PRIVATE_NAME in sys.modules:
            return sys.modules[_PRIVATE_NAME]
        if importlib.util.find_spec("torchvision") is not None:
            try:
                return importlib.import_module("segment_anything.modeling")
            except (ImportError, RuntimeError):
                # RuntimeError: a torchvision that was built for another torch. Do without it.
                pass
        return _load_privately()


def _load_privately() -> ModuleType:
    package = importlib.util.find_spec("segment_anything")  # finds it, does not run it
    if package is None or not package.submodule_search_locations:
        raise ImportError("segment_anything is not installed; pip install segment-anything")
    folder = Path(next(iter(package.submodule_search_locations))) / "modeling"
    spec = importlib.util.spec_from_file_location(
        _PRIVATE_NAME, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[_PRIVATE_NAME] = module  # its own relative imports look it up
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[_PRIVATE_NAME]
        raise
    return module
