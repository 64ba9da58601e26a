"""Loading by name and from files, and what is refused."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save

from persam_vos.errors import WeightsError
from persam_vos.weights import WEIGHTS, WeightsSource, load_weights

NAMES = ["image_encoder.patch_embed.seq.0.weight", "mask_decoder.x", "prompt_encoder.x"]
PUBLISHED = "tiny.safetensors"


@pytest.fixture
def folder(cache, register, make_file, make_checkpoint):
    """Register ``tiny``, whose one file lies in the cache, and return its folder."""
    folder = cache / "weights" / "tiny"
    folder.mkdir(parents=True)
    (folder / PUBLISHED).write_bytes(make_checkpoint())
    file = make_file(PUBLISHED, make_checkpoint())
    register(WeightsSource("published", "http://127.0.0.1:9/tiny", "MIT", (file,)))
    return folder


@pytest.mark.usefixtures("folder")
def test_loads_by_name_and_says_what_it_is():
    loaded = load_weights("tiny")
    assert (loaded.name, loaded.architecture) == ("tiny", "vit_t")
    assert loaded.sha256 == WEIGHTS["tiny"].sources[0].digests
    assert loaded.source == "http://127.0.0.1:9/tiny"
    assert sorted(loaded.state) == NAMES


def test_second_load_needs_the_converted_file_only(folder):
    first = load_weights("tiny")
    (folder / PUBLISHED).unlink()
    second = load_weights("tiny")
    assert (second.name, second.sha256, second.source) == (first.name, first.sha256, first.source)
    for name, tensor in first.state.items():
        assert torch.equal(second.state[name], tensor)


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda content: content[:-1],
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda _: save({"strange": torch.zeros(1)}),
    ],
    ids=["empty", "truncated", "one bit", "another file"],
)
def test_damaged_converted_file_is_rebuilt(folder, damage):
    good = load_weights("tiny").state
    converted = folder / "published.safetensors"
    before = converted.read_bytes()
    converted.write_bytes(damage(before))
    state = load_weights("tiny").state
    assert all(torch.equal(state[name], tensor) for name, tensor in good.items())
    assert sorted(path.name for path in folder.iterdir()) == [converted.name, PUBLISHED]
    load_weights("tiny")


def test_converted_file_of_other_originals_is_not_used(
    folder, register, make_file, make_checkpoint
):
    load_weights("tiny")
    other = make_checkpoint(2.0)
    (folder / PUBLISHED).write_bytes(other)
    register(WeightsSource("published", "elsewhere", "MIT", (make_file(PUBLISHED, other),)))
    assert set(load_weights("tiny").state["mask_decoder.x"].flatten().tolist()) == {2.0}


@pytest.mark.usefixtures("folder")
def test_published_file_is_recognised_under_any_name(tmp_path, make_checkpoint):
    path = tmp_path / "mine.safetensors"
    path.write_bytes(make_checkpoint())
    loaded = load_weights("vit-h", checkpoint=path)
    assert (loaded.name, loaded.architecture) == ("tiny", "vit_t")
    assert loaded.source == f"file {path}"
    assert list(loaded.sha256) == ["mine.safetensors"]


@pytest.mark.usefixtures("folder")
def test_other_file_of_the_same_architecture_is_custom(tmp_path, make_checkpoint, make_file):
    path = tmp_path / "tuned.safetensors"
    path.write_bytes(make_checkpoint(3.0))
    loaded = load_weights("mobile-sam", checkpoint=path)
    assert (loaded.name, loaded.architecture) == ("custom", "vit_t")
    assert loaded.sha256 == {path.name: make_file("", make_checkpoint(3.0)).sha256}
    assert set(loaded.state["prompt_encoder.x"].flatten().tolist()) == {3.0}


@pytest.mark.usefixtures("folder")
def test_other_architecture_than_named_is_refused(tmp_path, make_checkpoint):
    path = tmp_path / "tuned.safetensors"
    path.write_bytes(make_checkpoint(3.0))
    with pytest.raises(WeightsError, match=r"got .* vit_t, expected vit_b.*mobile-sam for vit_t"):
        load_weights("vit-b", checkpoint=path)


@pytest.mark.usefixtures("folder")
def test_published_name_with_other_content_is_refused(tmp_path, make_checkpoint, make_file):
    path = tmp_path / PUBLISHED
    path.write_bytes(make_checkpoint()[:-1])
    with pytest.raises(WeightsError, match=r"tiny\.safetensors is corrupt") as caught:
        load_weights("tiny", checkpoint=path)
    assert make_file("", make_checkpoint()[:-1]).sha256 in str(caught.value)
    assert make_file("", make_checkpoint()).sha256 in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.pt", None, "got no such file"),
        ("text.pt", b"hello", r"text\.pt: got"),
        ("empty.pth", b"", r"empty\.pth: got"),
        ("empty.safetensors", b"", r"empty\.safetensors: got"),
        ("film.mp4", b"film", r"suffix '\.mp4'"),
        (
            "encoder.onnx",
            b"half",
            "one file of a set, expected encoder.onnx and sam.onnx; name the",
        ),
        ("", None, "a folder that does not hold them, expected encoder.onnx and sam.onnx"),
    ],
)
def test_wrong_checkpoint_is_explained(cache, tmp_path, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match=message):
        load_weights(checkpoint=path)
    assert not cache.exists()


def test_real_pair_loads_from_its_folder_and_damage_is_refused(cache, onnx_pair, tmp_path):
    folder = tmp_path / "pair"
    folder.mkdir()
    for path in onnx_pair:
        (folder / path.name).symlink_to(path)
    loaded = load_weights(checkpoint=folder)
    assert (loaded.name, loaded.architecture) == ("mobile-sam", "vit_t")
    assert loaded.sha256 == WEIGHTS["mobile-sam"].sources[1].digests
    assert [p.name for p in (cache / "weights" / "mobile-sam").iterdir()] == ["npm.safetensors"]

    truncated = onnx_pair[1].read_bytes()[:-1]
    (folder / "sam.onnx").unlink()
    (folder / "sam.onnx").write_bytes(truncated)
    with pytest.raises(WeightsError, match=r"sam\.onnx is corrupt.*expected sha256 800b1500"):
        load_weights(checkpoint=folder)


def test_converted_file_that_cannot_be_kept_does_not_matter(folder):
    converted = folder / "published.safetensors"
    converted.mkdir()  # nothing can be moved there
    assert sorted(load_weights("tiny").state) == NAMES
    assert sorted(path.name for path in folder.iterdir()) == [converted.name, PUBLISHED]
