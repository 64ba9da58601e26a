"""The sheet of the worst clips: which clips and frames it shows, and the colours of mistakes."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import contact_sheet
from benchmarks.clips import Clip, find_clips
from benchmarks.contact_sheet import row, score_masks, worst_of_each_part
from benchmarks.sheets import Row, mistakes, write_sheet
from persam_vos.scoring.sequence import SequenceScore

FRAME_COUNT = 14
HEIGHT, WIDTH = 24, 40
OBJECT = (slice(8, 20), slice(10, 30))


def write_clip(root: Path, name: str, columns_missed: int) -> None:
    """A clip with a block as its object, of whose masks some columns are missing."""
    images, truth = (root / "set" / kind / "480p" / name for kind in ("JPEGImages", "Annotations"))
    masks = root / "masks" / name
    for folder in (images, truth, masks):
        folder.mkdir(parents=True)
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    labels[OBJECT] = 1
    found = labels.copy()
    found[:, 10 : 10 + columns_missed] = 0
    for index in range(FRAME_COUNT):
        picture = Image.new("RGB", (WIDTH, HEIGHT), (90, 90, 90))
        picture.save(images / f"{index:05d}.jpg")
        Image.fromarray(labels).save(truth / f"{index:05d}.png")
        Image.fromarray(found).save(masks / f"{index:05d}.png")


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    for name, columns_missed in (("good", 0), ("worst", 12), ("bad", 5)):
        write_clip(tmp_path, name, columns_missed)
    return tmp_path


def make_sheet(clips: Path, monkeypatch: pytest.MonkeyPatch, *options: str) -> Path:
    output = clips / "sheet.jpg"
    folders = ["--clips", str(clips), "--sets", "set", "--masks", str(clips / "masks")]
    monkeypatch.setattr(sys, "argv", ["contact_sheet", *folders, "--output", str(output), *options])
    contact_sheet.main()
    return output


def test_one_picture_shows_the_worst_clips_the_worst_first(clips, monkeypatch):
    rows: list[Row] = []

    def kept(clip: Clip, score: SequenceScore, masks: Path) -> Row:
        rows.append(row(clip, score, masks))
        return rows[-1]

    monkeypatch.setattr(contact_sheet, "row", kept)
    output = make_sheet(clips, monkeypatch, "--worst", "2")
    assert [shown.title.partition(":")[0] for shown in rows] == ["worst", "bad"]
    assert rows[0].title.startswith("worst: J 40.0, F ")
    assert all(len(shown.pictures) == len(shown.captions) == 6 for shown in rows)
    assert rows[0].captions[0].startswith("1: J 40, F ")
    with Image.open(output) as sheet:
        height = rows[0].pictures[0].shape[0]
        assert sheet.size == (6 * 244 + 4, 24 + 2 * (height + 44))


def test_a_clip_of_which_masks_are_missing_is_left_out(clips, monkeypatch, capsys):
    (clips / "masks" / "worst" / "00003.png").unlink()
    make_sheet(clips, monkeypatch)
    assert "left out: worst, of which 13 of 14 masks are there" in capsys.readouterr().out


def test_without_masks_it_says_so(clips, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        make_sheet(clips, monkeypatch, "--masks", str(clips / "elsewhere"))
    assert "elsewhere has all masks of none of these clips" in capsys.readouterr().err


def test_frames_are_the_worst_of_each_part(clips):
    region = [0.9, 0.5, 0.8, 0.8, 0.1, 0.9, 0.9]
    boundary = [0.9, 0.5, 0.8, 0.7, 0.1, 0.9, 0.9]
    assert worst_of_each_part(region, boundary, 3) == [1, 4, 5]
    assert worst_of_each_part(region[:2], boundary[:2], 6) == [0, 1]
    (clip,) = find_clips(clips, ("bad",), sets=["set"])
    shown = row(clip, score_masks(clip, clips / "masks"), clips / "masks")
    assert [caption.partition(":")[0] for caption in shown.captions] == [
        *("1", "3", "5", "7", "9", "11")
    ]


def test_what_is_missed_too_much_or_confused_has_colours_of_its_own():
    image = np.full((HEIGHT, WIDTH, 3), 100, np.uint8)
    truth, predicted = (np.zeros((HEIGHT, WIDTH), np.uint8) for _ in range(2))
    truth[:, :20] = 1
    predicted[:, 10:30] = 1
    predicted[12:, 10:20] = 2
    drawn = mistakes(image, truth, predicted, width=WIDTH).astype(int)
    missed, right, confused, too_much, ground = (
        drawn[y, x] for y, x in ((6, 5), (6, 15), (18, 15), (6, 25), (6, 35))
    )
    assert right.tolist() == ground.tolist() == [100, 100, 100]
    assert min(missed[0], missed[1]) > missed[2] + 50  # yellow
    assert too_much[0] > too_much[1:].max() + 50  # red
    assert confused[2] > confused[0] > confused[1] + 50  # violet


@pytest.mark.parametrize("corner", [(0, 0), (100, 160), (195, 315)])
def test_small_objects_are_seen_closer(corner):
    top, left = corner
    image = np.full((200, 320, 3), 100, np.uint8)
    truth, nothing = np.zeros((2, 200, 320), np.uint8)
    truth[top : top + 5, left : left + 5] = 1
    drawn = mistakes(image, truth, nothing, width=320)
    assert drawn.shape == image.shape
    yellow = (drawn[..., 0].astype(int) - drawn[..., 2]) > 60
    assert yellow.sum() == pytest.approx(5 * 5 / 0.4**2, rel=0.2)
    assert mistakes(image, nothing, nothing, width=160).shape == (100, 160, 3)


def test_a_sheet_that_is_too_large_is_written_at_a_lower_quality(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (200, 300, 3), dtype=np.uint8)
    sizes = []
    for most_bytes in (None, 40_000):
        path = tmp_path / "sheet.jpg"
        write_sheet(path, "head", [Row("noise", [noise], ["frame"])], most_bytes=most_bytes)
        sizes.append(path.stat().st_size)
    assert sizes[0] > 40_000 >= sizes[1]
