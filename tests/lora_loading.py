"""Adapters read by diffusers' `load_lora_weights`."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from unittest import mock

from packaging.version import Version

from persam_vos.dreambooth.extra import quiet_libraries
from persam_vos.dreambooth.models import DiffusionModel, make_pipeline


def load_adapters(model: DiffusionModel, folder: Path) -> None:
    """Load the adapters of a folder into the networks of a model.

    transformers refuses adapters of text encoders by peft before 0.22, which was not published with
    transformers 5.24; of what it does with them nothing needs more than 0.21.
    """
    from transformers.integrations import peft

    needed = min(Version(peft.MIN_PEFT_VERSION), Version(version("peft")))
    with quiet_libraries(), mock.patch.object(peft, "MIN_PEFT_VERSION", str(needed)):
        make_pipeline(model).load_lora_weights(folder)
