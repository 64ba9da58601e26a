from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mask_shapes import blobs, soft
from PIL import Image

from persam_vos.errors import MaskError, OutputError
from persam_vos.media.label_png import read_label_map, write_label_png
from persam_vos.scoring.palette import davis_palette


def save(path: Path, image: Image.Image) -> Path:
    image.save(path)
    return path


def coloured(labels: np.ndarray) -> Image.Image:
    return Image.fromarray(davis_palette()[labels])


def indexed(labels: np.ndarray, palette: list[int]) -> Image.Image:
    image = Image.fromarray(labels)
    image.putpalette(palette)
    return image


def with_alpha(image: Image.Image, alpha: np.ndarray) -> Image.Image:
    image = image.copy()
    image.putalpha(Image.fromarray(alpha))
    return image


@pytest.mark.parametrize("ids", [(), (1,), (1, 7, 200), tuple(range(1, 9)), (255,), (254, 255)])
def test_what_is_written_is_read_back(tmp_path: Path, ids: tuple[int, ...]) -> None:
    labels = blobs(*ids)
    write_label_png(tmp_path / "m.png", labels)
    np.testing.assert_array_equal(read_label_map(tmp_path / "m.png"), labels)
    image = Image.open(tmp_path / "m.png")
    assert image.mode == "P"
    np.testing.assert_array_equal(np.asarray(image), labels)
    np.testing.assert_array_equal(np.asarray(image.convert("RGB")), davis_palette()[labels])
    assert [path.name for path in tmp_path.iterdir()] == ["m.png"]


def test_mask_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no such folder"):
        write_label_png(tmp_path / "gone" / "m.png", blobs(1))


