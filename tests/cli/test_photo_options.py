"""Options of photos choose a method, and an engine that goes with it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from persam_vos_cli.photo_options import PhotoEngineOptions

from persam_vos.errors import UsageError

DEFAULTS = PhotoEngineOptions(
    method=None,
    recipe="default",
    without=(),
    encoder="sam",
    encoder_checkpoint=None,
    weights="mobile-sam",
    checkpoint=None,
    device="cpu",
    dtype="auto",
    backend="auto",
)


def test_the_method_goes_with_the_other_choices():
    assert DEFAULTS.settings().method == "match"
    assert replace(DEFAULTS, recipe="upstream").settings().method == "persam-f"
    ablated = replace(DEFAULTS, without=("refinement",))
    assert ablated.settings().without == {"refinement"}
    assert ablated.choice().settings.method == "persam-f"
    assert DEFAULTS.choice().settings.method == "memory"


def test_contradictions_are_told():
    with pytest.raises(UsageError, match="method"):
        replace(DEFAULTS, method="match", recipe="upstream").settings()


def test_other_encoders_are_for_matching(tmp_path):
    choice = replace(DEFAULTS, encoder="dinov2-small").choice()
    assert choice.encoder == "dinov2-small"
    with pytest.raises(UsageError, match="encoder: got an encoder with method='persam'"):
        replace(DEFAULTS, encoder="dinov2-small", method="persam").settings()
    with pytest.raises(UsageError, match="encoder_checkpoint"):
        replace(DEFAULTS, encoder_checkpoint=tmp_path, recipe="upstream").choice()
