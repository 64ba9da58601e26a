"""Pickles of plain data are read; whatever could run code is refused before it is looked up."""

from __future__ import annotations

import collections
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from persam_vos.errors import DatasetError
from persam_vos.files.safe_pickle import load_plain_pickle


def written(path: Path, content: object, protocol: int = 3) -> Path:
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path


@pytest.mark.parametrize("protocol", [0, 2, 3, 4, 5])
def test_containers_texts_numbers_and_arrays_come_back(tmp_path, protocol):
    content = {
        3: ["val2014/a.jpg", 1.5, None, True, (1, 2), {4}, b"abc"],
        "array": np.arange(6, dtype=np.uint8).reshape(2, 3),
        "number": np.int64(7),
        "ordered": collections.OrderedDict(a=1),
        "default": collections.defaultdict(list, b=[2]),
    }
    found = load_plain_pickle(written(tmp_path / "a.pkl", content, protocol))
    assert list(found) == list(content)
    assert found[3] == content[3]
    np.testing.assert_array_equal(found["array"], content["array"])
    assert (found["number"], found["ordered"], found["default"]["b"]) == (7, {"a": 1}, [2])


class Malicious:
    def __init__(self, *call: object) -> None:
        self.call = call

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call[0], tuple(self.call[1:])


@pytest.mark.parametrize(
    ("call", "named"),
    [
        ((os.system, "touch %s"), "system"),
        ((eval, "open('%s', 'w')"), "builtins.eval"),
        ((getattr, "a", "upper"), "getattr"),
        ((Path, "x"), "pathlib"),
    ],
)
def test_a_pickle_that_runs_code_is_refused_in_one_line(tmp_path, call, named):
    trace = tmp_path / "trace"
    call = [one.replace("%s", str(trace)) if isinstance(one, str) else one for one in call]
    path = written(tmp_path / "evil.pkl", {"cid2img": Malicious(*call)})
    with pytest.raises(DatasetError, match=named) as caught:
        load_plain_pickle(path)
    assert "do not trust" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert not trace.exists()


def test_arrays_of_objects_are_refused(tmp_path):
    path = written(tmp_path / "a.pkl", np.array([{}, []], dtype=object))
    with pytest.raises(DatasetError, match="Python objects"):
        load_plain_pickle(path)


@pytest.mark.parametrize("content", [b"", b"abc", pickle.dumps({1: [2]})[:-4], b"\x80\x03c"])
def test_damaged_files_are_told(tmp_path, content):
    path = tmp_path / "a.pkl"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"a\.pkl"):
        load_plain_pickle(path)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(DatasetError, match=r"cannot read .*b\.pkl: got No such file"):
        load_plain_pickle(tmp_path / "b.pkl")