BINARY = blobs(1) * np.uint8(255)
MANY = blobs(1, 7, 200)
KINDS = {
    "indexed": (indexed(MANY, davis_palette().ravel().tolist()), MANY),
    "indexed, other colours": (indexed(MANY, list(range(255, -1, -1)) * 3), MANY),
    "indexed, white at 0": (indexed(1 - blobs(1), [255, 255, 255, 0, 0, 0]), 1 - blobs(1) ^ 1),
    "indexed, black at 0": (indexed(blobs(1), [0, 0, 0, 255, 255, 255]), blobs(1)),
    "grey ids": (Image.fromarray(MANY), MANY),
    "grey, one low id": (Image.fromarray(blobs(2)), blobs(2)),
    "grey 0/255": (Image.fromarray(BINARY), blobs(1)),
    "grey 0/128": (Image.fromarray(blobs(128)), blobs(1)),
    "grey with alpha": (Image.fromarray(BINARY).convert("LA"), blobs(1)),
    "one bit": (Image.fromarray(BINARY).convert("1"), blobs(1)),
    "16-bit ids": (Image.fromarray(MANY.astype(np.uint16)), MANY),
    "16-bit binary": (Image.fromarray(blobs(1).astype(np.uint16) * 65535), blobs(1)),
    "RGB of the palette": (coloured(MANY), MANY),
    "RGBA of the palette": (coloured(MANY).convert("RGBA"), MANY),
    "RGB a little off": (Image.fromarray(davis_palette()[blobs(9, 21)] ^ 1), blobs(9, 21)),
    "RGB black and white": (Image.fromarray(BINARY).convert("RGB"), blobs(1)),
    "red on black": (Image.fromarray(np.stack([BINARY, 0 * BINARY, 0 * BINARY], 2)), blobs(1)),
    "white on transparent": (with_alpha(Image.new("RGB", (90, 60), "white"), BINARY), blobs(1)),
    "nothing": (Image.fromarray(0 * BINARY), 0 * BINARY),
    "everything": (Image.fromarray(0 * BINARY + 255), 0 * BINARY + 1),
    "touching": (Image.fromarray(np.array([[0, 1, 2, 3]] * 9, np.uint8).repeat(9, 1)), None),
    "thin strap between": (
        Image.fromarray(np.array([[0] * 9 + [1] + [2] * 9] * 9, np.uint8)),
        None,
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_masks_of_every_kind_are_understood(tmp_path: Path, kind: str) -> None:
    image, expected = KINDS[kind]
    read = read_label_map(save(tmp_path / "m.png", image))
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, np.asarray(image) if expected is None else expected)


SOFT_RGB = soft(davis_palette()[blobs(1, 2)]).astype(np.uint8)
WRONG = {
    "anti-aliased": (Image.fromarray(soft(BINARY).astype(np.uint8)), "soft edges.*threshold"),
    "one middle grey": (
        Image.fromarray(np.array([[0] * 9 + [127] + [255] * 9] * 9, np.uint8)),
        "soft edges.*threshold",
    ),
    "16-bit anti-aliased": (
        Image.fromarray(soft(BINARY, 257).astype(np.uint16)),
        "soft edges.*threshold",
    ),
    "coloured, anti-aliased": (Image.fromarray(SOFT_RGB), "soft edges.*threshold"),
    "grey palette, anti-aliased": (
        indexed(soft(BINARY).astype(np.uint8), np.arange(256).repeat(3).tolist()),
        "soft edges",
    ),
    "soft alpha": (
        with_alpha(Image.new("RGB", (90, 60), "white"), soft(BINARY).astype(np.uint8)),
        "soft transparency",
    ),
    "photograph": (
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 90, 3), np.uint8)),
        "colours outside the DAVIS palette",
    ),
    "own colours": (
        Image.fromarray(
            np.array([[[0, 0, 0], [255, 0, 0], [0, 255, 0]]] * 3, np.uint8).repeat(9, 1)
        ),
        "2 colours outside the DAVIS palette.*#.*one black and white file",
    ),
    "instance ids": (
        Image.fromarray(np.array([[0, 1000, 2000]], np.uint16).repeat(9, 0).repeat(9, 1)),
        "one of them 2000.*labels from 1 to 255",
    ),
    "300 labels": (
        Image.fromarray(np.arange(300, dtype=np.uint16)[:, None].repeat(8, 0).repeat(8, 1)),
        "299 labels.*from 1 to 255",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_masks_that_mean_nothing_are_explained(tmp_path: Path, kind: str) -> None:
    image, message = WRONG[kind]
    with pytest.raises(MaskError, match=rf"m\.png: got .*{message}") as caught:
        read_label_map(save(tmp_path / "m.png", image))
    assert "expected" in str(caught.value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: p / "gone.png", "no such file"),
        (lambda p: p, "a folder"),
        (lambda p: (p / "m.png").write_text("no image") and p / "m.png", "not an image"),
        (lambda p: (p / "m.png").touch() or p / "m.png", "not an image"),
        (lambda p: save(p / "m.jpg", Image.fromarray(BINARY)), "lossy.*export the mask as PNG"),
    ],
    ids=["missing", "folder", "text", "empty", "JPEG"],
)
def test_files_that_are_no_masks_are_explained(tmp_path: Path, make, message: str) -> None:
    with pytest.raises(MaskError, match=message):
        read_label_map(make(tmp_path))


def test_half_a_mask_is_explained(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 2, (60, 90)).astype(np.uint8)
    path = save(tmp_path / "m.png", Image.fromarray(noise))
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(MaskError, match="cannot be read as an image"):
        read_label_map(path)


def test_grey_with_alpha_as_published_is_read(shared_dir: Path) -> None:
    path = shared_dir / "data" / "davis16-dev" / "Annotations" / "480p" / "bear" / "00077.png"
    published = np.asarray(Image.open(path))
    np.testing.assert_array_equal(read_label_map(path), published[..., 0] // 255)


def test_first_frames_keep_their_ids(shared_dir: Path) -> None:
    files = sorted((shared_dir / "data" / "first-frames" / "Annotations").glob("*.png"))
    assert files
    for path in files:
        np.testing.assert_array_equal(read_label_map(path), np.asarray(Image.open(path)))
