"""Recall masks from remembered frames: dense propagation of soft masks in feature space.

Every cell of the new frame asks for its most similar remembered cells and takes the mean of their
masks. All objects and the background travel as channels of one mask tensor, so that the affinity,
which is what costs, is shared between them. Recent frames are searched within a window round the
cell, a reference everywhere; only tiles of the grid in which an object can be are computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F

_TILE = 8  # cells on a side: takes 0.7 of the time that tiles of 16 take
_WINDOW = 16  # cells on each side that recent frames are searched in: 128 input pixels at stride 8
_NEIGHBOURS = 6  # remembered cells that each cell listens to
_TEMPERATURE = 0.05  # of the softmax over their cosine similarities
_NEAR = 8  # cells round the reference objects that are all kept; of the rest every fourth, each way
_TRUTH_BONUS = 0.05  # of similarity to true masks: e times the weight; holds drift back
_WITNESSES = 256  # cells of a mask that are enough to recognise it by
_FRINGE = 0.1  # of a cell: less of an object is not the object
_FLAG = 4.0  # of a cell inside the picture: above any difference of cosine similarities


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A remembered frame: ``features`` (h, w, D) normalised; ``masks`` (h, w, 1 + N).

    Channel 0 of the soft masks is the background; the channels of a cell sum to 1.
    """

    features: torch.Tensor
    masks: torch.Tensor


@dataclass(frozen=True, slots=True)
class Reference:
    """A frame with true masks, and the cells kept of it to search: (M, D) and (M, 1 + N)."""

    features: torch.Tensor
    masks: torch.Tensor
    frame: Snapshot


def match_features(features: torch.Tensor, fine: torch.Tensor | None) -> torch.Tensor:
    """Join the encoder's layers into one normalised feature a cell.

    ``features`` is (1, C, h, w); ``fine`` (1, C', 2h, 2w), which sets the grid, or None. Returns
    (2h, 2w, C + C') or (h, w, C) float32.
    """
    layers = [features] if fine is None else [features, fine]
    height, width = layers[-1].shape[-2:]
    at_grid = [
        F.interpolate(layer.float(), (height, width), mode="bilinear", align_corners=False)
        for layer in layers
    ]
    joined = torch.cat([F.normalize(layer, dim=1) for layer in at_grid], dim=1)
    cells = joined[0].permute(1, 2, 0).contiguous()  # (rows, columns, C + C')
    return F.normalize(cells, dim=-1)


def main_directions(features: torch.Tensor, count: int) -> torch.Tensor:
    """Find the (C, count) orthonormal directions that hold most of (h, w, C) features.

    Projected features keep their inner products, at a fraction of the affinity's price.
    """
    cells = features.flatten(0, 1)
    directions: torch.Tensor = torch.linalg.eigh(cells.T @ cells).eigenvectors
    return directions[:, -count:].contiguous()


def make_reference(snapshot: Snapshot) -> Reference:
    """Keep all cells near the objects of a frame with true masks, and a sixteenth of the rest."""
    objects = (snapshot.masks[..., 0] < 1).float()  # (h, w)
    kept = F.max_pool2d(objects[None], 2 * _NEAR + 1, stride=1, padding=_NEAR)[0] > 0
    kept[::4, ::4] = True
    return Reference(snapshot.features[kept], snapshot.masks[kept], snapshot)


def widen(reference: Reference, added: int) -> Reference:
    """Give a reference's masks room for more objects, which are nowhere in them."""
    masks = F.pad(reference.masks, (0, added))
    return replace(reference, masks=masks, frame=pad_objects(reference.frame, added))


def pad_objects(snapshot: Snapshot, added: int) -> Snapshot:
    """Give a remembered frame's masks room for more objects, which are nowhere in them."""
    return replace(snapshot, masks=F.pad(snapshot.masks, (0, added)))


