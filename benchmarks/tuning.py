"""Other ways to fine-tune SAM's mask decoder in one shot, for the paper's table 5.

Where the paper put its modules is not published. These are ours, of the paper's numbers of
parameters, in the frozen decoder, which is the same in all of SAM's and MobileSAM's networks:

- prompt: 48 learned tokens of width 256, drawn from N(0, 0.02), beside the prompt tokens: 12,288;
- adapter: behind the normalisation after self-attention, MLP and image-side cross-attention of both
  blocks, x + up(relu(down(x))) of 256 -> 64 -> 256 without biases, ``up`` 0 at first: 196,608;
- lora: all linear layers of the two-way transformer, W + B A of rank 14, A from N(0, 1 / rank), B 0
  at first: 293,888.

Adapter and LoRA begin as the untouched decoder, bit for bit; prompt tokens cannot.
"""

from __future__ import annotations

import copy
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

from persam_vos.sam.build import SamNetwork
from persam_vos.structures import MaskCandidates

Kind = Literal["none", "prompt", "adapter", "lora"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_WIDTH, _TOKENS, _BOTTLENECK, _RANK = 256, 48, 64, 14
_ALPHA, _GAMMA = 0.25, 2.0  # of the focal loss, as for PerSAM-F


class Adapter(nn.Module):
    """A bottleneck beside the identity."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Linear(_WIDTH, _BOTTLENECK, bias=False)
        self.up = nn.Linear(_BOTTLENECK, _WIDTH, bias=False)
        nn.init.zeros_(self.up.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Change (..., 256) tokens or cells a little."""
        out: Tensor = x + self.up(F.relu(self.down(x)))
        return out


class LowRank(nn.Module):
    """What is added to a weight: B A."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        outputs, inputs = weight.shape
        self.a = nn.Parameter(torch.randn(_RANK, inputs) / _RANK)
        self.b = nn.Parameter(torch.zeros(outputs, _RANK))

    def forward(self, weight: Tensor) -> Tensor:
        """Return the changed weight."""
        return weight + self.b @ self.a


class TunedDecoder(nn.Module):
    """SAM's prompt encoder and mask decoder, frozen, with what one kind of tuning adds."""

    def __init__(self, network: SamNetwork, kind: Kind, *, seed: int = 0) -> None:
        super().__init__()
        # Any: segment_anything has no types for what its modules contain.
        self.prompt_encoder: Any = copy.deepcopy(network.prompt_encoder)
        self.mask_decoder: Any = copy.deepcopy(network.mask_decoder)
        self.requires_grad_(False)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.tokens = nn.Parameter(
                0.02 * torch.randn(_TOKENS if kind == "prompt" else 0, _WIDTH)
            )
            if kind == "adapter":
                self._add_adapters()
            elif kind == "lora":
                self._add_low_rank()

    def _add_adapters(self) -> None:
        for block in self.mask_decoder.transformer.layers:
            for name in ("norm1", "norm3", "norm4"):
                setattr(block, name, nn.Sequential(getattr(block, name), Adapter()))

    def _add_low_rank(self) -> None:
        for module in list(self.mask_decoder.transformer.modules()):
            if isinstance(module, nn.Linear):
                parametrize.register_parametrization(module, "weight", LowRank(module.weight))

    @property
    def trainable(self) -> list[nn.Parameter]:
        """The parameters that are tuned."""
        return [one for one in self.parameters() if one.requires_grad and one.numel()]

    def forward(
        self,
        features: Tensor,
        points_xy: Tensor,
        labels: Tensor,
        box_xyxy: Tensor | None = None,
        dense_logits: Tensor | None = None,
    ) -> MaskCandidates:
        """Decode one object: (1, 256, 64, 64) features, (P, 2) points in pixels of the input.

        ``labels`` is (P,), ``box_xyxy`` (4,) or None, ``dense_logits`` (1, 1, 256, 256) or None.
        """
        sparse, dense = self.prompt_encoder(
            points=(points_xy[None], labels[None]),
            boxes=None if box_xyxy is None else box_xyxy[None],
            masks=dense_logits,
        )
        sparse = torch.cat([sparse, self.tokens[None]], dim=1)
        masks, iou = self.mask_decoder.predict_masks(
            image_embeddings=features,
            image_pe=self.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
        )
        return MaskCandidates(masks, iou)


def mask_loss(logits: Tensor, mask: Tensor) -> Tensor:
    """Dice (+1 smoothing) + sigmoid focal loss of logits and a bool mask, as for PerSAM-F."""
    truth, probabilities = mask.flatten().float(), logits.flatten().sigmoid()
    hit = (truth * probabilities).sum()
    dice = 1 - (2 * hit + 1) / (truth.sum() + probabilities.sum() + 1)
    entropy = F.binary_cross_entropy_with_logits(logits.flatten(), truth, reduction="none")
    right = torch.where(truth > 0, probabilities, 1 - probabilities)
    alpha = torch.where(truth > 0, _ALPHA, 1 - _ALPHA)
    return dice + (alpha * (1 - right) ** _GAMMA * entropy).mean()
