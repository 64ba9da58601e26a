"""Fit the scale weights of PerSAM-F: two numbers per object, on logits decoded once.

The network is frozen, so the three masks that the loss compares with the reference are the same in
every step. They are decoded once; what is left are a few hundred steps on two numbers, with the
loss's gradient written out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

_FOCAL_ALPHA = 0.25
_SATURATED_LOGIT = (
    -12.0
)  # sigmoid(-12) is 6e-6: such a pixel's gradient changes no weight's 4th digit

_Pixels = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FitSchedule:
    """AdamW with cosine annealing over ``steps``, as the paper and the upstream code use it."""

    steps: int
    rate: float
    weight_decay: float = 0.01
    epsilon: float = 1e-4


def fit_scale_weights(
    logits: torch.Tensor, mask: torch.Tensor, *, schedule: FitSchedule
) -> torch.Tensor:
    """Fit [w1, w2, w3] with w1 = 1 - w2 - w3 so that their mix of masks matches the reference.

    ``logits`` is (3, ...) float, SAM's three scales on the reference frame; ``mask`` the reference,
    bool of the same trailing shape. Minimises Dice (+1 smoothing) + sigmoid focal loss (alpha
    0.25, gamma 2, mean over pixels) from 1/3 each by AdamW. Returns (3,) float32 on the CPU.
    Source: PerSAM section 3.3 and the upstream code.
    """
    inside = mask.flatten().bool()
    flat = logits.detach().flatten(1).float()
    # Wrongness: logits, positive where a pixel is on the wrong side; their sigmoid is the error u.
    wrong = torch.where(inside, -flat, flat)
    unsaturated = wrong.amax(0) > _SATURATED_LOGIT  # the others have no gradient
    problem = _Problem(
        foreground=wrong[:, unsaturated & inside].cpu().numpy(),
        background=wrong[:, unsaturated & ~inside].cpu().numpy(),
        foreground_count=int(inside.sum()),
        pixel_count=inside.numel(),
    )
    return torch.tensor(_adamw(problem, schedule))


@dataclass(frozen=True, slots=True)
class _Problem:
    """The unsaturated pixels of one object; in numpy, where small steps cost least."""

    foreground: _Pixels  # (3, P) wrongness logits
    background: _Pixels  # (3, Q) wrongness logits
    foreground_count: int
    pixel_count: int

    def gradient(self, weights: list[float]) -> _Pixels:
        """Return d loss / d (w1, w2, w3), (3,)."""
        mix = np.array(weights, dtype=np.float32)
        error_fg = _sigmoid(mix @ self.foreground)
        error_bg = _sigmoid(mix @ self.background)
        hit = self.foreground_count - float(error_fg.sum())
        numerator = 2 * hit + 1
        denominator = hit + float(error_bg.sum()) + self.foreground_count + 1
        # Dice = 1 - numerator / denominator, differentiated by the probability of a pixel
        dice_fg = (2 * denominator - numerator) / denominator**2
        dice_bg = numerator / denominator**2
        slope_fg = self._slope(error_fg, dice_fg, _FOCAL_ALPHA)
        slope_bg = self._slope(error_bg, dice_bg, 1 - _FOCAL_ALPHA)
        return np.asarray(self.foreground @ slope_fg + self.background @ slope_bg)

    def _slope(self, error: _Pixels, dice: float, alpha: float) -> _Pixels:
        """Return d loss / d wrongness of each pixel from its error u in [0, 1]."""
        right = 1 - error
        cross_entropy = -np.log(np.maximum(right, np.float32(1e-12)))
        focal = error * error * (2 * right * cross_entropy + error)
        return np.asarray(dice * error * right + (alpha / self.pixel_count) * focal)


def _sigmoid(logits: _Pixels) -> _Pixels:
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -80, 80))))


def _adamw(problem: _Problem, schedule: FitSchedule) -> list[float]:
    """Run AdamW (betas 0.9, 0.999) on (w2, w3); plain numbers, since two need no tensors."""
    free = [1 / 3, 1 / 3]
    mean = [0.0, 0.0]
    square = [0.0, 0.0]
    for step in range(1, schedule.steps + 1):
        slope = problem.gradient([1 - sum(free), *free]).tolist()
        rate = schedule.rate * (1 + math.cos(math.pi * (step - 1) / schedule.steps)) / 2
        for k in range(2):
            gradient = slope[k + 1] - slope[0]  # w1 = 1 - w2 - w3
            mean[k] = 0.9 * mean[k] + 0.1 * gradient
            square[k] = 0.999 * square[k] + 0.001 * gradient * gradient
            deviation = math.sqrt(square[k] / (1 - 0.999**step)) + schedule.epsilon
            free[k] -= rate * schedule.weight_decay * free[k]
            free[k] -= rate * mean[k] / (1 - 0.9**step) / deviation
    return [1 - sum(free), *free]
