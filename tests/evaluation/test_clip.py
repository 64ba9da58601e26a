"""First masks, and what tells a finished clip from others; nothing here needs the network."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from persam_vos.datasets.catalog import open_split
from persam_vos.datasets.clips import Clip
from persam_vos.errors import DatasetError, OutputError
from persam_vos.evaluation.clip import first_label_maps, is_finished
from persam_vos.evaluation.clip_file import CLIP_FILE
from persam_vos.evaluation.fingerprint import fingerprint
from persam_vos.media.label_png import write_label_png

SIZE_HW = (4, 6)


def clip_with(make_tree: Callable[..., Path], *maps: np.ndarray) -> Clip:
    image = np.zeros((*SIZE_HW, 3), np.uint8)
    return open_split("folder", make_tree({"x": [(image, labels) for labels in maps]})).clips[0]


def labels_with(*ids: int, size_hw: tuple[int, int] = SIZE_HW) -> np.ndarray:
    labels = np.zeros(size_hw, np.uint8)
    labels[0, : len(ids)] = ids
    return labels


@pytest.mark.parametrize(
    ("given", "single", "taken"),
    [((1, 7, 200), False, (1, 7, 200)), ((1, 7, 200), True, (1, 1, 1)),
     ((3, 255), False, (3, 0)), ((255, 255), False, (1, 1)), ((255, 0), True, (1, 0))],
    ids=["ids with gaps", "single", "void beside an object", "only 255", "only 255, single"],
)  # fmt: skip
def test_first_mask_is_understood_as_the_scores_do(make_tree, given, single, taken):
    maps = first_label_maps(clip_with(make_tree, labels_with(*given)), SIZE_HW, single=single)
    np.testing.assert_array_equal(maps[0], labels_with(*taken))


def test_objects_are_taken_from_their_own_frames_only(make_youtube_tree):
    image = np.zeros((*SIZE_HW, 3), np.uint8)
    frames = [(image, labels_with(1)), (image, labels_with(1, 2, 5)), (image, labels_with(1))]
    root = make_youtube_tree(frames, {1: 0, 2: 1})
    maps = first_label_maps(open_split("youtube-vos", root).clips[0], SIZE_HW, single=False)
    assert sorted(maps) == [0, 1]
    np.testing.assert_array_equal(maps[1], labels_with(0, 2))


@pytest.mark.parametrize(
    ("labels", "message"),
    [(labels_with(), "objects none, expected the first mask of an object"),
     (labels_with(1, size_hw=(4, 5)), "a mask of 5 x 4, expected 6 x 4")],
    ids=["empty", "another size"],
)  # fmt: skip
def test_first_mask_that_will_not_do_is_named(make_tree, labels, message):
    clip = clip_with(make_tree, labels)
    with pytest.raises(DatasetError, match=rf"00000\.png: got {message}"):
        first_label_maps(clip, SIZE_HW, single=False)


def test_first_mask_without_its_object_is_named(make_youtube_tree):
    image = np.zeros((*SIZE_HW, 3), np.uint8)
    root = make_youtube_tree([(image, labels_with(1))], {1: 0, 4: 0})
    with pytest.raises(DatasetError, match=r"objects \[1\], expected the first mask of \[1, 4\]"):
        first_label_maps(open_split("youtube-vos", root).clips[0], SIZE_HW, single=False)


@pytest.fixture
def kept(copy_of_run):
    """A finished clip: its folder, and its fingerprint."""
    folder = copy_of_run / "predictions" / "there"
    return folder, json.loads((folder / CLIP_FILE).read_text())["fingerprint"]


def test_a_clip_is_finished_for_its_own_fingerprint_only(kept):
    folder, own = kept
    assert is_finished(folder, own)
    for change, told in (
        (own | {"images": "0"}, "other images,"),
        (own | {"first_masks": "0"}, "other first masks,"),
        (
            own | {"settings": own["settings"] | {"dtype": "bfloat16"}},
            "dtype float32 .now bfloat16",
        ),
    ):
        with pytest.raises(OutputError, match=f"{told}.*overwrite=True"):
            is_finished(folder, change)


@pytest.mark.parametrize("damage", ["change", "remove", "add", "no clip.json", "half a clip.json"])
def test_a_clip_whose_masks_changed_is_not_finished(kept, damage):
    folder, own = kept
    if damage == "change":
        write_label_png(folder / "00001.png", labels_with(1))
    elif damage == "remove":
        (folder / "00001.png").unlink()
    elif damage == "add":
        write_label_png(folder / "00009.png", labels_with(1))
    elif damage == "no clip.json":
        (folder / CLIP_FILE).unlink()
    else:
        text = (folder / CLIP_FILE).read_text()
        (folder / CLIP_FILE).write_text(text[: len(text) // 2])
    assert not is_finished(folder, own)


def test_a_fingerprint_depends_on_every_input_and_not_on_the_place(tree, tmp_path):
    clip = open_split("folder", tree, names=("there",)).clips[0]
    own = fingerprint(clip, {})
    copies = []
    for path in clip.images:
        copies.append(tmp_path / path.name)
        copies[-1].write_bytes(path.read_bytes())
    moved = replace(clip, images=tuple(copies))
    assert fingerprint(moved, {}) == own
    assert fingerprint(replace(clip, images=clip.images[:-1]), {})["images"] != own["images"]
    copies[1].write_bytes(copies[1].read_bytes() + b"\0")
    assert fingerprint(moved, {})["images"] != own["images"]
    first = replace(clip.first_masks[0], object_ids=(1,))
    changed = fingerprint(replace(clip, first_masks=(first,)), {})
    assert changed["first_masks"] != own["first_masks"]
