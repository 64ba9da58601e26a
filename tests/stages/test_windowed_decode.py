"""Windows round boxes: what the decoder is shown of each object, and where the result lands."""

from __future__ import annotations

import pytest
import torch

from persam_vos.geometry import PATCH
from persam_vos.sam.build import SamNetwork
from persam_vos.stages.windowed_decode import windowed_decode
from persam_vos.structures import MaskCandidates, Prompts

HEIGHT, WIDTH = 36, 64
OUTSIDE = -10.0


class Recorder:
    """Returns the index of every cell it gets, and keeps its inputs."""

    def __init__(self) -> None:
        self.calls: list[tuple[torch.Tensor, Prompts, torch.Tensor]] = []

    def __call__(
        self, features: torch.Tensor, prompts: Prompts, positions: torch.Tensor
    ) -> MaskCandidates:
        self.calls.append((features, prompts, positions))
        shown = features.mean(1, keepdim=True).repeat_interleave(4, 2).repeat_interleave(4, 3)
        return MaskCandidates(
            shown.expand(-1, 4, -1, -1), prompts.points_xy[:, 0, :1].expand(-1, 4)
        )


def numbered() -> torch.Tensor:
    """Features, (1, 8, h, w), of which every cell holds its own number."""
    cells = torch.arange(HEIGHT * WIDTH, dtype=torch.float32).view(HEIGHT, WIDTH)
    return cells.expand(1, 8, -1, -1).contiguous(memory_format=torch.channels_last)


def prompts_for(boxes: torch.Tensor) -> Prompts:
    """Prompts that tell each object's row by its point, and each mask cell by its dense logit."""
    points = torch.arange(len(boxes), dtype=torch.float32)[:, None, None].expand(-1, 1, 2)
    dense = torch.arange(16.0 * HEIGHT * WIDTH).view(1, 1, 4 * HEIGHT, 4 * WIDTH)
    return Prompts(points, torch.ones(len(boxes), 1), dense.expand(len(boxes), -1, -1, -1))


def box(y0: float, x0: float, y1: float, x1: float) -> list[float]:
    """A box in feature cells, as xyxy in input pixels."""
    return [PATCH * side for side in (x0, y0, x1, y1)]


BOXES = torch.tensor(
    [
        box(10, 10, 14, 14),
        box(0, 0, 3, 3),  # at a corner
        box(20, 40, 24, 44),  # as large as the first
        box(0, 0, 36, 64),  # the whole picture
        box(34, 62, 36, 64),
    ]
)


def test_results_land_where_their_windows_lie() -> None:
    decoded = windowed_decode(Recorder(), numbered(), numbered(), prompts_for(BOXES), BOXES)
    own = numbered()[0, 0].repeat_interleave(4, 0).repeat_interleave(4, 1)
    assert decoded.low_res_logits.shape == (5, 4, 4 * HEIGHT, 4 * WIDTH)
    for row, (x0, y0, x1, y1) in enumerate((BOXES / 4).int().tolist()):
        logits = decoded.low_res_logits[row, 2]
        seen = logits != OUTSIDE
        assert torch.equal(logits[seen], own[seen])
        assert bool(seen[y0:y1, x0:x1].all()), "the box is inside"
        assert decoded.predicted_iou[row].tolist() == [row] * 4
    assert bool((decoded.low_res_logits[3] != OUTSIDE).all())
    assert (decoded.low_res_logits[0, 0] != OUTSIDE).sum() == 16 * 16 * 16, "4 + 2 x 4 cells, to 16"


def test_all_inputs_of_an_object_are_of_its_window() -> None:
    recorder = Recorder()
    windowed_decode(recorder, numbered(), numbered(), prompts_for(BOXES), BOXES)
    sizes = [tuple(features.shape[2:]) for features, _, _ in recorder.calls]
    assert len(set(sizes)) == len(sizes), "one call for each size"
    assert sum(len(features) for features, _, _ in recorder.calls) == len(BOXES)
    for features, prompts, positions in recorder.calls:
        assert torch.equal(features, positions)
        assert features.is_contiguous(memory_format=torch.channels_last)
        assert prompts.dense_logits is not None
        corner = prompts.dense_logits[
            :, 0, 0, 0
        ]  # of the mask grid, 4 x 4 cells for each of the features
        first = features[:, 0, 0, 0]
        assert torch.equal(corner, 4 * (first // WIDTH) * 4 * WIDTH + 4 * (first % WIDTH))


@pytest.mark.parametrize("size", [(1, 1), (3, 70), (36, 64)], ids=str)
def test_windows_stay_inside_small_and_odd_pictures(size: tuple[int, int]) -> None:
    height, width = size
    boxes = torch.tensor([box(0, 0, height, width), box(height - 1, width - 1, height, width)])
    features = torch.ones(1, 8, height, width).contiguous(memory_format=torch.channels_last)
    points = torch.zeros(2, 1, 2)
    decoded = windowed_decode(
        Recorder(), features, features, Prompts(points, torch.ones(2, 1)), boxes
    )
    assert bool((decoded.low_res_logits[0] == 1).all())
    assert bool((decoded.low_res_logits[1, :, -4:, -4:] == 1).all())


def test_a_window_of_the_whole_picture_decodes_as_the_picture(mobile_sam: SamNetwork) -> None:
    chance = torch.Generator().manual_seed(0)
    features = torch.randn(1, 256, 20, 30, generator=chance)
    boxes = torch.tensor([box(0, 0, 20, 30), box(4, 5, 16, 28)])  # both windows are everything
    prompts = Prompts(
        boxes.view(2, 2, 2),
        torch.tensor([[2, 3]] * 2),
        3 * torch.randn(2, 1, 80, 120, generator=chance),
    )
    positions = mobile_sam.grid_positions((20, 30))
    whole = mobile_sam.decode(features, prompts)
    windows = windowed_decode(mobile_sam.decode, features, positions, prompts, boxes)
    torch.testing.assert_close(windows.predicted_iou, whole.predicted_iou, rtol=0, atol=1e-4)
    torch.testing.assert_close(windows.low_res_logits, whole.low_res_logits, rtol=0, atol=2e-3)
