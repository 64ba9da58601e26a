import pytest

from persam_vos.datasets.davis import davis_sequences, split_names
from persam_vos.errors import DatasetError


@pytest.fixture
def tree(tmp_path):
    """A DAVIS tree with clips a, b, c of three frames; c is annotated on the first only."""
    for clip, annotated in (("a", 3), ("b", 3), ("c", 1)):
        for kind, suffix, count in (("JPEGImages", "jpg", 3), ("Annotations", "png", annotated)):
            folder = tmp_path / kind / "480p" / clip
            folder.mkdir(parents=True)
            for k in range(count):
                (folder / f"{k:05d}.{suffix}").touch()
    lists = tmp_path / "ImageSets" / "2017"
    lists.mkdir(parents=True)
    (lists / "val.txt").write_text("b\na\n\n")
    (lists / "test-dev.txt").write_text("c\n")
    return tmp_path


def test_clips_come_in_the_order_of_the_split(tree):
    sequences = davis_sequences(tree)
    assert [sequence.name for sequence in sequences] == ["b", "a"]
    assert sequences[0].image_dir == tree / "JPEGImages/480p/b"
    assert sequences[0].annotation_dir == tree / "Annotations/480p/b"


def test_a_first_annotation_is_enough(tree):
    assert [sequence.name for sequence in davis_sequences(tree, split="test-dev")] == ["c"]


def test_a_tree_without_lists_is_one_split(tree):
    assert split_names(tree, year="2016") == ("a", "b", "c")


def test_names_limit_the_split(tree):
    assert [sequence.name for sequence in davis_sequences(tree, names=["a"])] == ["a"]
    with pytest.raises(DatasetError, match=r"unknown clips c, expected some of b, a"):
        davis_sequences(tree, names=["c"])


def test_an_unlisted_split_is_told_from_the_listed_ones(tree):
    with pytest.raises(DatasetError, match="expected one of test-dev, val"):
        davis_sequences(tree, split="train")


@pytest.mark.parametrize(
    ("removed", "said"),
    [
        ("JPEGImages/480p/b/*", "b: no frames"),
        ("Annotations/480p/a/00000.png", "a: no annotation of frame 00000"),
        ("Annotations/480p/a/00001.png", "a: no annotation of 1 frames, from 00001"),
        ("JPEGImages/480p/a/00002.jpg", "a: no frame for 1 annotations, from 00002"),
    ],
)
def test_a_partial_clip_is_named_with_what_it_lacks(tree, removed, said):
    for path in tree.glob(removed):
        path.unlink()
    with pytest.raises(DatasetError, match=said):
        davis_sequences(tree)


def test_all_partial_clips_are_named_at_once(tree):
    for path in tree.glob("JPEGImages/480p/*/*"):
        path.unlink()
    with pytest.raises(DatasetError, match=r"2 of 2 clips incomplete \(b: no frames; a: no frames"):
        davis_sequences(tree)


@pytest.mark.parametrize("make", ["", "JPEGImages/480p"], ids=["empty", "images only"])
def test_a_folder_that_is_no_tree_is_refused(tmp_path, make):
    (tmp_path / make).mkdir(parents=True, exist_ok=True)
    with pytest.raises(DatasetError, match="no folder"):
        davis_sequences(tmp_path)


@pytest.mark.parametrize("content", [b"\n\n", b"\xff\xfe"], ids=["empty", "not text"])
def test_a_list_that_cannot_be_read_is_refused(tree, content):
    (tree / "ImageSets/2017/val.txt").write_bytes(content)
    with pytest.raises(DatasetError, match=r"val\.txt"):
        davis_sequences(tree)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "year", "split", "count"),
    [("davis16-dev", "2016", "dev", 17), ("davis16-dev", "2017", "val", 17),
     ("composites-dev", "2017", "val", 3)],
)  # fmt: skip
def test_development_trees_are_whole(shared_dir, name, year, split, count):
    root = shared_dir / "data" / name
    assert len(davis_sequences(root, year=year, split=split)) == count
