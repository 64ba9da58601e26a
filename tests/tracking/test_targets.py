from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from demo_clip import DemoFrames, RememberingEngine
from made_targets import made_target
from PIL import Image

from persam_vos import TrackRequest
from persam_vos.errors import MaskError, MediaError, TargetError, UsageError
from persam_vos.media.label_png import write_label_png
from persam_vos.targets.target_file import write_target
from persam_vos.tracking.targets import (
    check_network,
    describe_target,
    network_identity,
    read_pictures,
    target_of,
)


@pytest.fixture
def pair(tmp_path: Path, demo_frames: DemoFrames) -> tuple[Path, Path]:
    """A photo and its mask."""
    image, mask = tmp_path / "photo.png", tmp_path / "mask.png"
    Image.fromarray(demo_frames.frames[0].image).save(image)
    write_label_png(mask, demo_frames.labels[0])
    return image, mask


def test_a_target_knows_its_objects_its_files_and_its_network(
    pair: tuple[Path, Path], engine: RememberingEngine
) -> None:
    pictures = read_pictures([pair, (pair[0], f"7={pair[1]}")])
    target = describe_target(pictures, engine)
    assert target.object_ids == (1, 2, 3, 7)
    first, second = target.references
    assert (first.object_ids, second.object_ids) == ((1, 2, 3), (7,))
    assert (first.image.name, first.mask.name, second.mask.name) == (
        "photo.png",
        "mask.png",
        "mask.png",
    )
    assert first.image.size_bytes == pair[0].stat().st_size
    assert target.network == network_identity(engine)
    assert target.network.encoder == "vit_t"
    assert target.scale_weights.dtype == np.float32
    np.testing.assert_allclose(target.scale_weights.sum(1), 1, atol=1e-5)


def test_pictures_and_masks_that_cannot_be_read_are_refused(pair: tuple[Path, Path]) -> None:
    image, mask = pair
    with pytest.raises(MediaError):
        read_pictures([(mask.with_name("none.jpg"), mask)])
    with pytest.raises(MaskError):
        read_pictures([(image, mask.with_name("none.png"))])
    with pytest.raises(UsageError, match="got 0 pictures"):
        read_pictures([])
    with pytest.raises(UsageError, match="got 33 pictures, expected 1 to 32"):
        read_pictures([pair] * 33)


def test_a_target_of_other_weights_is_refused_with_both_names(engine: RememberingEngine) -> None:
    target = made_target()
    check_network(target, engine)
    other = replace(target, network=replace(target.network, weights="vit-b", encoder="vit_b"))
    with pytest.raises(TargetError) as error:
        check_network(other, engine)
    words = str(error.value)
    assert "weights vit-b (encoder vit_b)" in words
    assert "weights mobile-sam (encoder vit_t)" in words
    assert error.value.exit_code == 2


def test_some_objects_of_a_target_are_chosen(tmp_path: Path) -> None:
    path = tmp_path / "dog.safetensors"
    write_target(path, made_target((1, 4)))
    request = TrackRequest(source="clip.mp4", target=path)
    chosen = target_of(replace(request, objects=[4, 9]))
    assert chosen is not None
    assert chosen.object_ids == (4,)
    whole = target_of(request)
    assert whole is not None
    assert whole.object_ids == (1, 4)
    assert target_of(replace(request, target=None)) is None
    with pytest.raises(UsageError, match="expected ids in the target: 1, 4"):
        target_of(replace(request, objects=[9]))
    assert target_of(replace(request, objects=[9], masks="m.png")) is None
