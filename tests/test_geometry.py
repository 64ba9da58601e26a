import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage
from torch.nn import functional as F

from persam_vos.geometry import PIXEL_MEAN, PIXEL_STD, Geometry, depth_of, normalise_and_pad


@pytest.mark.parametrize(
    ("size_hw", "input_hw"),
    [
        ((1024, 1024), (1024, 1024)),
        ((480, 854), (576, 1024)),  # 575.55 is rounded up
        ((480, 853), (576, 1024)),
        ((1080, 1920), (576, 1024)),
        ((2160, 3840), (576, 1024)),
        ((641, 480), (1024, 767)),
        ((1, 1), (1024, 1024)),
        ((1, 5000), (1, 1024)),  # never without height
    ],
)
def test_long_side_is_scaled_to_the_square(size_hw, input_hw):
    assert Geometry(size_hw).input_hw == input_hw


def test_empty_picture_is_refused():
    with pytest.raises(ValueError, match="expected >= 1"):
        Geometry((0, 10))


def test_resize_is_pillows_bilinear():
    image = np.random.default_rng(0).integers(0, 256, (40, 70, 3), np.uint8)
    expected = np.asarray(Image.fromarray(image).resize((1024, 585), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(Geometry((40, 70)).resize(image), expected)


@pytest.mark.parametrize("size_hw", [(40, 70), (1300, 700), (1024, 1024)])
def test_tensors_are_resized_as_pictures_are_to_a_level(size_hw):
    image = np.random.default_rng(0).integers(0, 256, (*size_hw, 3), np.uint8)
    geometry = Geometry(size_hw)
    resized = geometry.resize_tensor(torch.from_numpy(image)).permute(1, 2, 0).numpy()
    away = np.abs(resized.astype(float) - geometry.resize(image))
    assert away.max() <= 1
    assert (away > 0).mean() < 0.25, "of noise; pictures differ less"


def test_points_and_boxes_are_scaled_per_axis():
    geometry = Geometry((480, 854))
    factors = torch.tensor([1024 / 854, 576 / 480])
    points = torch.tensor([[0.0, 0.0], [853.0, 479.0], [10.5, 20.25]])
    torch.testing.assert_close(geometry.points_to_input(points), points * factors)
    boxes = torch.tensor([[3, 4, 50, 60]])
    expected = torch.tensor([[3.0, 4.0, 50.0, 60.0]]) * factors.repeat(2)
    torch.testing.assert_close(geometry.boxes_to_input(boxes), expected)


@pytest.mark.parametrize("size_hw", [(480, 854), (854, 480), (333, 333), (20, 700)])
@pytest.mark.parametrize("objects", [0, 3])
def test_logits_are_scaled_as_sams_postprocessing_does(size_hw, objects):
    geometry = Geometry(size_hw)
    low_res = torch.randn(objects, 256, 256, generator=torch.Generator().manual_seed(1))
    logits = geometry.logits_to_image(low_res)
    assert logits.shape == (objects, *size_hw)
    if not objects:
        return
    full = F.interpolate(low_res[:, None], (1024, 1024), mode="bilinear", align_corners=False)
    height, width = geometry.input_hw
    expected = F.interpolate(
        full[..., :height, :width], size_hw, mode="bilinear", align_corners=False
    )
    torch.testing.assert_close(logits, expected[:, 0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("channels_last", [True, False])
def test_images_are_normalised_then_padded_with_zeros(channels_last):
    images = torch.randint(0, 256, (2, 30, 64, 3), generator=torch.Generator().manual_seed(2))
    images = images.to(torch.uint8)
    given = images if channels_last else images.permute(0, 3, 1, 2)
    square = normalise_and_pad(given, (64, 64))
    assert square.shape == (2, 3, 64, 64)
    assert square.dtype == torch.float32
    expected = (images.double() - torch.tensor(PIXEL_MEAN)) / torch.tensor(PIXEL_STD)
    torch.testing.assert_close(square[:, :, :30].permute(0, 2, 3, 1), expected.float())
    assert not square[:, :, 30:].any()


@pytest.mark.parametrize("shape", [(30, 64, 3), (1, 4, 30, 64), (1, 3, 30, 65)])
def test_images_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match="normalise_and_pad: got"):
        normalise_and_pad(torch.zeros(shape, dtype=torch.uint8), (64, 64))


@pytest.mark.parametrize("turn", range(0, 180, 30))
def test_depth_is_exact_and_does_not_depend_on_where_the_mask_lies(turn: int) -> None:
    """OpenCV's own differs from call to call, in its last bit; the first of equals is to win."""
    drawn = cv2.ellipse(np.zeros((70, 97), np.uint8), (40, 30), (26, 19), turn, 0, 360, 1, -1)
    mask = drawn > 0
    exact = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1].astype(np.float32)
    memory = np.empty(2 * mask.size, bool)
    for offset in range(40):
        moved = memory[offset : offset + mask.size].reshape(mask.shape)
        moved[:] = mask
        np.testing.assert_array_equal(depth_of(moved), exact)


def test_the_edge_of_the_picture_is_outside_and_deep_masks_are_exact() -> None:
    np.testing.assert_array_equal(depth_of(np.ones((3, 5), bool)).max(0), [1, 2, 2, 2, 1])
    deep = depth_of(np.ones((2101, 2101), bool))
    assert deep.max() == deep[1050, 1050] == 1051
    assert depth_of(np.zeros((4, 4), bool)).max() == 0
