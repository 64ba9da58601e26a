"""From a folder of photos and one mask to a mask for each, which training takes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from demo_clip import DemoFrames, RememberingEngine, make_engine
from PIL import ExifTags, Image

from persam_vos.config import MethodSettings
from persam_vos.dreambooth.layout_names import Layout
from persam_vos.dreambooth.photos import InstancePhotos
from persam_vos.dreambooth.prepare import PrepareRequest, PrepareSummary, prepare
from persam_vos.errors import MediaError, OutputError, UsageError
from persam_vos.media.reference_prompts import Prompt
from persam_vos.photos.settings import PhotoSettings
from persam_vos.sam.build import SamNetwork
from persam_vos.stages.prompts import box_of

UNSURE = PhotoSettings(absent_is_empty=False)  # the small engine is sure of nothing


@pytest.fixture(scope="module")
def small_engine(mobile_sam: SamNetwork) -> RememberingEngine:
    """The real network on pictures of 256 pixels."""
    return replace(make_engine(mobile_sam), settings=MethodSettings(image_size=256))


@pytest.fixture
def album(tmp_path: Path, demo_frames: DemoFrames) -> Path:
    """Three photos of the demo clip, the second lying on its side, and a mask of object 3."""
    (tmp_path / "dog").mkdir()
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    for name, number, turn in (("a.jpg", 0, 0), ("b.jpg", 1, 90), ("c.png", 2, 0)):
        photo = Image.fromarray(demo_frames.frames[number].image)
        photo.rotate(turn, expand=True).save(
            tmp_path / "dog" / name, exif=exif if turn else Image.Exif(), quality=95
        )
    mask = np.where(demo_frames.labels[0] == 3, 255, 0).astype(np.uint8)
    Image.fromarray(mask).save(tmp_path / "first.png")
    return tmp_path


@pytest.fixture
def prepared(album: Path, small_engine: RememberingEngine) -> Callable[..., PrepareSummary]:
    def run(**choice: Any) -> PrepareSummary:
        defaults: dict[str, Any] = {
            "masks": [album / "first.png"],
            "output": album / "out",
            "settings": UNSURE,
        }
        request = PrepareRequest(photos=album / "dog", **(defaults | choice))
        return prepare(request, engine=lambda: small_engine)

    return run


def read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def overlap(mask: np.ndarray, truth: np.ndarray) -> float:
    return float((mask & truth).sum() / (mask | truth).sum())


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(one.relative_to(folder)): one.read_bytes()
        for one in sorted(folder.rglob("*"))
        if one.is_file()
    }


def test_one_mask_gives_masks_for_all_upright_photos(
    album: Path, demo_frames: DemoFrames, prepared: Callable[..., PrepareSummary]
) -> None:
    summary = prepared()
    assert list(summary.facts) == ["a.jpg", "b.jpg", "c.png"]
    assert [one.given for one in summary.facts.values()] == [True, False, False]
    assert not summary.not_found
    for number, name in enumerate("abc"):
        mask = read(album / "out" / f"{name}.png")
        assert {*np.unique(mask).tolist()} == {0, 255}
        assert overlap(mask > 0, demo_frames.labels[number] == 3) > (0.999 if not number else 0.6)
    names = {*contents(album / "out")}
    assert names == {"a.png", "b.png", "c.png", "contact-sheet.png", "prepare.json"}
    assert not [one for one in album.iterdir() if one.name.startswith(".")]
    trained = InstancePhotos(album / "dog", masks=album / "out", resolution=64)
    assert trained.coverage == {
        name: pytest.approx(one.coverage) for name, one in summary.facts.items()
    }
    assert trained.draw(1, torch.Generator().manual_seed(0)).mask.sum() >= 64


def test_what_was_found_is_written_down(
    album: Path, prepared: Callable[..., PrepareSummary]
) -> None:
    summary = prepared(command="persam-vos dreambooth prepare dog")
    told = json.loads((album / "out" / "prepare.json").read_text("utf-8"))
    assert {*told["files"]} == {*contents(album / "out")}
    assert told["command"] == "persam-vos dreambooth prepare dog"
    assert [one["photo"] for one in told["photos"]] == [*summary.facts]
    for one in told["photos"]:
        facts = summary.facts[one["photo"]]
        assert one["coverage"] == facts.coverage
        assert one["gates"] == [*facts.gates]


def test_a_box_shows_the_subject_too_in_a_photo_that_is_named(
    album: Path, demo_frames: DemoFrames, prepared: Callable[..., PrepareSummary]
) -> None:
    truth = demo_frames.labels[2] == 3
    box = box_of(truth)
    assert box is not None
    summary = prepared(masks=(), prompts=[Prompt(box_xyxy=box)], reference="c.png")
    assert [one.given for one in summary.facts.values()] == [False, False, True]
    assert overlap(read(album / "out" / "c.png") > 0, truth) > 0.6


def test_a_mask_is_of_the_photo_of_its_name(
    album: Path, demo_frames: DemoFrames, prepared: Callable[..., PrepareSummary]
) -> None:
    for number, name in ((2, "c"), (0, "a")):
        mask = Image.fromarray(np.uint8(255) * (demo_frames.labels[number] == 3))
        mask.save(album / f"{name}.png")
    one = prepared(masks=[album / "c.png"], output=album / "one")
    assert [facts.given for facts in one.facts.values()] == [False, False, True]
    both = prepared(masks=[album / "c.png", album / "a.png"], output=album / "both")
    assert [facts.given for facts in both.facts.values()] == [True, False, True]


def test_a_photo_without_the_subject_has_an_empty_mask_or_is_left_out(
    album: Path, prepared: Callable[..., PrepareSummary]
) -> None:
    Image.new("RGB", (160, 90), (90, 120, 90)).save(album / "dog" / "d.png")
    plain = prepared(settings=PhotoSettings())
    assert "d.png" in plain.not_found
    assert not read(album / "out" / "d.png").any()
    with pytest.raises(UsageError, match=r"d\.png is an empty mask"):
        InstancePhotos(album / "dog", masks=album / "out")
    kept = InstancePhotos(album / "dog", masks=album / "out", skip_empty=True)
    assert "d.png" in [one.name for one in kept.skipped]
    prepared(settings=PhotoSettings(), output=album / "alpha", layout="alpha")
    assert "images/d.png" not in contents(album / "alpha")
    assert "images/a.png" in contents(album / "alpha")


@pytest.mark.parametrize("layout", ["kohya", "onetrainer", "alpha"])
def test_other_layouts_have_upright_photos(
    album: Path, demo_frames: DemoFrames, prepared: Callable[..., PrepareSummary], layout: Layout
) -> None:
    prepared(layout=layout)
    photo = read(album / "out" / "images" / "b.png")[..., :3].astype(int)
    assert photo.shape == demo_frames.frames[1].image.shape
    assert np.abs(photo - demo_frames.frames[1].image).mean() < 8


def test_only_what_an_earlier_run_wrote_is_replaced(
    album: Path, prepared: Callable[..., PrepareSummary]
) -> None:
    prepared(layout="kohya")
    (album / "out" / "notes.txt").write_text("mine")
    first = contents(album / "out")
    with pytest.raises(OutputError, match="overwrite"):
        prepared()
    assert contents(album / "out") == first
    prepared(overwrite=True)
    assert {*contents(album / "out")} == {
        *("a.png", "b.png", "c.png", "contact-sheet.png", "prepare.json", "notes.txt")
    }
    (album / "other").mkdir()
    (album / "other" / "b.png").write_bytes(b"mine")
    with pytest.raises(OutputError, match="may be yours"):
        prepared(output=album / "other", overwrite=True)
    assert contents(album / "other") == {"b.png": b"mine"}


def test_a_photo_that_breaks_off_ends_the_run_and_nothing_is_written(
    album: Path, prepared: Callable[..., PrepareSummary]
) -> None:
    whole = (album / "dog" / "c.png").read_bytes()
    (album / "dog" / "c.png").write_bytes(whole[: len(whole) // 2])
    before = contents(album)
    with pytest.raises(MediaError, match=r"c\.png"):
        prepared(output=album / "new" / "out")
    assert contents(album) == before
    assert not [one for one in album.iterdir() if one.name.startswith(".") or one.name == "new"]


def empty_mask(album: Path) -> dict[str, Any]:
    Image.new("L", (854, 480)).save(album / "first.png")
    return {}


def other_size(album: Path) -> dict[str, Any]:
    Image.new("L", (480, 854), 255).save(album / "first.png")
    return {}


def missing_mask(album: Path) -> dict[str, Any]:
    (album / "first.png").unlink()
    return {}


def captions(album: Path) -> dict[str, Any]:
    (album / "dog" / "a.txt").write_text("a photo of sks dog")
    (album / "dog" / "b.jpg").write_bytes(b"no photo")
    return {}


def mask_among_photos(album: Path) -> dict[str, Any]:
    (album / "first.png").rename(album / "dog" / "first.png")
    return {"masks": [album / "dog" / "first.png"]}


def twins(album: Path) -> dict[str, Any]:
    (album / "first.png").rename(album / "dog" / "a.png")
    return {"masks": (), "prompts": [Prompt(points_xy=[(1, 1)])]}


def named_as_the_sheet(album: Path) -> dict[str, Any]:
    (album / "dog" / "a.jpg").rename(album / "dog" / "Contact-Sheet.jpg")
    return {}


def strange_names(album: Path) -> dict[str, Any]:
    return {"masks": [album / "first.png", album / "second.png"]}


BAD: tuple[tuple[Callable[[Path], dict[str, Any]], str], ...] = (
    (empty_mask, "mask=.*first.png.*an empty mask"),
    (other_size, "got 480 x 854, expected 854 x 480"),
    (missing_mask, "first.png.*missing"),
    (captions, "a.txt, b.jpg, expected nothing but photos"),
    (mask_among_photos, "among the photos"),
    (twins, "a.jpg and a.png share a name"),
    (named_as_the_sheet, "contact-sheet.png, the sheet"),
    (strange_names, "first.png, second.png"),
    (lambda _: {"reference": "z.jpg"}, "one of a.jpg, b.jpg, c.png"),
    (lambda _: {"masks": ()}, "neither it nor a box"),
    (lambda _: {"prompts": [Prompt(points_xy=[(1, 1)])]}, "as well"),
    (lambda _: {"masks": ["a.png", "b.png"], "reference": "a.jpg"}, "2 masks"),
    (lambda album: {"output": album / "dog" / "masks"}, "a folder in that of the photos"),
    (lambda _: {"layout": "coco"}, "one of plain, kohya, onetrainer, alpha"),
)


@pytest.mark.parametrize(("spoil", "said"), BAD, ids=[said for _, said in BAD])
def test_bad_input_is_told_before_a_network_is_loaded_and_writes_nothing(
    album: Path, spoil: Callable[[Path], dict[str, Any]], said: str
) -> None:
    choice: dict[str, Any] = {"masks": [album / "first.png"], "output": album / "out"}
    choice |= spoil(album)
    before = contents(album)
    with pytest.raises(UsageError, match=said) as told:
        prepare(
            PrepareRequest(photos=album / "dog", **choice),
            engine=lambda: pytest.fail("a network was loaded"),
        )
    assert told.value.exit_code == 2
    assert contents(album) == before
