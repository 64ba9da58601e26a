"""Validation pictures: is the subject learned, and does its background stay away?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from ..files.atomic import atomic_path, make_folder
from ..structures import RgbImage
from .models import DiffusionModel
from .sampling import as_image, sample_pictures
from .seeds import generator
from .settings import TrainSettings

FOLDER = "validation"


def validation_sheet(model: DiffusionModel, settings: TrainSettings) -> RgbImage:
    """Return a sheet of pictures: a row without background words, and a row with them.

    Pictures of a column begin with the same noise, at every step of training: what differs between
    sheets was learned.
    """
    count, prompts = settings.num_validation_images, settings.validation_prompts
    pictures = sample_pictures(
        model,
        [prompt for prompt in prompts for _ in range(count)],
        [generator(settings.seed, "validation", n) for _ in prompts for n in range(count)],
        side=settings.resolution,
        steps=settings.num_inference_steps,
        batch_size=count,
    )
    rows = [np.concatenate(list(row), axis=1) for row in np.split(pictures, len(prompts))]
    return as_image(np.concatenate(rows, axis=0))


def save_validation(model: DiffusionModel, settings: TrainSettings, step: int) -> Path:
    """Write the sheet of a step as PNG and return where it is; raises OutputError."""
    path = make_folder(settings.output_dir / FOLDER) / f"step-{step:06}.png"
    sheet = validation_sheet(model, settings)
    with atomic_path(path) as temporary:
        Image.fromarray(sheet).save(temporary)
    return path
