"""Sheets of validation pictures: a row of each prompt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from train_settings import PROMPT, small_run

from persam_vos.dreambooth.models import load_model
from persam_vos.dreambooth.sampling import as_image, sample_pictures
from persam_vos.dreambooth.seeds import generator
from persam_vos.dreambooth.validation import save_validation


def test_a_sheet_has_a_row_without_background_words_and_one_with_them(
    tiny_sd: Path, photos: Path, tmp_path: Path
) -> None:
    moon = "a photo of sks dog on the moon"
    settings = small_run(tiny_sd, photos, tmp_path, validation_prompt=moon, num_validation_images=3)
    model = load_model(tiny_sd)
    path = save_validation(model, settings, 20)
    assert path == tmp_path / "validation" / "step-000020.png"
    sheet = np.asarray(Image.open(path))
    assert sheet.shape == (2 * 32, 3 * 32, 3)
    for row, prompt in enumerate((PROMPT, moon)):
        (alone,) = sample_pictures(
            model, [prompt], [generator(0, "validation", 1)], side=32, steps=2
        )
        shown = sheet[row * 32 : (row + 1) * 32, 32:64].astype(int)
        assert np.abs(shown - as_image(alone)).max() <= 1
