"""Read SAM checkpoints of every known form into one canonical state dict.

Canonical names are those of ``segment_anything``: ``image_encoder.*``, ``prompt_encoder.*`` and
``mask_decoder.*``. The TinyViT encoder of MobileSAM keeps MobileSAM's module names, but its batch
norms are folded into the convolutions (``weight`` and ``bias`` in place of ``c.weight`` and
``bn.*``) and its relative attention biases are gathered: ``attn.attention_bias``, (heads, N, N)
with N = window x window, in place of ``attention_biases`` and ``attention_bias_idxs``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from ..errors import WeightsError
from .onnx_pair import read_onnx_pair
from .registry import Architecture

PREFIXES = ("image_encoder.", "prompt_encoder.", "mask_decoder.")
_EXPECTED = "a SAM or MobileSAM checkpoint (.pt, .pth, .safetensors, or encoder.onnx + sam.onnx)"
_REMEDY = "give the published file, or run 'persam-vos weights fetch mobile-sam'"
_BATCH_NORM_EPS = 1e-5  # torch.nn.BatchNorm2d's default, which MobileSAM keeps
_VIT_WIDTHS: dict[int, Architecture] = {768: "vit_b", 1024: "vit_l", 1280: "vit_h"}
# What published files hold beside the network: the classifier that TinyViT was trained with, and
# the colour statistics that some exports store.
_UNUSED = ("image_encoder.norm_head.", "image_encoder.head.", "pixel_mean", "pixel_std")


def read_checkpoint(paths: Sequence[Path]) -> dict[str, Tensor]:
    """Read one checkpoint, given as one file or as the pair of ONNX files, onto the CPU.

    Returns float32 tensors under canonical names (see the module). Raises WeightsError, naming the
    file, for anything that is not a SAM checkpoint: unreadable, truncated, or of something else.
    """
    for path in paths:
        _check_readable(path)
    suffixes = {path.suffix.lower() for path in paths}
    if suffixes == {".onnx"}:
        return _checked(read_onnx_pair(paths), paths[0])
    if len(paths) != 1:
        names = ", ".join(path.name for path in paths) or "no file"
        raise WeightsError("weights", got=names, expected=_EXPECTED, remedy=_REMEDY)
    (path,) = paths
    return _checked(canonical_state(read_tensors(path), str(path)), path)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read a file of named tensors onto the CPU, without running code that it may hold.

    Raises WeightsError for a file that is unreadable, or holds anything else.
    """
    _check_readable(path)
    readers: dict[str, Callable[[Path], object]] = {
        ".pt": _load_torch,
        ".pth": _load_torch,
        ".safetensors": _load_safetensors,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise WeightsError(
            str(path), got=f"suffix {path.suffix!r}", expected=_EXPECTED, remedy=_REMEDY
        )
    return _state_dict(reader(path), path)


def detect_architecture(state: Mapping[str, Tensor]) -> Architecture:
    """Tell which image encoder a canonical state dict belongs to.

    Raises WeightsError for an encoder that is none of the four.
    """
    if "image_encoder.patch_embed.seq.0.weight" in state:
        return "vit_t"
    position = state.get("image_encoder.pos_embed")
    width = 0 if position is None else position.shape[-1]
    if width in _VIT_WIDTHS:
        return _VIT_WIDTHS[width]
    encoder = [name for name in state if name.startswith(PREFIXES[0])]
    raise WeightsError(
        "image encoder",
        got=f"width {width}" if width else _some(encoder),
        expected="vit_t, or a ViT of width 768 (vit_b), 1024 (vit_l) or 1280 (vit_h)",
        remedy=_REMEDY,
    )


def canonical_state(state: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    """Bring a published state dict to canonical names, in float32.

    ``source`` names the file in errors. Raises WeightsError when a batch norm is incomplete or an
    attention bias has no square number of offsets.
    """
    result: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if name.startswith(_UNUSED) or not tensor.is_floating_point():
            continue  # integers: attention_bias_idxs, num_batches_tracked
        if name.endswith(".attention_biases"):
            name = name.removesuffix("es")
            tensor = _gather_bias(tensor, name, source)
        elif name.endswith(".c.weight"):
            module = name.removesuffix(".c.weight")
            tensor, result[f"{module}.bias"] = _fold_batch_norm(state, module, source)
            name = f"{module}.weight"
        elif _is_batch_norm(name):
            continue
        result[name] = tensor.float().contiguous()
    return result


def _is_batch_norm(name: str) -> bool:
    return name.split(".")[-2:-1] == ["bn"]


def _fold_batch_norm(
    state: Mapping[str, Tensor], module: str, source: str
) -> tuple[Tensor, Tensor]:
    """Fold ``module.bn`` into ``module.c``: weight * s and bias - mean * s, s = gamma / sigma."""
    names = [f"{module}.bn.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
    missing = [name for name in names if name not in state]
    if missing:
        raise WeightsError(
            source, got=f"no {_some(missing)}", expected="complete batch norms", remedy=_REMEDY
        )
    # In float64, so that folding costs no more than one rounding.
    gamma, beta, mean, variance = (state[name].double() for name in names)
    scale = gamma / torch.sqrt(variance + _BATCH_NORM_EPS)
    weight = state[f"{module}.c.weight"].double() * scale[:, None, None, None]
    return weight.float(), (beta - mean * scale).float()


def _gather_bias(biases: Tensor, name: str, source: str) -> Tensor:
    """Spread biases per offset, (heads, window^2), to all pairs of cells, (heads, N, N).

    The offset (|dy|, |dx|) has the index |dy| * window + |dx|: MobileSAM numbers offsets as it
    meets them from the window's first cell.
    """
    window = round(biases.shape[-1] ** 0.5)
    if biases.ndim != 2 or window**2 != biases.shape[-1]:
        raise WeightsError(
            source,
            got=f"{name} of shape {tuple(biases.shape)}",
            expected="(heads, window x window)",
            remedy=_REMEDY,
        )
    rows, columns = torch.arange(window**2) // window, torch.arange(window**2) % window
    offsets_y = (rows[:, None] - rows[None, :]).abs()  # (N, N)
    offsets_x = (columns[:, None] - columns[None, :]).abs()
    return biases[:, offsets_y * window + offsets_x]


def _load_torch(path: Path) -> object:
    try:
        with warnings.catch_warnings():  # of a pickle that is odd: what it holds is checked
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a broken pickle can raise anything
        raise _foreign(path, "a file that torch cannot load as plain weights") from error


def _load_safetensors(path: Path) -> object:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path, device="cpu")
    except SafetensorError as error:
        raise _foreign(path, f"a broken safetensors file ({error})") from error


def _state_dict(content: object, path: Path) -> dict[str, Tensor]:
    """Check that what a file holds is a mapping of names to tensors."""
    if not isinstance(content, Mapping):
        raise _foreign(path, f"a pickled {type(content).__name__}")
    if not content:
        raise _foreign(path, "an empty dict")
    strangers = [str(name) for name, value in content.items() if not isinstance(value, Tensor)]
    if strangers:
        raise _foreign(path, f"a dict with {_some(strangers)}, which are no tensors")
    return {str(name): value for name, value in content.items()}


def _checked(state: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Check that all three parts of SAM are there, nothing else is, and the encoder is known."""
    strangers = [name for name in state if not name.startswith(PREFIXES)]
    if strangers:
        raise _foreign(path, f"the weights {_some(strangers)}")
    absent = [prefix for prefix in PREFIXES if not any(name.startswith(prefix) for name in state)]
    if absent:
        raise _foreign(path, f"no weights named {', '.join(f'{prefix}*' for prefix in absent)}")
    try:
        detect_architecture(state)
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from error
    return state


def _some(names: Sequence[str], limit: int = 3) -> str:
    """Name a few of many."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return (", ".join(names[:limit]) + more) or "nothing"


def _foreign(path: Path, got: str) -> WeightsError:
    return WeightsError(str(path), got=got, expected=_EXPECTED, remedy=_REMEDY)


def _check_readable(path: Path) -> None:
    """Open a file for a moment, because the libraries' own errors do not tell why they cannot."""
    try:
        path.open("rb").close()
    except OSError as error:
        raise _foreign(path, error.strerror or "an unreadable file") from error
