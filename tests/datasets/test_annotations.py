"""Lists are read whatever ends their lines; what is wrong with a file is said with its name."""

from __future__ import annotations

import pickle

import pytest

from persam_vos.datasets.annotations import (
    explained,
    read_json,
    read_lines,
    read_pickle,
    require_tree,
    tree_in,
)
from persam_vos.errors import DatasetError


@pytest.mark.parametrize("text", ["a\r\nb's\r\n", "a\r\nb's", "a\nb's\n\n", "a\nb's"])
def test_lines_are_read_with_and_without_a_last_line_break(tmp_path, text):
    path = tmp_path / "test.txt"
    path.write_bytes(text.encode())
    assert read_lines(path) == ["a", "b's"]


def test_the_folder_of_a_data_set_may_be_given_or_the_one_around_it(tmp_path):
    (tmp_path / "LVIS").mkdir()
    assert tree_in(tmp_path, "LVIS") == tree_in(tmp_path / "LVIS", "LVIS") == tmp_path / "LVIS"


def test_broken_files_are_told(tmp_path):
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(DatasetError, match=r"cannot use .*a\.json.*expected a dict"):
        read_json(tmp_path / "a.json", "a dict")
    (tmp_path / "a.pkl").write_bytes(pickle.dumps([1]))
    with pytest.raises(DatasetError, match=r"a\.pkl: got TypeError: a list, expected a dict"):
        read_pickle(tmp_path / "a.pkl", "a dict")
    with pytest.raises(DatasetError, match=r"cannot read .*b\.txt: got No such file"):
        read_lines(tmp_path / "b.txt")


def test_errors_of_this_package_are_left_as_they_are(tmp_path):
    with pytest.raises(DatasetError, match=r"^mine$"), explained(tmp_path, "x"):
        raise DatasetError("mine")


def test_all_that_is_missing_is_named(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(DatasetError, match=r"X tree .*: got no b, no c/d\.pkl, expected a, b, c"):
        require_tree(tmp_path, [tmp_path / "a", tmp_path / "b", tmp_path / "c/d.pkl"], "X")
