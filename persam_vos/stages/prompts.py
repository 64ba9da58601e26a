"""Turn evidence into prompts: points, boxes and attention guides, in encoder input pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from ..geometry import depth_of

POSITIVE, NEGATIVE, ABSENT = 1, 0, -2

_OBJECTS_AT_ONCE = 8  # whose distances are compared together: 40 MB each

Token = tuple[float, float, int]
"""One sparse prompt: x, y in encoder input pixels, and SAM's label."""
BoxXyxy = tuple[float, float, float, float]


def location_prior(
    similarities: torch.Tensor, *, stride: int, input_hw: tuple[int, int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Find the most and the least similar cell of each object (eq. 7).

    ``similarities`` is (N, h, w); cells whose centre lies in the padding are left out. Returns
    the cells' centres, positive and negative, each (N, 2) float xy in input pixels.
    """
    count, height, width = similarities.shape
    # Cell i has its centre in the picture if (i + 1/2) * stride < extent.
    rows, columns = (
        max(1, min(cells, (2 * extent + stride - 1) // (2 * stride)))
        for cells, extent in zip((height, width), input_hw, strict=True)
    )
    inside = similarities[:, :rows, :columns].reshape(count, rows * columns)
    cells = torch.stack([inside.argmax(1), inside.argmin(1)])  # (2, N)
    centres = torch.stack([cells % columns, cells // columns], dim=-1) * stride + stride / 2
    return centres[0].float(), centres[1].float()


def attention_guide(similarities: torch.Tensor, *, weight: float) -> torch.Tensor:
    """Make the guide of target-guided attention (eq. 8): ``weight`` * softmax(S) over the cells.

    ``similarities`` is (N, h, w) on the padded grid; returns (N, h * w).
    """
    return weight * similarities.flatten(1).softmax(1)


def box_of(mask: npt.NDArray[np.bool_]) -> tuple[int, int, int, int] | None:
    """Return the tight box (x0, y0, x1, y1), inclusive, of a (H, W) mask; None if it is empty."""
    columns = np.flatnonzero(mask.any(axis=0))
    if columns.size == 0:
        return None
    rows = np.flatnonzero(mask.any(axis=1))
    return int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])


def grow_box(box: BoxXyxy, *, margin: float, size_hw: tuple[int, int]) -> BoxXyxy:
    """Grow a box by ``margin`` pixels on every side, inside a picture of ``size_hw``."""
    x0, y0, x1, y1 = box
    return (
        max(0.0, x0 - margin),
        max(0.0, y0 - margin),
        min(float(size_hw[1]), x1 + margin),
        min(float(size_hw[0]), y1 + margin),
    )


def inner_point(mask: npt.NDArray[np.bool_]) -> tuple[float, float] | None:
    """Return the xy of the mask pixel farthest from its outside; None if the mask is empty.

    Unlike the centre of the box, it is never background. Pixels outside the picture count as
    outside.
    """
    box = box_of(mask)
    if box is None:
        return None
    x0, y0, x1, y1 = box
    depth = depth_of(mask[y0 : y1 + 1, x0 : x1 + 1])
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return float(x0 + x), float(y0 + y)


def inner_points(masks: torch.Tensor) -> torch.Tensor:
    """Return what `inner_point` does for (N, h, w) masks, (N, 2) float xy, staying on the device.

    The exact distance transform, along one axis and then the other (Felzenszwalb and Huttenlocher,
    2012, eq. 3), without their envelope: a GPU compares all pairs within reach sooner. Memory is
    bounded. For an empty mask it is the first pixel.
    """
    height, width = masks.shape[1:]
    reach = (min(height, width) + 1) // 2  # no pixel is farther from the outside
    outside = F.pad(~masks, (reach, reach, reach, reach), value=True)
    steps = torch.arange(-reach, reach + 1, device=masks.device, dtype=torch.float32)
    far = float(2 * reach**2)
    points = []
    for some in torch.split(outside, _OBJECTS_AT_ONCE):
        columns = some.unfold(1, 2 * reach + 1, 1)  # (n, h, w + 2 reach, 2 reach + 1)
        squared = torch.where(columns, steps.square(), far).amin(-1)
        rows = squared.unfold(2, 2 * reach + 1, 1)  # (n, h, w, 2 reach + 1)
        deepest = (rows + steps.square()).amin(-1).flatten(1).argmax(1)
        points.append(torch.stack([deepest % width, deepest // width], dim=1))
    return torch.cat(points).float()


def stack_tokens(
    tokens: Sequence[Sequence[Token]], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Batch the tokens of N objects; shorter lists end in ABSENT tokens, which are masked out.

    Returns points (N, P, 2) float32 xy and labels (N, P) int64.
    """
    longest = max((len(row) for row in tokens), default=0)
    padding: Token = (0.0, 0.0, ABSENT)
    table = torch.tensor(
        [[*row, *[padding] * (longest - len(row))] for row in tokens], dtype=torch.float32
    ).reshape(len(tokens), longest, 3)
    table = table.to(device, non_blocking=True)
    return table[..., :2].contiguous(), table[..., 2].long()
