"""The packages of the extra ``persam-vos[dreambooth]``: are they there, and what they print."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec

from ..errors import UsageError, param

_LIBRARIES = r"(accelerate|diffusers|peft|transformers)\b"
PACKAGES = ("accelerate", "diffusers", "peft", "transformers")


def require_extra() -> None:
    """Raise UsageError if a package that training needs is not installed."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise UsageError(
            "training",
            got=f"no {', '.join(missing)}",
            expected="the packages of the extra dreambooth",
            remedy="pip install 'persam-vos[dreambooth]'",
        )


def require_8bit() -> None:
    """Raise UsageError if the package of the 8-bit optimiser is not installed."""
    if find_spec("bitsandbytes") is None:
        raise UsageError(
            param("use_8bit_adam"),
            got="no bitsandbytes",
            expected="the package that has the 8-bit optimiser",
            remedy="pip install bitsandbytes, or leave the option out",
        )


def versions() -> dict[str, str]:
    """Return the versions of what trains, by package."""
    return {name: version(name) for name in ("persam-vos", "torch", *PACKAGES)}


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep diffusers and transformers from printing bars and advice, but for errors.

    And from what they do that other packages call outdated: it is theirs to mend.
    """
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    libraries = (diffusers_logging, transformers_logging)
    before = [(one.get_verbosity(), one.is_progress_bar_enabled()) for one in libraries]
    for one in libraries:
        one.set_verbosity_error()
        one.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            for kind in (DeprecationWarning, FutureWarning):
                warnings.filterwarnings("ignore", category=kind, module=_LIBRARIES)
            yield
    finally:
        for one, (verbosity, had_bar) in zip(libraries, before, strict=True):
            one.set_verbosity(verbosity)
            if had_bar:
                one.enable_progress_bar()
