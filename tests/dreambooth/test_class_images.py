"""Class images that are missing are made, each by its number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from train_settings import small_run

from persam_vos.dreambooth.class_images import make_class_images, missing_class_images
from persam_vos.dreambooth.models import load_model
from persam_vos.dreambooth.settings import TrainSettings
from persam_vos.errors import UsageError


def settings(model: Path, photos: Path, folder: Path, count: int = 4) -> TrainSettings:
    return small_run(
        model,
        photos,
        folder.parent / "out",
        with_prior_preservation=True,
        class_data_dir=folder,
        class_prompt="a dog",
        num_class_images=count,
    )


def test_only_what_is_missing_is_made(tiny_sd: Path, photos: Path, tmp_path: Path) -> None:
    folder = tmp_path / "class"
    folder.mkdir()
    Image.new("RGB", (40, 40)).save(folder / "mine.jpg")
    Image.new("RGB", (40, 40)).save(folder / "class-0001.png")
    wanted = settings(tiny_sd, photos, folder)
    assert missing_class_images(wanted) == [0, 2]
    make_class_images(load_model(tiny_sd), wanted, [0, 2])
    assert missing_class_images(wanted) == []
    names = {path.name for path in folder.iterdir()}
    assert names == {"mine.jpg", "class-0000.png", "class-0001.png", "class-0002.png"}
    made = np.asarray(Image.open(folder / "class-0002.png"))
    assert made.shape == (32, 32, 3)
    (folder / "class-0002.png").unlink()
    make_class_images(load_model(tiny_sd), wanted, [2])
    again = np.asarray(Image.open(folder / "class-0002.png"))
    assert np.abs(again.astype(int) - made).max() <= 1


def test_a_folder_that_is_not_there_is_made_whole(
    tiny_sd: Path, photos: Path, tmp_path: Path
) -> None:
    assert missing_class_images(settings(tiny_sd, photos, tmp_path / "new", 3)) == [0, 1, 2]
    assert missing_class_images(small_run(tiny_sd, photos, tmp_path / "out")) == []


def test_other_files_among_class_images_are_refused(
    tiny_sd: Path, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "notes.txt").write_text("x")
    with pytest.raises(UsageError, match=r"class_data_dir.*notes\.txt"):
        missing_class_images(settings(tiny_sd, photos, tmp_path / "class"))