def recognised(query: torch.Tensor, cells: torch.Tensor, frame: Snapshot, channel: int) -> float:
    """Tell which share of some cells a frame with true masks takes for the object of ``channel``.

    ``query`` is (h, w, D), ``cells`` (h, w) bool. A cell is taken for the object if the most
    similar cell of the whole frame lies on it: a piece of background, or a look-alike that the
    frame shows too, finds itself there. Returns a share in [0, 1], 0 for no cells.
    """
    chosen = query[cells]  # (n, D)
    chosen = chosen[:: -(-len(chosen) // _WITNESSES) or 1]
    truth = frame.masks[..., channel].flatten()
    own = truth >= min(0.5, float(truth.max()))
    if not len(chosen) or not own.any():
        return 0.0
    similarity = chosen @ frame.features.flatten(0, 1).T  # (n, cells of the frame)
    others = similarity[:, truth < _FRINGE]
    if not others.shape[1]:
        return 1.0
    return float((similarity[:, own].amax(1) > others.amax(1)).float().mean())


def tiles_near(cells: torch.Tensor, *, reach: int) -> torch.Tensor:
    """Mark the tiles within ``reach`` cells of any marked cell; (h, w) bool to (R, Q) bool."""
    grown = F.max_pool2d(cells[None].float(), 2 * reach + 1, stride=1, padding=reach)
    height, width = cells.shape
    padded = F.pad(grown, (0, -width % _TILE, 0, -height % _TILE))
    marked: torch.Tensor = F.max_pool2d(padded, _TILE)[0] > 0
    return marked


def recall(
    query: torch.Tensor,
    references: Sequence[Reference],
    recent: Sequence[Snapshot],
    tiles: torch.Tensor,
) -> torch.Tensor:
    """Recall the soft masks of a frame with features ``query``, (h, w, D).

    ``tiles`` from `tiles_near` are computed, all others are background. Returns (h, w, 1 + N),
    summing to 1 in every cell.
    """
    height, width = query.shape[:2]
    channels = references[0].masks.shape[-1]
    answer = query.new_zeros((*tiles.shape, _TILE * _TILE, channels))
    answer[..., 0] = 1
    if tiles.any():
        cells = _tiled(query, tiles, halo=0)  # (T, P, D)
        found = [_search_reference(cells, reference) for reference in references]
        unreachable = _unreachable(cells)
        found += [_search_window(cells, snapshot, tiles, unreachable) for snapshot in recent]
        similarity = torch.cat([part[0] for part in found], dim=-1)  # (T, P, all)
        masks = torch.cat([part[1] for part in found], dim=-2)  # (T, P, all, 1 + N)
        best, index = similarity.topk(_NEIGHBOURS, dim=-1)
        weights = (best / _TEMPERATURE).softmax(-1)
        chosen = masks.gather(2, index[..., None].expand(-1, -1, -1, channels))
        answer[tiles] = (weights[..., None] * chosen).sum(-2)
    rows, columns = tiles.shape
    grid = answer.reshape(rows, columns, _TILE, _TILE, channels).transpose(1, 2)
    # (rows, _TILE, columns, _TILE, 1 + N) -> (h, w, 1 + N)
    return grid.reshape(rows * _TILE, columns * _TILE, channels)[:height, :width]


def _search_reference(
    cells: torch.Tensor, reference: Reference
) -> tuple[torch.Tensor, torch.Tensor]:
    """Find the best cells of a reference: similarities (T, P, k), masks (T, P, k, 1 + N)."""
    affinity = cells.flatten(0, 1) @ reference.features.T + _TRUTH_BONUS  # (T * P, M)
    best, index = affinity.topk(min(_NEIGHBOURS, affinity.shape[1]), dim=-1)
    shape = (*cells.shape[:2], best.shape[-1])
    return best.reshape(shape), reference.masks[index].reshape(*shape, -1)


def _search_window(
    cells: torch.Tensor, snapshot: Snapshot, tiles: torch.Tensor, unreachable: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Find the best cells round each cell's place: as `_search_reference`.

    What lies outside the picture has features of 0; a flag of 1 beside the features of each cell
    inside, worth more than any similarity, keeps it from being chosen.
    """
    inside = F.pad(snapshot.features, (0, 1), value=1)
    keys = _tiled(inside, tiles, halo=_WINDOW)  # (T, M, D + 1)
    masks = _tiled(snapshot.masks, tiles, halo=_WINDOW)  # (T, M, 1 + N)
    flagged = F.pad(cells, (0, 1), value=_FLAG)  # (T, P, D + 1)
    affinity = torch.baddbmm(unreachable, flagged, keys.transpose(1, 2))
    best, index = affinity.topk(_NEIGHBOURS, dim=-1)
    flat = index.flatten(1)[..., None].expand(-1, -1, masks.shape[-1])  # (T, P * k, 1 + N)
    return best - _FLAG, masks.gather(1, flat).reshape(*index.shape, -1)


def _tiled(grid: torch.Tensor, tiles: torch.Tensor, *, halo: int) -> torch.Tensor:
    """Cut the marked tiles and a halo out of (h, w, C); returns (T, side * side, C)."""
    height, width = grid.shape[:2]
    padded = F.pad(grid, (0, 0, halo, halo + -width % _TILE, halo, halo + -height % _TILE))
    side = _TILE + 2 * halo
    windows = padded.unfold(0, side, _TILE).unfold(1, side, _TILE)  # (R, Q, C, side, side)
    return windows.permute(0, 1, 3, 4, 2)[tiles].flatten(1, 2)


def _unreachable(cells: torch.Tensor) -> torch.Tensor:
    """Penalise the cells of a tile's window that each of its cells may not look at, (1, P, M)."""
    side = _TILE + 2 * _WINDOW
    here = torch.arange(_TILE, device=cells.device) + _WINDOW
    there = torch.arange(side, device=cells.device)
    near = (here[:, None] - there).abs() <= _WINDOW  # (_TILE, side)
    local = near[:, None, :, None] & near[None, :, None, :]  # (_TILE, _TILE, side, side)
    return (~local).reshape(1, _TILE * _TILE, side * side).to(cells) * -2 * _FLAG
