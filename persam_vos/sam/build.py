"""Build SAM networks: a table of architectures and plain functions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..config import IMAGE_SIZE_RANGE
from ..errors import WeightsError
from ..geometry import IMAGE_SIZE
from ..structures import MaskCandidates, Prompts
from .decoder import decode, grid_positions
from .modules import MaskDecoder, PromptEncoder, ViT
from .tiny_vit import TinyViT
from .vendor import load_modeling
from .vit import encode_part

_GRID = IMAGE_SIZE // 16
_WIDTH = 256  # channels of the features and of all tokens


@dataclass(frozen=True, slots=True)
class _ViT:
    width: int
    depth: int
    heads: int
    global_blocks: tuple[int, ...]


ARCHITECTURES: Mapping[str, _ViT | None] = {
    "vit_t": None,  # TinyViT, which has one size
    "vit_b": _ViT(768, 12, 12, (2, 5, 8, 11)),
    "vit_l": _ViT(1024, 24, 16, (5, 11, 17, 23)),
    "vit_h": _ViT(1280, 32, 16, (7, 15, 23, 31)),
}


class SamNetwork(nn.Module):
    """A SAM network for inference: made by `build_sam`, moved by ``.to(device)``."""

    image_size = IMAGE_SIZE
    architecture = ""
    """Of the image encoder, as `ARCHITECTURES` names it."""
    prompt_encoder: PromptEncoder
    mask_decoder: MaskDecoder
    positions: Tensor

    def __init__(
        self, image_encoder: nn.Module, prompt_encoder: PromptEncoder, mask_decoder: MaskDecoder
    ) -> None:
        super().__init__()
        self.image_encoder = image_encoder
        self.prompt_encoder = prompt_encoder
        self.mask_decoder = mask_decoder
        positions = grid_positions(prompt_encoder, (_GRID, _GRID))
        self.register_buffer("positions", positions, persistent=False)

    @property
    def largest_image(self) -> int:
        """Long side of the largest picture that can be encoded: TinyViT has no bound of its own."""
        return IMAGE_SIZE_RANGE[1] if isinstance(self.image_encoder, TinyViT) else IMAGE_SIZE

    def encode(self, images: Tensor) -> Tensor:
        """Encode images, (B, 3, 1024, 1024) from ``normalise_and_pad``, to (B, 256, 64, 64)."""
        images = images.to(next(self.image_encoder.parameters()).dtype)
        features: Tensor = self.image_encoder(images)
        return features

    def encode_layers(self, images: Tensor) -> tuple[Tensor, ...]:
        """Encode the top left of the square, and give earlier layers' outputs too.

        ``images`` is (B, 3, H, W), both sides multiples of 16. Returns features, (B, 256, H/16,
        W/16), and the outputs of TinyViT's second and first stage, (B, 128, H/8, W/8) and (B, 64,
        H/4, W/4); features alone for other encoders, which have none of those resolutions. Only the
        given part is computed, in the precision of the weights.
        """
        images = images.to(next(self.image_encoder.parameters()).dtype)
        if isinstance(self.image_encoder, TinyViT):
            features, stages = self.image_encoder.forward_stages(images)
            return features, stages[1], stages[0]
        return (encode_part(cast(ViT, self.image_encoder), images),)

    def grid_positions(self, grid_hw: tuple[int, int]) -> Tensor:
        """Return the positions of the cells at the top left of SAM's grid, (1, 256, h, w)."""
        height, width = grid_hw
        positions = self.positions[..., :height, :width]
        if positions.shape[-2:] != grid_hw:  # a picture larger than the square
            return grid_positions(self.prompt_encoder, grid_hw)
        return positions

    def decode(
        self, features: Tensor, prompts: Prompts, positions: Tensor | None = None
    ) -> MaskCandidates:
        """Decode all objects of one frame in one batch; see `persam_vos.sam.decoder.decode`."""
        height, width = features.shape[-2:]
        if positions is None:
            positions = self.grid_positions((height, width))
        return decode(
            self.prompt_encoder, self.mask_decoder, features, prompts, positions=positions
        )


