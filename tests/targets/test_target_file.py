from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from made_targets import made_target
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from persam_vos.errors import OutputError, TargetError
from persam_vos.targets.target_file import MAX_BYTES, read_target, write_target


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "dog.safetensors"
    write_target(path, made_target())
    return path


def test_what_is_written_is_read_again(path: Path) -> None:
    wanted, got = made_target(), read_target(path)
    assert (got.object_ids, got.network, got.image_size) == ((1, 4), wanted.network, 1024)
    assert got.feature_widths == wanted.feature_widths
    assert np.array_equal(got.scale_weights, wanted.scale_weights)
    for one, other in zip(got.references, wanted.references, strict=True):
        assert (one.image, one.mask, one.object_ids) == (other.image, other.mask, other.object_ids)
        assert torch.equal(one.objects.features, other.objects.features)
        assert torch.equal(one.background.coverage, other.background.coverage)
        assert np.array_equal(one.thumbnail, other.thumbnail)


def test_the_size_of_the_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "new" / "dog.safetensors"
    assert write_target(path, made_target()) == path.stat().st_size


def test_a_file_that_is_there_stays(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(OutputError, match="there already"):
        write_target(path, made_target((1,)))
    assert path.read_bytes() == before
    write_target(path, made_target((1,)), overwrite=True)
    assert read_target(path).object_ids == (1,)


def damaged(path: Path, change: Callable[[dict[str, Any], dict[str, str]], None]) -> None:
    """Write the file again with other tensors or metadata."""
    tensors = load_file(path)
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    change(tensors, metadata)
    save_file(tensors, path, metadata=metadata)


def described(**members: Any) -> Callable[[dict[str, Any], dict[str, str]], None]:
    def change(_: dict[str, Any], metadata: dict[str, str]) -> None:
        metadata["target"] = json.dumps(json.loads(metadata["target"]) | members)

    return change


def tensor(name: str, value: torch.Tensor) -> Callable[[dict[str, Any], dict[str, str]], None]:
    return lambda tensors, _: tensors.update({name: value})


def texts(**changed: str) -> Callable[[dict[str, Any], dict[str, str]], None]:
    return lambda _, metadata: metadata.update(changed)


HALF = torch.zeros(6, 12).half()
WRONG = {
    "another safetensors file": (texts(format="pt"), "no target"),
    "a later version": (texts(format_version="2"), "format version '2', expected 1"),
    "a description that is no JSON": (texts(target="{"), "no JSON"),
    "a description nested without end": (texts(target="[" * 100_000), "no JSON"),
    "a description that is a list": (texts(target="[]"), "no description"),
    "no ids": (described(object_ids=[]), "'object_ids'"),
    "ids beyond 255": (described(object_ids=[1, 256]), "'object_ids'"),
    "ids twice": (described(object_ids=[1, 1]), "'object_ids'"),
    "True for an id": (described(object_ids=[True, 4]), "'object_ids'"),
    "more ids than tensors": (described(object_ids=[1, 2, 4]), "does not fit"),
    "ids that no reference shows": (described(object_ids=[1, 5]), "no reference shows"),
    "a width of millions": (described(feature_widths=[10**9, 3, 3]), "'feature_widths'"),
    "other widths": (described(feature_widths=[6, 3, 4]), "does not fit"),
    "no references": (described(references=[]), "'references'"),
    "references that are numbers": (described(references=[1, 2]), "no description"),
    "a network that is a text": (described(network="mobile-sam"), "'network'"),
    "a name that rewrites the terminal": (
        described(network={"weights": "\x1b[2J", "encoder": "vit_t", "sha256": {}}),
        "'weights'",
    ),
    "a name of a megabyte": (
        described(network={"weights": "a" * 300, "encoder": "vit_t", "sha256": {}}),
        "'weights'",
    ),
    "no image size": (described(image_size=None), "'image_size'"),
    "numbers of another type": (tensor("0.objects.features", HALF.float()), "F32"),
    "features that are not finite": (
        tensor("0.objects.features", HALF / 0),
        "not finite in '0.objects.features'",
    ),
    "an object that no cell shows": (
        lambda tensors, _: tensors["0.objects.coverage"][:, 1].zero_(),
        "no reference shows",
    ),
    "coverage beyond 1": (tensor("0.objects.coverage", torch.full((6, 2), 2).half()), "bounds"),
    "features beyond any": (tensor("0.objects.features", HALF + 60000), "bounds"),
    "a tensor too many": (tensor("zzz", HALF), "such as 'zzz'"),
    "no thumbnail": (lambda tensors, _: tensors.pop("1.thumbnail"), "no tensor '1.thumbnail'"),
    "a huge thumbnail": (tensor("0.thumbnail", torch.zeros(600, 1, 3).byte()), "does not fit"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_no_target_says_is_refused(case: str, path: Path) -> None:
    change, words = WRONG[case]
    damaged(path, change)
    with pytest.raises(TargetError, match=words) as error:
        read_target(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)
    assert error.value.exit_code == 2


def header(length: int, text: bytes) -> bytes:
    return struct.pack("<Q", length) + text


ENTRY = b'{"a":{"dtype":"F16","shape":[4294967296,4294967296],"data_offsets":[0,8]}}'
BYTES = {
    "nothing": b"",
    "seven bytes": b"\0" * 7,
    "a picture": b"\x89PNG\r\n\x1a\n" + b"\0" * 100,
    "a header of exabytes": header(2**63, b"{}"),
    "a header longer than the file": header(1000, b"{}"),
    "a header that is no JSON": header(4, b"{{{{"),
    "a shape whose size overflows": header(len(ENTRY), ENTRY) + b"\0" * 8,
    "a header nested without end": header(200_000, b"[" * 200_000),
}


@pytest.mark.parametrize("case", BYTES)
def test_a_hostile_file_gets_one_line(case: str, path: Path) -> None:
    path.write_bytes(BYTES[case])
    with pytest.raises(TargetError) as error:
        read_target(path)
    assert "\n" not in str(error.value)


def test_a_truncated_file_is_refused(path: Path) -> None:
    content = path.read_bytes()
    for length in (len(content) - 1, len(content) // 2, 100):
        path.write_bytes(content[:length])
        with pytest.raises(TargetError):
            read_target(path)


def test_a_file_larger_than_any_target_is_not_read(path: Path) -> None:
    with path.open("r+b") as stream:
        stream.truncate(MAX_BYTES + 1)
    with pytest.raises(TargetError, match="more than any target has"):
        read_target(path)


def test_a_file_that_is_not_there_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.safetensors", tmp_path):
        with pytest.raises(TargetError):
            read_target(path)
