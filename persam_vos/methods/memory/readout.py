"""Memory readout: soft masks propagated from remembered frames, densely, in feature space.

Every s16 cell that an object can be in finds its most similar cells in each remembered frame. The
quarters of these are compared with its own quarters at stride 8, and the masks of the best are
averaged by their similarity. Where that is uncertain, at boundaries and thin structures, the same
is done once more at stride 4, round those matches. All objects are channels of one mask tensor, so
that the affinity, which takes the time, is computed once for all of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F

from .candidate_search import CandidateSearch, SpatialPrior, squared_distance
from .features import FrameFeatures, dilated, to_quad_order, to_raster_order
from .look_alikes import Nearness
from .memory_bank import MemoryBank
from .strategy import Strategy

_TOP_K = 8  # s8 cells that each quarter reads from
_TEMPERATURE = 0.05  # of the softmax over their similarities
S4_TEMPERATURE = 0.02  # the same for s4 cells, which read from all in and round those matches
S8_WEIGHT = 0.5  # of the s8 cells' similarity in that of s4 cells
REFERENCE_BONUS = 0.05  # added to similarities with references: e times the weight, less drift
S4_REFERENCE_BONUS = 0.06
_CERTAIN = 0.02  # s8 cells whose probabilities are all this close to 0 or 1 are not refined
_AT_ONCE = 128  # s16 cells matched together on a CPU, and s4 ones in fours: a few MB
_LOST_PROB = 0.1  # of an s8 cell that has some of a lost object
MIN_PROB = 0.01  # of a cell; bounds the log-odds of a readout to +-4.6,
SURE = 4.6  # which is as sure as it can be


@dataclass(frozen=True, slots=True)
class Nearest:
    """The s8 cells of the A recent frames that are most like the quarters of Q s16 cells.

    ``cells`` (Q, 4, A) int64, in quad order, and their ``similarity`` (Q, 4, A). ``best_back``
    (A, 4 h w) is how similar any quarter is to each of those frames' cells, -1 where none was
    compared with it.
    """

    cells: torch.Tensor
    similarity: torch.Tensor
    best_back: torch.Tensor


@dataclass(frozen=True, slots=True)
class Matches:
    """The best remembered s8 cells for the quarters of Q s16 cells.

    ``cells`` (Q,) int64 are the s16 cells. Of each quarter, ``places`` (Q, 4, k) int64 are indices
    into the bank's s8 cells of all rows, flattened: row * 4 h w + cell. ``similarity`` (Q, 4, k)
    includes the spatial prior, but not the bonus of reference frames; ``weights`` (Q, 4, k) sum to
    1. ``uncertain`` (Q, 4) bool tells which quarters are refined. ``nearest`` are the best of each
    recent frame, ``near`` is how near look-alikes are to the frame's cells.
    """

    cells: torch.Tensor
    places: torch.Tensor
    similarity: torch.Tensor
    weights: torch.Tensor
    uncertain: torch.Tensor
    nearest: Nearest
    near: Nearness | None = None

    def decided(self, changed: torch.Tensor) -> Matches:
        """Have the quarters certain in which some of (4h, 4w) bool cells were ``changed``."""
        cells = F.max_pool2d(changed[None].float(), 2)[0]  # at s8
        quarters = to_quad_order(cells.flatten(), (cells.shape[0], cells.shape[1])).view(-1, 4)
        return replace(self, uncertain=self.uncertain & (quarters[self.cells] == 0))


@dataclass(frozen=True, slots=True)
class MemoryReader:
    """Reads masks for a frame from a clip's memory bank; made by `new_reader`."""

    bank: MemoryBank
    search: CandidateSearch
    strategy: Strategy

    def __call__(
        self,
        query: FrameFeatures,
        search_mask: torch.Tensor,
        lost: torch.Tensor | None = None,
        *,
        prior_strength: float = 0.0,
        watched: torch.Tensor | None = None,
        near: Nearness | None = None,
    ) -> tuple[torch.Tensor, Matches | None]:
        """Read the masks of a frame, in log-odds: (N, 4h, 4w) for (h, w) s16 cells.

        Cells outside of ``search_mask``, (h, w) bool, are background, except for objects that are
        ``lost``, (N,) bool, which can be anywhere. ``prior_strength`` times the squared distance
        of s16 cells, in cells, is subtracted from similarities, but not of cells that may show a
        lost object. Also returns the matches, for `refine_readout`; None if no cell resembles an
        object's. Cells that are ``watched``, (h w,) bool, are matched even if they do not.
        What cells show of look-alikes goes to those that are ``near``.
        """
        bank, strategy = self.bank, self.strategy
        lost = search_mask.new_zeros(bank.capacity) if lost is None else lost
        count = len(query.s16)
        searched = (search_mask | lost.any()).flatten()
        cells = strategy.select(searched)
        probs = torch.full((count, 4, bank.capacity), MIN_PROB, device=search_mask.device)
        if not len(cells):
            return _upsample(probs, query.grid_hw), None
        prior = self._prior(search_mask, lost, prior_strength)
        candidates = self.search(query, bank, cells, prior)
        promising = self._shows_object(candidates)
        if watched is not None:
            promising |= watched[cells]
        promising &= searched[cells]
        cells, candidates, promising = strategy.keep(promising, cells, candidates, promising)
        if not len(cells):
            return _upsample(probs, query.grid_hw), None
        places, similarity, weights, nearest = self._match_s8(
            query, cells, candidates, promising, prior
        )
        found = rows_of(bank.masks_s8.flatten(0, 1), places)  # (Q, 4, k, 1 + N)
        found = (weights[..., None, :] @ found)[..., 0, 1:].float()
        if near is not None:
            found = near.assign(found.flatten(0, 1)[:, None], _quarters(cells)).view(found.shape)
        found = found.clamp(MIN_PROB, 1 - MIN_PROB)
        probs[cells] = torch.where(promising[:, None, None], found, MIN_PROB)
        logits = _upsample(probs, query.grid_hw)
        uncertain = _uncertain(probs, query.grid_hw).view(count, 4)[cells] & promising[:, None]
        matches = Matches(cells, places, similarity, weights, uncertain, nearest, near)
        self._refine_uncertain(logits, query, matches)
        if strategy.any(lost):
            _keep_searched(logits, search_mask, lost)
        return logits, matches

    def _prior(
        self, search_mask: torch.Tensor, lost: torch.Tensor, strength: float
    ) -> SpatialPrior:
        """Make the prior: distance counts between searched cells and keys without a lost object."""
        bank = self.bank
        key = torch.ones_like(bank.has_object, dtype=torch.float32)
        if self.strategy.any(lost):
            lost_probs = bank.masks_s8[..., 1:].masked_fill(~lost, 0).amax(-1)  # (R, 4 h w)
            has_lost = lost_probs > _LOST_PROB
            key -= has_lost.view(*key.shape, 4).any(-1).float()
        nothing_lost = ~lost.any()  # then all queries are in the search mask
        return SpatialPrior(strength, (search_mask.flatten() | nothing_lost).float(), key)

    def _shows_object(self, candidates: torch.Tensor) -> torch.Tensor:
        """Tell which of Q cells have a candidate, of (Q, c), with some of an object: (Q,) bool.

        The others are background, without a comparison of their quarters.
        """
        return self.bank.has_object.flatten()[candidates].any(1)

    def _match_s8(
        self,
        query: FrameFeatures,
        cells: torch.Tensor,
        candidates: torch.Tensor,
        promising: torch.Tensor,
        prior: SpatialPrior,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, Nearest]:
        """Find the s8 cells most like each quarter of (Q,) s16 ``cells``, among their candidates.

        Returns places, similarity, weights and the nearest of recent frames, as in `Matches`.
        """
        count, channels = len(query.s16), query.s8.shape[1]
        quarters = query.s8.view(count, 4, channels)
        table = self.bank.s8.view(-1, 4 * channels)
        best, places, nearest = [], [], []
        frames, top_k = self.bank.recent_count, self.search.top_k
        parts = (chunks(part) for part in (cells, candidates, promising))
        best_back = torch.full((frames, 4 * count), -1.0, device=cells.device)
        for own, others, shows in zip(*parts, strict=True):
            keys = rows_of(table, others).view(len(own), -1, channels)  # (q, 4 c, D)
            bonus = REFERENCE_BONUS * self._is_reference(others, count)
            distance = squared_distance(own, others % count, query.grid_hw[1])
            bonus -= prior.between(own, others) * distance
            bonus = bonus.to(keys.dtype).repeat_interleave(4, dim=1)[:, None]  # of all quarters
            similarity = torch.baddbmm(bonus, quarters[own], keys.transpose(1, 2))
            recent = similarity[..., : 4 * frames * top_k].reshape(len(own), 4, frames, -1)
            recent = recent.masked_fill(~shows[:, None, None, None], -1)
            nearest.append(self._nearest(recent, others[:, : frames * top_k], best_back))
            k = min(_TOP_K, similarity.shape[-1])
            values, index = similarity.topk(k, dim=-1, sorted=False)
            best.append(values)
            found = others.gather(1, (index // 4).flatten(1)).view(index.shape)
            places.append(4 * found + index % 4)
        similarity, place = torch.cat(best), torch.cat(places)
        plain = similarity - REFERENCE_BONUS * self._is_reference(place, 4 * count)
        found, values = (torch.cat(part) for part in zip(*nearest, strict=True))
        weights = (similarity / _TEMPERATURE).softmax(-1)
        return place, plain, weights, Nearest(found, values, best_back)

    def _nearest(
        self, similarity: torch.Tensor, candidates: torch.Tensor, best_back: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Find the most similar s8 cell in each recent frame, (q, 4, A), and how similar it is.

        ``similarity`` (q, 4, A, 4 c) is that with the quarters of the (q, A c) candidates, by which
        ``best_back`` is raised.
        """
        count = len(self.bank.neighbourhoods) // 4
        places = candidates.reshape(len(candidates), similarity.shape[2], -1) % count
        quarters = 4 * places[..., None] + torch.arange(4, device=places.device)
        cells = quarters.flatten(2)  # (q, A, 4 c)
        highest = similarity.amax(1).float().transpose(0, 1).flatten(1)
        best_back.scatter_reduce_(1, cells.transpose(0, 1).flatten(1), highest, "amax")
        best, index = similarity.max(-1)
        found = cells[:, None].expand(-1, 4, -1, -1).gather(3, index[..., None])[..., 0]
        return found, best

    def _is_reference(self, places: torch.Tensor, row_size: int) -> torch.Tensor:
        """Tell which flat indices, of rows of ``row_size`` cells, are of references: 0 or 1."""
        return self.bank.is_reference[places // row_size]

    def _refine_uncertain(
        self, logits: torch.Tensor, query: FrameFeatures, matches: Matches
    ) -> None:
        """Read what is uncertain once more at stride 4, into ``logits``, (N, 4h, 4w)."""
        cells = matches.cells
        uncertain = matches.uncertain.flatten()
        parts = self.strategy.keep(
            uncertain,
            _quarters(cells),
            matches.places.flatten(0, 1),
            matches.similarity.flatten(0, 1),
            uncertain,
        )
        for part in zip(*map(chunks, parts), strict=True):
            self._refine(logits, query, matches.near, *part)

    def _refine(
        self,
        logits: torch.Tensor,
        query: FrameFeatures,
        near: Nearness | None,
        quarters: torch.Tensor,
        places: torch.Tensor,
        similarity: torch.Tensor,
        uncertain: torch.Tensor,
    ) -> None:
        """Read the s4 cells of B s8 cells, in the (N, 4h, 4w) ``logits``.

        ``quarters`` (B,) are the s8 cells, ``places`` and ``similarity`` (B, k) their matches;
        those that are not ``uncertain``, (B,) bool, stay as they are.
        """
        bank, (height, width) = self.bank, query.grid_hw
        count = height * width
        row, s8 = places // (4 * count), places % (4 * count)
        keys = rows_of(bank.neighbourhoods, s8) + (16 * count * row)[..., None]  # (B, k, 16)
        own = rows_of(bank.children, quarters)  # (B, 4)
        is_reference = self._is_reference(places, 4 * count)
        known = S8_WEIGHT * similarity + S4_REFERENCE_BONUS * is_reference
        keys = keys.flatten(1)
        features = bank.gather_s4(places, keys)  # (B, 16 k, d)
        known = known.to(features.dtype).repeat_interleave(16, dim=1)[:, None]
        affinity = torch.baddbmm(known, query.s4[own], features.transpose(1, 2))
        masks = rows_of(bank.masks_s4.flatten(0, 1), keys)  # (B, 16 k, 1 + N)
        probs = ((affinity / S4_TEMPERATURE).softmax(-1) @ masks)[..., 1:].float()
        if near is not None:
            probs = near.assign(probs, quarters)
        new = torch.logit(probs.clamp(MIN_PROB, 1 - MIN_PROB)).flatten(0, 1).T  # (N, 4 B)
        self.strategy.put(logits.flatten(1), own.flatten(), new, uncertain.repeat_interleave(4))


def new_reader(strategy: Strategy, features: FrameFeatures, channels: int) -> MemoryReader:
    """Make an empty memory for frames of the shape of ``features``, with 1 + N mask channels."""
    return reader_of(strategy.bank_type.new(features, channels), strategy)


def reader_of(bank: MemoryBank, strategy: Strategy) -> MemoryReader:
    """Make a memory of a bank, which the strategy's type of bank has to be."""
    return MemoryReader(bank, strategy.new_search(bank.grid_hw, bank.s16.device), strategy)


def near_objects(masks_s4: torch.Tensor, grid_hw: tuple[int, int], *, reach: int) -> torch.Tensor:
    """Mark the s16 cells within ``reach`` cells of an object of (16 h w, 1 + N) masks: (h, w)."""
    height, width = grid_hw
    objects = masks_s4[:, 1:].amax(-1).view(1, 4 * height, 4 * width)
    covered = (F.avg_pool2d(objects, 2) > 0.1).float()
    cells = F.max_pool2d(covered, 2)
    grown: torch.Tensor = dilated(cells, reach)[0] > 0
    return grown


def _quarters(cells: torch.Tensor) -> torch.Tensor:
    """List the s8 cells of (Q,) s16 cells, in quad order: (4 Q,)."""
    return (4 * cells[:, None] + torch.arange(4, device=cells.device)).flatten()


def chunks(rows: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Cut rows into chunks whose matches fit a processor's cache; on a GPU there is one chunk."""
    if rows.device.type != "cpu" or len(rows) <= _AT_ONCE:
        return (rows,) if len(rows) else ()
    return torch.split(rows, _AT_ONCE)


def rows_of(table: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Look up rows of a (P, C) table by indices of any shape: (..., C)."""
    return table.index_select(0, places.flatten()).view(*places.shape, -1)


def _keep_searched(logits: torch.Tensor, search_mask: torch.Tensor, lost: torch.Tensor) -> None:
    """Set (N, 4h, 4w) log-odds of objects that are not ``lost`` to background off the search mask.

    In place. If no object is lost, nothing changes.
    """
    searched = search_mask.repeat_interleave(4, 0).repeat_interleave(4, 1)
    kept = searched | lost[:, None, None] | ~lost.any()
    logits.masked_fill_(~kept, math.log(MIN_PROB / (1 - MIN_PROB)))


def _upsample(probs: torch.Tensor, grid_hw: tuple[int, int]) -> torch.Tensor:
    """Turn (h w, 4, N) probabilities of s8 cells into log-odds at stride 4: (N, 4h, 4w)."""
    height, width = grid_hw
    rows = to_raster_order(torch.logit(probs).flatten(0, 1), (2 * height, 2 * width))
    grid = rows.T.reshape(1, -1, 2 * height, 2 * width)
    size = (4 * height, 4 * width)
    return F.interpolate(grid, size, mode="bilinear", align_corners=False)[0]


def _uncertain(probs: torch.Tensor, grid_hw: tuple[int, int]) -> torch.Tensor:
    """Mark the s8 cells, (4 h w,) in quad order, that are uncertain or beside an uncertain one."""
    size = (2 * grid_hw[0], 2 * grid_hw[1])
    uncertain = ((probs > _CERTAIN) & (probs < 1 - _CERTAIN)).any(-1).flatten()
    grid = to_raster_order(uncertain, size).view(1, *size).float()
    return to_quad_order(dilated(grid, 1).flatten() > 0, size)
