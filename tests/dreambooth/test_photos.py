"""Photos as they are trained on: in register with their masks, whatever is done to them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image

from persam_vos.dreambooth.photos import ClassPhotos, InstancePhotos, find_instance_photos
from persam_vos.errors import MediaError, UsageError

RESOLUTION = 64
SIZE_HW = (150, 211)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def blob(size_hw: tuple[int, int], seed: int) -> np.ndarray:
    """A subject without any symmetry, (H, W) uint8 of 0 and 255: two blocks somewhere."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(size_hw, np.uint8)
    y, x = rng.integers(10, size_hw[0] - 70), rng.integers(10, size_hw[1] - 90)
    mask[y : y + 55, x : x + 30] = 255
    mask[y + 35 : y + 60, x + 20 : x + 80] = 255
    return mask


def save_turned(path: Path, upright: np.ndarray, orientation: int) -> None:
    """Write a photo as a camera does that was held so: its pixels turned, EXIF says how."""
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    image = Image.fromarray(upright)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    stored = image.transpose(undo[orientation]) if orientation in undo else image
    stored.save(path, exif=exif)


def make_photos(folder: Path, masks: list[np.ndarray]) -> tuple[Path, Path]:
    """Write photos that show their own masks in red, in all EXIF orientations, and the masks."""
    for name in ("photos", "masks"):
        (folder / name).mkdir()
    for number, mask in enumerate(masks):
        photo = np.full((*mask.shape, 3), (0, 90, 200), np.uint8)
        photo[..., 0] = mask
        save_turned(folder / "photos" / f"{number}.png", photo, number % 8 + 1)
        Image.fromarray(mask).save(folder / "masks" / f"{number}.png")
    return folder / "photos", folder / "masks"


def test_photo_and_mask_stay_in_register(tmp_path: Path) -> None:
    sizes = (SIZE_HW, SIZE_HW[::-1])
    shown = [blob(sizes[number % 2], number) for number in range(8)]
    folder, masks = make_photos(tmp_path, shown)
    photos = InstancePhotos(folder, masks, resolution=RESOLUTION, random_flip=True)
    generator = seeded(0)
    places = set()
    for index in range(8):
        for _ in range(100):
            crop = photos.draw(index, generator)
            red = (crop.pixels[0] + 1) / 2
            assert (red - crop.mask[0]).abs().max() <= 1.5 / 255
            assert crop.original_size_hw == sizes[index % 2]
            assert crop.mask.sum() >= 64
            places.add((index, crop.crop_top_left_yx))
    assert len(places) > 8 * 5


def test_crops_depend_on_the_generator_alone(tmp_path: Path) -> None:
    folder, masks = make_photos(tmp_path, [blob(SIZE_HW, n) for n in range(2)])
    photos = InstancePhotos(folder, masks, resolution=RESOLUTION, random_flip=True)
    first = photos.draw(1, seeded(5))
    photos.draw(0, seeded(1))
    again = photos.draw(1, seeded(5))
    assert torch.equal(first.pixels, again.pixels)
    assert torch.equal(first.mask, again.mask)
    assert first[2:] == again[2:]
    others = [photos.draw(1, seeded(seed)) for seed in range(20)]
    assert any(not torch.equal(first.pixels, one.pixels) for one in others)


def test_where_a_flipped_crop_lies_is_told_in_the_mirrored_photo(tmp_path: Path) -> None:
    folder, masks = make_photos(tmp_path, [blob(SIZE_HW, 3)])
    plain = InstancePhotos(folder, masks, resolution=RESOLUTION)
    mirrored = InstancePhotos(folder, masks, resolution=RESOLUTION, random_flip=True)
    width = int(RESOLUTION * SIZE_HW[1] / SIZE_HW[0])
    flipped = 0
    for seed in range(20):
        one, other = plain.draw(0, seeded(seed)), mirrored.draw(0, seeded(seed))
        if torch.equal(one.pixels, other.pixels):
            assert one.crop_top_left_yx == other.crop_top_left_yx
            continue
        flipped += 1
        assert torch.equal(one.pixels.flip(-1), other.pixels)
        assert torch.equal(one.mask.flip(-1), other.mask)
        top, left = one.crop_top_left_yx
        assert other.crop_top_left_yx == (top, width - RESOLUTION - left)
    assert flipped


def test_coverage_is_that_of_each_photo(tmp_path: Path) -> None:
    shown = [blob(SIZE_HW, n) for n in range(3)]
    folder, masks = make_photos(tmp_path, shown)
    photos = InstancePhotos(folder, masks, resolution=RESOLUTION)
    assert photos.coverage == {
        f"{n}.png": pytest.approx((mask > 0).mean()) for n, mask in enumerate(shown)
    }


def test_masks_are_dilated_in_pixels_of_the_photo(tmp_path: Path) -> None:
    folder, masks = make_photos(tmp_path, [blob((128, 128), 1)])
    plain = InstancePhotos(folder, masks, resolution=64, center_crop=True)
    grown = InstancePhotos(folder, masks, resolution=64, center_crop=True, mask_dilate=8)
    before, after = (one.draw(0, seeded(0)).mask[0] for one in (plain, grown))
    wider = (after > 0.5).any(0).sum() - (before > 0.5).any(0).sum()
    assert wider == 2 * 8 / 2  # on both sides, at half the size
    assert (after >= before).all()


