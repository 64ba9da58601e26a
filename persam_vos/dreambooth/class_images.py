"""Pictures of the subject's class, made by the model before it learns anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PIL import Image

from ..files.atomic import atomic_path, make_folder
from .models import DiffusionModel
from .photos import find_instance_photos
from .sampling import as_image, sample_pictures
from .seeds import generator
from .settings import TrainSettings


def missing_class_images(settings: TrainSettings) -> list[int]:
    """Return the numbers of class images that have to be made, so that there are enough.

    Images that lie in the folder count, whatever their names. Raises UsageError for files there
    that are no images.
    """
    folder = settings.class_data_dir
    if folder is None:
        return []
    there = (
        len(find_instance_photos(folder, "class_data_dir"))
        if folder.is_dir() and any(folder.iterdir())
        else 0
    )
    free = [n for n in range(settings.num_class_images) if not _path(folder, n).exists()]
    return free[: max(settings.num_class_images - there, 0)]


def make_class_images(
    model: DiffusionModel,
    settings: TrainSettings,
    numbers: list[int],
    on_image: Callable[[], None] = lambda: None,
) -> None:
    """Make class images of ``class_prompt`` and write them as PNG.

    Each depends on its number alone. Raises OutputError.
    """
    assert settings.class_data_dir is not None and settings.class_prompt is not None
    make_folder(settings.class_data_dir)
    size = settings.sample_batch_size
    for first in range(0, len(numbers), size):
        batch = numbers[first : first + size]
        pictures = sample_pictures(
            model,
            [settings.class_prompt] * len(batch),
            [generator(settings.seed, "class image", number) for number in batch],
            side=settings.resolution,
            steps=settings.num_inference_steps,
            batch_size=size,
        )
        for number, picture in zip(batch, pictures, strict=True):
            with atomic_path(_path(settings.class_data_dir, number)) as temporary:
                Image.fromarray(as_image(picture)).save(temporary)
            on_image()


def _path(folder: Path, number: int) -> Path:
    return folder / f"class-{number:04}.png"
