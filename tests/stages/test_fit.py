"""The written-out gradient against autograd on every pixel, step by step."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
import torch.nn.functional as F

from persam_vos.stages.fit import FitSchedule, fit_scale_weights

PAPER = FitSchedule(steps=1000, rate=1e-3)
PUBLIC_VIDEO = FitSchedule(steps=800, rate=4e-4)
SIZE_HW = (48, 64)


def discs(radius: float, *radii: float, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """A disc as truth, and logits of discs of other radii with noise, (3, H, W)."""
    rows, columns = torch.meshgrid(*(torch.arange(n) for n in SIZE_HW), indexing="ij")
    distance = ((rows - 24) ** 2 + (columns - 30) ** 2).sqrt()
    noise = torch.randn(len(radii), *SIZE_HW, generator=torch.Generator().manual_seed(seed))
    logits = torch.stack([(r - distance).clamp(-25, 12) for r in radii]) + noise
    return logits, distance < radius


def by_autograd(
    problems: Sequence[tuple[torch.Tensor, torch.Tensor]], schedule: FitSchedule
) -> list[list[float]]:
    """What the upstream code does: torch's AdamW and cosine schedule, on all pixels.

    AdamW treats every number alone, so all problems run as one batch.
    """
    logits = torch.stack([given.flatten(1) for given, _ in problems])  # (B, 3, P)
    truth = torch.stack([mask.flatten() for _, mask in problems]).float()  # (B, P)
    free = torch.full((len(problems), 2), 1 / 3, requires_grad=True)
    optimizer = torch.optim.AdamW([free], lr=schedule.rate, eps=1e-4, weight_decay=0.01)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, schedule.steps)
    for _ in range(schedule.steps):
        weights = torch.cat([1 - free.sum(1, keepdim=True), free], dim=1)
        mix = (weights[:, None] @ logits)[:, 0]
        p = mix.sigmoid()
        dice = 1 - (2 * (p * truth).sum(1) + 1) / (p.sum(1) + truth.sum(1) + 1)
        cross_entropy = F.binary_cross_entropy_with_logits(mix, truth, reduction="none")
        p_true = p * truth + (1 - p) * (1 - truth)
        alpha = 0.25 * truth + 0.75 * (1 - truth)
        focal = (alpha * (1 - p_true) ** 2 * cross_entropy).mean(1)
        optimizer.zero_grad()
        torch.autograd.backward((dice + focal).sum())
        optimizer.step()
        cosine.step()
    return torch.cat([1 - free.sum(1, keepdim=True), free], dim=1).tolist()


CASES = {
    "smallest scale is right": discs(6, 6, 12, 20),
    "largest scale is right": discs(19, 5, 10, 19, seed=1),
    "no scale is right": discs(9, 3, 14, 25, seed=2),
    "truth of a few pixels": discs(1.5, 1.5, 8, 22, seed=3),
    "truth is the whole picture": discs(1000, 8, 20, 60, seed=4),
    "no truth at all": discs(-1, 4, 8, 16, seed=5),
    "far background": (
        F.pad(discs(2, 2, 8, 20)[0][:, 14:34, 20:40], (24, 20, 20, 8), value=-15.0),
        F.pad(discs(2, 2, 8, 20)[1][14:34, 20:40], (24, 20, 20, 8)),
    ),
}
SCHEDULES = {"paper": PAPER, "public": PUBLIC_VIDEO}


@pytest.fixture(scope="module")
def truth() -> dict[tuple[str, str], list[float]]:
    """The weights that autograd fits, by schedule and case."""
    return {
        (schedule, case): weights
        for schedule in SCHEDULES
        for case, weights in zip(
            CASES, by_autograd(list(CASES.values()), SCHEDULES[schedule]), strict=True
        )
    }


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("case", CASES)
def test_weights_equal_autograd_on_full_logits(
    truth: dict[tuple[str, str], list[float]], case: str, schedule: str
) -> None:
    fitted = fit_scale_weights(*CASES[case], schedule=SCHEDULES[schedule])
    assert fitted.tolist() == pytest.approx(truth[schedule, case], abs=1e-3)


def test_weights_sum_to_one_and_start_as_thirds() -> None:
    logits, mask = CASES["smallest scale is right"]
    assert float(fit_scale_weights(logits, mask, schedule=PAPER).sum()) == pytest.approx(1)
    unfitted = fit_scale_weights(logits, mask, schedule=FitSchedule(steps=0, rate=1e-3))
    assert unfitted.tolist() == pytest.approx([1 / 3] * 3)


def test_the_right_scale_gains() -> None:
    logits, mask = CASES["largest scale is right"]
    fitted = fit_scale_weights(logits, mask, schedule=PAPER)
    assert int(fitted.argmax()) == 2


def test_extreme_logits_do_not_overflow() -> None:
    logits, mask = CASES["no scale is right"]
    fitted = fit_scale_weights(logits * 1e4, mask, schedule=PUBLIC_VIDEO)
    assert torch.isfinite(fitted).all()