def build_sam(
    architecture: str, state: Mapping[str, Tensor], *, source: str = "weights"
) -> SamNetwork:
    """Build a network around a canonical state dict (see ``weights.formats``).

    ``source`` names the weights in errors. The network is in evaluation mode, without gradients,
    and shares the memory of ``state`` where the layout allows. Raises WeightsError for an unknown
    architecture, and for missing, unexpected and misshapen weights, by name.
    """
    if architecture not in ARCHITECTURES:
        raise WeightsError(
            source, got=f"architecture {architecture!r}", expected=" or ".join(ARCHITECTURES)
        )
    network = _make_network(architecture, torch.device("meta"))
    _check_state(network.state_dict(), state, architecture, source)
    network.load_state_dict(dict(state), assign=True)
    network.positions = grid_positions(network.prompt_encoder, (_GRID, _GRID))
    network.architecture = architecture
    for module in network.image_encoder.modules():
        if isinstance(module, nn.Conv2d):  # how convolutions are fastest, on CPUs and GPUs
            module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last)
    return network.eval().requires_grad_(False)


def keep_in(network: SamNetwork, dtype: torch.dtype) -> SamNetwork:
    """Convert the weights to the precision of the computation, in place; returns the network.

    Except for the position encoding, which needs float32.
    """
    positions, points = network.positions, network.prompt_encoder.pe_layer
    matrix = points.positional_encoding_gaussian_matrix
    network.to(dtype)
    network.positions, points.positional_encoding_gaussian_matrix = positions, matrix
    return network


def random_state(architecture: str, seed: int) -> dict[str, Tensor]:
    """Make random weights, for tests and benchmarks of networks whose weights are not at hand.

    The same seed gives the same weights; torch's global generator is left as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return dict(_make_network(architecture, torch.device("cpu")).state_dict())


def _make_network(architecture: str, device: torch.device) -> SamNetwork:
    """Make the three parts, as ``segment_anything.build_sam`` does.

    On the device "meta" nothing of the large two is allocated, or filled in vain. The small one is
    made on the CPU.
    """
    modeling = load_modeling()
    prompt_encoder = modeling.PromptEncoder(
        embed_dim=_WIDTH,
        image_embedding_size=(_GRID, _GRID),
        input_image_size=(IMAGE_SIZE, IMAGE_SIZE),
        mask_in_chans=16,
    )
    with device, _Unfilled() if device.type == "meta" else nullcontext():
        mask_decoder = modeling.MaskDecoder(
            num_multimask_outputs=3,
            transformer=modeling.TwoWayTransformer(
                depth=2, embedding_dim=_WIDTH, mlp_dim=2048, num_heads=8
            ),
            transformer_dim=_WIDTH,
            iou_head_depth=3,
            iou_head_hidden_dim=256,
        )
        image_encoder = _make_image_encoder(modeling, ARCHITECTURES[architecture])
    return SamNetwork(image_encoder, prompt_encoder, mask_decoder)


class _Unfilled(TorchFunctionMode):
    """Do not draw random numbers for weights: on "meta", torch would import its compiler for it."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Collection[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__module__", "") == nn.init.__name__:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


def _make_image_encoder(modeling: ModuleType, vit: _ViT | None) -> nn.Module:
    if vit is None:
        return TinyViT()
    encoder: nn.Module = modeling.ImageEncoderViT(
        depth=vit.depth,
        embed_dim=vit.width,
        img_size=IMAGE_SIZE,
        mlp_ratio=4,
        norm_layer=partial(nn.LayerNorm, eps=1e-6),
        num_heads=vit.heads,
        patch_size=16,
        qkv_bias=True,
        use_rel_pos=True,
        global_attn_indexes=vit.global_blocks,
        window_size=14,
        out_chans=_WIDTH,
    )
    return encoder


def _check_state(
    wanted: Mapping[str, Tensor], state: Mapping[str, Tensor], architecture: str, source: str
) -> None:
    misshapen = [
        f"{name} {tuple(state[name].shape)} instead of {tuple(tensor.shape)}"
        for name, tensor in wanted.items()
        if name in state and state[name].shape != tensor.shape
    ]
    problems = [
        f"{len(names)} {kind} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"
        for kind, names in (
            ("missing", [name for name in wanted if name not in state]),
            ("unexpected", [name for name in state if name not in wanted]),
            ("misshapen", misshapen),
        )
        if names
    ]
    if problems:
        raise WeightsError(
            source,
            got="; ".join(problems),
            expected=f"the {len(wanted)} weights of {architecture}",
            remedy="give the published file, or run 'persam-vos weights fetch mobile-sam'",
        )