def test_without_masks_all_of_a_photo_counts(tmp_path: Path) -> None:
    folder, _ = make_photos(tmp_path, [blob(SIZE_HW, 0)])
    photos = InstancePhotos(folder, resolution=RESOLUTION)
    assert torch.equal(photos.draw(0, seeded(0)).mask, torch.ones(1, RESOLUTION, RESOLUTION))
    assert photos.coverage == {"0.png": 1.0}


def test_alpha_of_the_photos_is_their_mask(tmp_path: Path) -> None:
    mask = blob(SIZE_HW, 0)
    photo = np.full((*SIZE_HW, 4), 90, np.uint8)
    photo[..., 0], photo[..., 3] = mask, mask
    (tmp_path / "photos").mkdir()
    save_turned(tmp_path / "photos" / "a.png", photo, 6)
    photos = InstancePhotos(tmp_path / "photos", alpha_mask=True, resolution=RESOLUTION)
    crop = photos.draw(0, seeded(0))
    assert ((crop.pixels[0] + 1) / 2 - crop.mask[0]).abs().max() <= 1.5 / 255
    assert (crop.pixels[1] + 1).min() > 0.6, "what is transparent keeps its colours"


def test_photos_with_empty_masks_are_left_out_if_asked_for(tmp_path: Path) -> None:
    empty = np.zeros(SIZE_HW, np.uint8)
    folder, masks = make_photos(tmp_path, [blob(SIZE_HW, 0), empty, blob(SIZE_HW, 2)])
    with pytest.raises(UsageError, match=r"1\.png is an empty mask"):
        InstancePhotos(folder, masks)
    photos = InstancePhotos(folder, masks, skip_empty=True, resolution=RESOLUTION)
    assert [one.name for one in photos.files] == ["0.png", "2.png"]
    assert [one.name for one in photos.skipped] == ["1.png"]
    assert len(photos) == len(photos.coverage) == 2
    assert photos.draw(1, seeded(0)).mask.any()
    (folder / "0.png").unlink()
    (folder / "2.png").unlink()
    with pytest.raises(UsageError, match="empty masks alone"):
        InstancePhotos(folder, masks, skip_empty=True)


def test_what_is_no_photo_is_listed(tmp_path: Path) -> None:
    folder, _ = make_photos(tmp_path, [blob(SIZE_HW, n) for n in range(2)])
    (folder / ".DS_Store").write_bytes(b"hidden")
    assert [one.name for one in find_instance_photos(folder)] == ["0.png", "1.png"]
    (folder / "0.txt").write_text("a photo of sks dog")
    (folder / "old").mkdir()
    (folder / "9.jpg").write_bytes(b"no photo")
    with pytest.raises(UsageError, match=r"0\.txt, 9\.jpg, old, expected nothing but photos"):
        find_instance_photos(folder)
    with pytest.raises(UsageError, match=r"class_data_dir=.*0\.txt"):
        ClassPhotos(folder)


@pytest.mark.parametrize(("made", "said"), [(True, "an empty folder"), (False, "no such folder")])
def test_a_folder_without_photos_is_told(tmp_path: Path, made: bool, said: str) -> None:
    if made:
        (tmp_path / "photos").mkdir()
    with pytest.raises(UsageError, match=said):
        find_instance_photos(tmp_path / "photos")


def test_class_photos_have_masks_of_ones(tmp_path: Path) -> None:
    folder, _ = make_photos(tmp_path, [blob(SIZE_HW, n) for n in range(2)])
    photos = ClassPhotos(folder, resolution=RESOLUTION, random_flip=True)
    assert len(photos) == 2
    crop = photos.draw(1, seeded(0))
    assert crop.pixels.shape == (3, RESOLUTION, RESOLUTION)
    assert crop.pixels.dtype == crop.mask.dtype == torch.float32
    assert torch.equal(crop.mask, torch.ones(1, RESOLUTION, RESOLUTION))
    assert crop.original_size_hw == SIZE_HW
    assert torch.equal(crop.pixels, photos.draw(1, seeded(0)).pixels)


def test_a_photo_that_breaks_off_is_told(tmp_path: Path) -> None:
    folder, masks = make_photos(tmp_path, [blob(SIZE_HW, 0)])
    whole = (folder / "0.png").read_bytes()
    (folder / "0.png").write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(MediaError, match=r"0\.png"):
        InstancePhotos(folder, masks)


def test_soft_masks_are_weights(tmp_path: Path) -> None:
    folder, masks = make_photos(tmp_path, [blob(SIZE_HW, 0) // 2])
    mask = InstancePhotos(folder, masks, resolution=SIZE_HW[0]).draw(0, seeded(0)).mask
    assert sorted({round(float(one), 3) for one in mask.ravel()}) == [0, 0.498]
