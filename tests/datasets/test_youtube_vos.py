"""YouTube-VOS trees, from empty files: layout only."""

from __future__ import annotations

import json

import pytest

from persam_vos.datasets.catalog import open_split
from persam_vos.errors import DatasetError

META = {
    "x": {"1": ["00005", "00010"], "2": ["00000", "00005"], "3": ["00005"]},
    "w": {"4": ["00000"]},
}


@pytest.fixture
def tree(tmp_path):
    """A valid split: object 2 of clip x is there at once, 1 and 3 appear on its second frame."""
    base = tmp_path / "valid"
    for clip, objects in META.items():
        for kind, suffix, frames in (
            ("JPEGImages", "jpg", ("00000", "00005", "00010")),
            ("Annotations", "png", sorted({min(frames) for frames in objects.values()})),
        ):
            folder = base / kind / clip
            folder.mkdir(parents=True)
            for frame in frames:
                (folder / f"{frame}.{suffix}").touch()
    videos = {
        clip: {"objects": {key: {"category": "cat", "frames": frames} for key, frames in o.items()}}
        for clip, o in META.items()
    }
    (base / "meta.json").write_text(json.dumps({"videos": videos}))
    return tmp_path


@pytest.mark.parametrize("inside", ["", "valid"])
def test_objects_are_taken_from_the_frame_where_they_appear(tree, inside):
    split = open_split("youtube-vos", tree / inside)
    assert [clip.name for clip in split.clips] == ["w", "x"]
    clip = split.clips[1]
    assert clip.object_ids == (1, 2, 3)
    assert [(m.frame_index, m.path.name, m.object_ids) for m in clip.first_masks] == [
        (0, "00000.png", (2,)),
        (1, "00005.png", (1, 3)),
    ]
    assert not split.has_truth
    assert split.submission_folder == "Annotations"


def test_annotations_beyond_the_first_masks_are_truth(tree):
    (tree / "valid/Annotations/x/00010.png").touch()
    assert open_split("youtube-vos", tree).has_truth


@pytest.mark.parametrize(
    ("removed", "message"),
    [("JPEGImages/x/*", "x: no frames"),
     ("JPEGImages/x/00000.jpg", "x: no frame for 1 annotations"),
     ("Annotations/x/00005.png", "x: no annotation of frame 00005, where object 1 appears")],
)  # fmt: skip
def test_a_partial_clip_is_named_with_what_it_lacks(tree, removed, message):
    for path in (tree / "valid").glob(removed):
        path.unlink()
    with pytest.raises(DatasetError, match=message):
        open_split("youtube-vos", tree)
    assert [clip.name for clip in open_split("youtube-vos", tree, names=("w",)).clips] == ["w"]


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"videos": []}', '{"videos": {"x": {}}}', '{"videos": {"x": {"objects": 1}}}',
     '{"videos": {"x": {"objects": {"one": {"frames": ["0"]}}}}}',
     '{"videos": {"x": {"objects": {"1": {"frames": []}}}}}'],
)  # fmt: skip
def test_a_meta_file_that_is_none_is_refused(tree, content):
    (tree / "valid/meta.json").write_text(content)
    with pytest.raises(DatasetError, match=r"meta\.json: got .*expected"):
        open_split("youtube-vos", tree)


def test_a_missing_meta_file_is_told(tree):
    (tree / "valid/meta.json").unlink()
    with pytest.raises(DatasetError, match=r"meta\.json: got No such file"):
        open_split("youtube-vos", tree)
