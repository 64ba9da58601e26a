"""What a named checkpoint is: published, one file of a set, damaged, or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from persam_vos.errors import WeightsError
from persam_vos.weights import WEIGHTS
from persam_vos.weights.checkpoint import checkpoint_paths, identify, refuse_damaged

PAIR = ("encoder.onnx", "sam.onnx")


def test_a_file_is_itself_and_a_folder_its_set(tmp_path: Path) -> None:
    for name in ("mine.pt", *PAIR):
        (tmp_path / name).touch()
    assert checkpoint_paths(tmp_path / "mine.pt") == (tmp_path / "mine.pt",)
    assert checkpoint_paths(tmp_path) == tuple(tmp_path / name for name in PAIR)


@pytest.mark.parametrize(
    ("there", "named", "message"),
    [
        ((), "mine.pt", r"got no such file, expected a \.pt, \.pth or \.safetensors file"),
        (("sam.onnx",), "sam.onnx", r"got one file of a set, expected encoder\.onnx and sam\.onnx"),
        (("sam.onnx",), ".", "got a folder that does not hold them"),
    ],
    ids=["missing", "half a set", "folder without the set"],
)
def test_what_is_no_checkpoint_is_refused(
    tmp_path: Path, there: tuple[str, ...], named: str, message: str
) -> None:
    for name in there:
        (tmp_path / name).touch()
    with pytest.raises(WeightsError, match=message):
        checkpoint_paths(tmp_path / named)


@pytest.mark.parametrize("name", list(WEIGHTS))
def test_published_weights_are_known_by_their_digests_whatever_their_names(name: str) -> None:
    info = WEIGHTS[name]
    for source in info.sources:
        renamed = {f"{k}.bin": digest for k, digest in enumerate(source.digests.values())}
        assert identify(renamed) == (info, source)
    assert identify({"file.pt": "0" * 64}) is None


def test_another_content_under_a_published_name_is_refused() -> None:
    with pytest.raises(WeightsError, match=r"mobile_sam\.pt is corrupt.*got sha256 000"):
        refuse_damaged(Path("mobile_sam.pt"), {"mobile_sam.pt": "0" * 64})
    refuse_damaged(Path("mine.pt"), {"mine.pt": "0" * 64})
