"""Dense recall against plain loops, and on grids whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from persam_vos.stages import memory

HEIGHT, WIDTH = 20, 45  # neither is a whole number of tiles


def features(seed: int, size_hw: tuple[int, int] = (HEIGHT, WIDTH)) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(*size_hw, 24, generator=generator), dim=-1)


def shares(seed: int, objects: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(HEIGHT, WIDTH, 1 + objects, generator=generator).softmax(-1)


def everywhere() -> torch.Tensor:
    return memory.tiles_near(torch.ones(HEIGHT, WIDTH, dtype=torch.bool), reach=0)


def plain_recall(
    query: torch.Tensor, reference: memory.Reference, recent: list[memory.Snapshot], window: int
) -> np.ndarray:
    """The definition, cell by cell: the six most similar cells, softmax at 0.05."""
    out = np.zeros((HEIGHT, WIDTH, reference.masks.shape[-1]))
    for y in range(HEIGHT):
        for x in range(WIDTH):
            rows = slice(max(0, y - window), y + window + 1)
            columns = slice(max(0, x - window), x + window + 1)
            keys = [reference.features, *(s.features[rows, columns].flatten(0, 1) for s in recent)]
            masks = [reference.masks, *(s.masks[rows, columns].flatten(0, 1) for s in recent)]
            similarity = (torch.cat(keys) @ query[y, x]).double().numpy()
            similarity[: len(reference.features)] += 0.05  # true masks count e times
            best = np.argsort(-similarity)[:6]
            weights = np.exp((similarity[best] - similarity[best[0]]) / 0.05)
            out[y, x] = weights / weights.sum() @ torch.cat(masks).double().numpy()[best]
    return out


@pytest.mark.parametrize("recent_frames", [0, 1, 3])
def test_recall_is_its_definition(recent_frames: int) -> None:
    query = features(0)
    reference = memory.make_reference(memory.Snapshot(features(1), shares(2)))
    recent = [memory.Snapshot(features(3 + k), shares(9 + k)) for k in range(recent_frames)]
    got = memory.recall(query, [reference], recent, everywhere())
    np.testing.assert_allclose(got, plain_recall(query, reference, recent, 16), atol=1e-5)
    np.testing.assert_allclose(got.sum(-1), 1, atol=1e-5)


def test_an_unchanged_frame_recalls_its_own_masks() -> None:
    seen = memory.Snapshot(features(0), F.one_hot((shares(1)).argmax(-1), 3).float())
    got = memory.recall(seen.features, [memory.make_reference(seen)], [seen], everywhere())
    assert torch.equal(got.argmax(-1), seen.masks.argmax(-1))


def test_tiles_that_are_not_searched_are_background() -> None:
    seen = memory.Snapshot(features(0), shares(1))
    spot = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    spot[2, 3] = True
    tiles = memory.tiles_near(spot, reach=0)
    assert int(tiles.sum()) == 1
    got = memory.recall(seen.features, [memory.make_reference(seen)], [seen], tiles)
    assert torch.equal(got[8:, :, 0], torch.ones(HEIGHT - 8, WIDTH))
    assert torch.equal(got[:, 8:, 0], torch.ones(HEIGHT, WIDTH - 8))
    assert float(got[:8, :8, 1:].sum()) > 0


def test_no_tile_at_all_is_all_background() -> None:
    seen = memory.Snapshot(features(0), shares(1))
    none = torch.zeros_like(everywhere())
    got = memory.recall(seen.features, [memory.make_reference(seen)], [seen], none)
    assert got.shape == (HEIGHT, WIDTH, 3)
    assert torch.equal(got[..., 0], torch.ones(HEIGHT, WIDTH))
    assert not got[..., 1:].any()


@pytest.mark.parametrize(("reach", "tiles"), [(0, 1), (4, 4), (8, 9)])
def test_reach_grows_the_searched_tiles(reach: int, tiles: int) -> None:
    spot = torch.zeros(64, 64, dtype=torch.bool)
    spot[28, 28] = True
    assert int(memory.tiles_near(spot, reach=reach).sum()) == tiles


def test_a_reference_keeps_every_cell_near_its_objects() -> None:
    masks = torch.zeros(64, 64, 2)
    masks[..., 0] = 1
    masks[30, 30] = torch.tensor([0.0, 1.0])
    kept = memory.make_reference(memory.Snapshot(features(0, (64, 64)), masks))
    near, rest = 17 * 17, 16 * 16 - 4 * 4
    assert len(kept.features) == len(kept.masks) == near + rest
    assert float(kept.masks[:, 1].sum()) == 1


def test_main_directions_keep_inner_products_of_features_that_span_few() -> None:
    generator = torch.Generator().manual_seed(0)
    few = torch.randn(6, 24, generator=generator)
    grid = F.normalize(torch.randn(8, 8, 6, generator=generator) @ few, dim=-1)
    reduced = grid @ memory.main_directions(grid, 6)
    assert reduced.shape == (8, 8, 6)
    flat, small = grid.flatten(0, 1), reduced.flatten(0, 1)
    torch.testing.assert_close(small @ small.T, flat @ flat.T, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("fine_channels", "shape"), [(None, (36, 64, 8)), (4, (72, 128, 12))], ids=["neck", "both"]
)
def test_match_features_cover_the_picture_on_the_finest_grid(
    fine_channels: int | None, shape: tuple[int, int, int]
) -> None:
    generator = torch.Generator().manual_seed(0)
    neck = torch.randn(1, 8, 36, 64, generator=generator)
    fine = torch.randn(1, fine_channels, 72, 128, generator=generator) if fine_channels else None
    got = memory.match_features(neck, fine)
    assert got.shape == shape
    torch.testing.assert_close(got.norm(dim=-1), torch.ones(shape[:2]))


def test_cells_are_recognised_by_what_they_resemble_on_the_whole_frame() -> None:
    masks = torch.zeros(HEIGHT, WIDTH, 3)
    masks[..., 0] = 1
    masks[2:6, 3:9] = torch.tensor([0.0, 1.0, 0.0])
    masks[10:14, 30:36] = torch.tensor([0.0, 0.0, 1.0])
    frame = memory.Snapshot(features(0), masks)
    moved = features(0).roll((5, 11), (0, 1))
    found = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    found[7:11, 14:20] = True  # where the first object went
    assert memory.recognised(moved, found, frame, 1) == 1
    assert memory.recognised(moved, found, frame, 2) == 0
    half = found.clone()
    half[7:11, 8:14] = True  # as much background
    assert memory.recognised(moved, half, frame, 1) == 0.5
    assert memory.recognised(moved, torch.zeros_like(found), frame, 1) == 0


def test_an_object_smaller_than_a_cell_is_recognised() -> None:
    masks = torch.zeros(HEIGHT, WIDTH, 2)
    masks[..., 0] = 1
    masks[4, 4] = torch.tensor([0.8, 0.2])
    frame = memory.Snapshot(features(0), masks)
    assert memory.recognised(frame.features, masks[..., 1] > 0, frame, 1) == 1


def test_a_widened_reference_has_the_new_objects_nowhere() -> None:
    reference = memory.make_reference(memory.Snapshot(features(0), shares(1)))
    wide = memory.widen(reference, 2)
    assert wide.masks.shape[-1] == wide.frame.masks.shape[-1] == 5
    assert not wide.frame.masks[..., 3:].any()
    assert torch.equal(wide.masks[:, :3], reference.masks)
