"""The extra's packages, and what they print."""

from __future__ import annotations

import logging
import warnings
from importlib.util import find_spec

import pytest

from persam_vos.dreambooth import extra
from persam_vos.errors import UsageError


def test_without_a_package_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        extra, "find_spec", lambda name: None if name == "peft" else find_spec(name)
    )
    with pytest.raises(UsageError, match=r"peft.*pip install 'persam-vos\[dreambooth\]'"):
        extra.require_extra()


def test_without_bitsandbytes_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extra, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"use_8bit_adam.*pip install bitsandbytes"):
        extra.require_8bit()


def test_versions_name_all_that_trains() -> None:
    told = extra.versions()
    assert {"persam-vos", "torch", "diffusers", "peft"} <= told.keys()
    assert all(told.values())


def test_libraries_are_quiet_for_a_while_and_then_as_before() -> None:
    from diffusers.utils import logging as diffusers_logging

    before = diffusers_logging.get_verbosity()
    with extra.quiet_libraries():
        assert diffusers_logging.get_verbosity() == logging.ERROR
        assert not diffusers_logging.is_progress_bar_enabled()
        with pytest.raises(FutureWarning):  # ours are still seen
            warnings.warn("ours", FutureWarning, stacklevel=1)
    assert diffusers_logging.get_verbosity() == before
    assert diffusers_logging.is_progress_bar_enabled()
