"""Settings of training runs that take a second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tiny_diffusion import TINY_SIZE

from persam_vos.dreambooth.settings import TrainSettings

PROMPT = "a photo of sks dog"


def small_run(model: Path, photos: Path, output: Path, **changes: Any) -> TrainSettings:
    """Return the settings of two steps on small photos with masks."""
    settings: dict[str, Any] = {
        "pretrained_model_name_or_path": model,
        "instance_data_dir": photos,
        "masks_dir": photos.parent / "masks",
        "instance_prompt": PROMPT,
        "output_dir": output,
        "resolution": TINY_SIZE,
        "max_train_steps": 2,
        "num_inference_steps": 2,
    }
    return TrainSettings(**settings | changes)
