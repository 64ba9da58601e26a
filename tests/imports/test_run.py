"""Masks of other tools: what this program exports comes back, damaged files are one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from exported_run import COUNT, IDS, export, known_labels, write_images, write_run

from persam_vos.errors import MaskError, OutputError, PersamVosError, UsageError
from persam_vos.imports.run import guess_format, import_masks
from persam_vos.media.label_png import read_label_map

WAYS = {
    "cvat": "cvat",
    "cvat:shapes=masks": "cvat",
    "coco": "coco",
    "youtube-vis": "coco",
    "youtube-vos": "youtube-vos",
    "label-studio:kind=images": "label-studio",
    "labelme": "labelme",
}


@pytest.fixture(scope="module")
def image_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("run")
    return write_run(base / "run", write_images(base / "shots"))


@pytest.mark.parametrize(("text", "name"), WAYS.items())
def test_what_was_exported_comes_back(
    text: str, name: str, image_run: Path, tmp_path: Path
) -> None:
    path = export(image_run, text, tmp_path)
    found = import_masks(path, tmp_path / "in")
    assert found.format == name
    assert len(found.masks) == COUNT
    assert set(found.names) == set(IDS)
    for index, mask in enumerate(found.masks):
        labels = known_labels(index)
        assert mask.frame in (index, None)
        assert set(mask.object_ids) == set(np.unique(labels)) - {0}
        np.testing.assert_array_equal(read_label_map(mask.path), labels)


def test_what_is_there_is_replaced_only_if_asked(image_run: Path, tmp_path: Path) -> None:
    path = export(image_run, "cvat:shapes=masks", tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "in/00003.png").write_text("mine")
    with pytest.raises(OutputError, match="00003"):
        import_masks(path, tmp_path / "in")
    assert (tmp_path / "in/00003.png").read_text() == "mine"
    with pytest.raises(OutputError, match="may be yours"):
        import_masks(path, tmp_path / "in", overwrite=True)
    import_masks(path, tmp_path / "other")
    with pytest.raises(OutputError, match="overwrite=True"):
        import_masks(path, tmp_path / "other")
    import_masks(path, tmp_path / "other", overwrite=True)


def test_boxes_are_told_to_be_no_masks(image_run: Path, tmp_path: Path) -> None:
    path = export(image_run, "cvat:shapes=boxes", tmp_path)
    with pytest.raises(MaskError, match="no mask, but 11 other shapes"):
        import_masks(path, tmp_path / "in")
    assert not (tmp_path / "in").exists()


DAMAGED = {
    "empty.json": "",
    "list.json": '[{"data": {}}]',
    "numbers.json": "[1, 2]",
    "cut.xml": "<annotations><track",
    "other.xml": "<html/>",
    "negative.xml": "<annotations><meta><original_size><width>5</width><height>5</height>"
    '</original_size></meta><track id="0" label="a"><mask frame="0" rle="-1, 5" left="0" top="0"'
    ' width="2" height="2"/></track></annotations>',
    "beyond.xml": "<annotations><meta><original_size><width>5</width><height>5</height>"
    '</original_size></meta><track id="0" label="a"><mask frame="0" rle="0, 4" left="4" top="4"'
    ' width="2" height="2"/></track></annotations>',
    "huge.xml": '<annotations><image id="0" name="a.png" width="99999999" height="99999999">'
    '<polygon label="a" points="1,1;2,2;3,1"/></image></annotations>',
    "line.xml": '<annotations><image id="0" name="a.png" width="9" height="9">'
    '<polygon label="a" points="1,1;2,2"/></image></annotations>',
    "id.xml": '<annotations><image id="0" name="a.png" width="9" height="9">'
    '<polygon label="a" group_id="300" points="1,1;5,5;3,1"/></image></annotations>',
    "runs.json": json.dumps(
        {
            "categories": [{"id": 1, "name": "a"}],
            "images": [{"id": 1, "file_name": "a.png", "height": 4, "width": 4}],
            "annotations": [
                {
                    "image_id": 1,
                    "category_id": 1,
                    "segmentation": {"size": [4, 4], "counts": [3, 99]},
                }
            ],
        }
    ),
    "base64.json": json.dumps(
        {
            "shapes": [
                {"shape_type": "mask", "points": [[0, 0], [1, 1]], "mask": "?", "label": "a"}
            ],
            "imageHeight": 4,
            "imageWidth": 4,
            "imagePath": "a.png",
        }
    ),
    "brush.json": json.dumps(
        [
            {
                "data": {"image": "a.png"},
                "annotations": [
                    {
                        "result": [
                            {
                                "type": "brushlabels",
                                "original_width": 4,
                                "original_height": 4,
                                "value": {"rle": [1, 2, 3], "brushlabels": ["a"]},
                            }
                        ]
                    }
                ],
            }
        ]
    ),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files_are_refused_in_one_line(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(DAMAGED[name])
    with pytest.raises(PersamVosError) as refused:
        import_masks(tmp_path / name, tmp_path / "in")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "in").exists()


def test_what_is_no_file_of_ours_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MaskError, match="no such file"):
        import_masks(tmp_path / "nothing.json", tmp_path / "in", import_format="coco")
    with pytest.raises(MaskError, match="no such file"):
        guess_format(tmp_path / "nothing")
    (tmp_path / "a.txt").touch()
    with pytest.raises(MaskError, match="an unknown kind"):
        guess_format(tmp_path / "a.txt")


def test_a_clip_is_chosen_only_where_there_are_some(image_run: Path, tmp_path: Path) -> None:
    path = export(image_run, "cvat:shapes=masks", tmp_path)
    with pytest.raises(UsageError, match="coco or youtube-vos"):
        import_masks(path, tmp_path / "in", clip="shots")
