"""Import ``segment_anything.modeling`` without torchvision.

The package's ``__init__`` imports torchvision, which its network code does not need, which may not
be there, and which takes seconds. The files are therefore loaded as a package with a name of our
own, so that another ``import segment_anything`` finds nothing half-done in ``sys.modules``.
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
    """Return the package's network code, its files untouched; every call the same module.

    Raises ImportError when segment_anything is not installed.
    """
    with _lock:
        return sys.modules.get(_PRIVATE_NAME) or _load()


def _load() -> ModuleType:
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
