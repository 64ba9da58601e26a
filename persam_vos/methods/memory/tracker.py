"""Memory: masks read from remembered frames, decoded together, and fused with the readout.

Per frame: read every object's soft mask by matching features with the reference and earlier frames;
prompt the decoder with it (as dense prompt, box and point); keep the candidate that agrees best
with the readout; fuse both; remember the result as far as it is trusted. An object that is neither
read nor looks like itself is absent, and the whole picture is searched for it. The state is
constant in the length of the clip.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import torch
import torch.nn.functional as F

from ...config import MethodSettings
from ...geometry import IMAGE_SIZE, LOGIT_CELL, PATCH
from ...runtime.state_tree import StateTree, from_tree, to_tree
from ...runtime.tensor_tree import tensors_of, update_in_place
from ...stages import decode, mask_selection, prompts, targets
from ...stages.thin_structures import measure_thinness, restore_thin
from ...structures import (
    CropLogits,
    Encoded,
    LabelMap,
    MaskCandidates,
    ObjectLogits,
    Prompts,
)
from ..base import Method
from .correspondences import correspondences
from .crop_refiner import CropRefiner
from .distractors import distractors
from .features import (
    FeatureProjection,
    FrameFeatures,
    covered_cells,
    extract_features,
    fit_projection,
)
from .look_alikes import leniency, nearness_now
from .memory_bank import with_reference
from .mixed_labels import unmixed
from .new_parts import CANDIDATES, new_parts, trusted_candidates, watched_cells
from .object_states import ObjectStates, new_object_states, select_rows
from .pieces import reference_gaps
from .readout import MIN_PROB, SURE, Matches, MemoryReader, near_objects, new_reader, reader_of
from .strategy import Chosen, SparseStrategy, Strategy
from .templates import look_alikes, recognised_fraction, sample

_REACH = 6  # s16 cells that an object may move from one frame to the next, of 64 of a picture
_PRIOR_STRENGTH = 1e-4  # of similarity per squared s16 cell of those: tells look-alikes apart
_DENSE_GAIN = 1.5  # from a readout's log-odds to the mask prompt, whose logits are larger
_FOUND_LOGIT = 2.2  # log-odds of 0.9: how sure a readout finds a lost object again
_FOUND_CELLS = 8  # s8 cells that it then covers, or half as many as on its reference frame
_CERTAIN_FRACTION = 0.55  # of a mask, recognised: updates templates, and finds what was lost
_FRAGMENT = 0.1  # of the cells covered on the reference frame: a mask with fewer is a fragment
_STREAK_NOT_SHOWN = 2  # frames of a fragment in a row, and the object is no longer shown
_STREAK_LOST = 6  # and it is searched for everywhere
_TEMPLATE_FRAMES = 10  # between two updates; drifts are faster, changes of the object slower


@dataclass(slots=True)
class MemoryMethod(Method[FrameFeatures]):
    """Segment objects by a memory of frames.

    Channels of all masks are the background and then the objects in the order they were given.
    ``strategy`` decides whether shapes are static; if they are, results may have vacant rows behind
    the objects.
    """

    decoder: decode.Decoder
    settings: MethodSettings
    crop_refiner: CropRefiner
    strategy: Strategy = field(default_factory=SparseStrategy)
    _ids: list[int] = field(default_factory=list)
    _reference_rows: list[int] = field(default_factory=list)  # of the bank, of each object
    _ascending: torch.Tensor | None = None
    _states: ObjectStates | None = None
    _alike: torch.Tensor = field(default_factory=lambda: torch.zeros(0, 0))
    _projection: FeatureProjection | None = None
    _memory: MemoryReader | None = None

    @property
    def graphable(self) -> bool:
        """Whether every step from now on does the same operations on tensors of the same shapes."""
        full = self._memory is not None and self._memory.bank.full
        return self.strategy.static_shapes and full

    def state(self) -> Iterator[torch.Tensor]:
        """Yield the tensors that steps depend on; written in place while capacity lasts."""
        bank = self._memory and self._memory.bank
        yield from tensors_of((bank, self._states, self._ascending, self._projection, self._alike))
        yield from self.crop_refiner.state()

    def state_dict(self) -> StateTree:
        """Return what is remembered, and what is known of the objects."""
        assert self._memory is not None, "references come first"
        return {
            "ids": self._ids,
            "reference_rows": self._reference_rows,
            "ascending": self._ascending,
            "states": to_tree(self._states),
            "projection": to_tree(self._projection),
            "bank": to_tree(self._memory.bank),
            "crops": self.crop_refiner.state_dict(),
        }

    def load_state_dict(self, tree: StateTree) -> None:
        """Take over what another method remembers."""
        self._ids = from_tree(list[int], tree["ids"])
        self._reference_rows = from_tree(list[int], tree["reference_rows"])
        self._ascending = from_tree(torch.Tensor, tree["ascending"])
        self._states = from_tree(ObjectStates, tree["states"])
        self._alike = look_alikes(self._states.reference_templates.foreground)
        self._projection = from_tree(FeatureProjection, tree["projection"])
        bank = from_tree(self.strategy.bank_type, tree["bank"])
        self._memory = reader_of(bank, self.strategy)
        self.crop_refiner.load_state_dict(tree["crops"])

    @torch.inference_mode()
    def add_reference(
        self, encoded: Encoded, labels: LabelMap, object_ids: tuple[int, ...]
    ) -> None:
        """Learn objects from a reference frame, whose masks are remembered as given."""
        device = encoded.features.device
        masks = torch.from_numpy(np.stack([labels == i for i in object_ids])).to(device)
        appearance = targets.describe_appearance(encoded.features, masks, input_hw=encoded.input_hw)
        features = self.features(encoded)
        known = [*self._ids, *(i for i in object_ids if i not in self._ids)]
        channels = [known.index(i) for i in object_ids]
        memory = self._remember_reference(encoded, features, masks, channels, len(known))
        bank = memory.bank
        row = bank.make_reference()
        self.crop_refiner.add_reference(encoded, memory, row, masks, channels)
        in_bank = [1 + channel for channel in channels]
        grids = bank.mask_grids(row, in_bank)
        coverage = F.avg_pool2d(grids, 2)
        given = new_object_states(
            object_ids,
            appearance,
            features.s8,
            bank.masks_s8[row][:, in_bank].T.float(),
            measure_thinness(grids),
            coverage,
            reference_gaps(coverage * (coverage > 0.5), self.strategy),
            self._trusted(encoded.features, grids),
        )
        bank.begin_references(channels, coverage)
        old_count = 0 if self._states is None else len(self._states.ids)
        rows = [
            old_count + object_ids.index(i) if i in object_ids else at for at, i in enumerate(known)
        ]
        states = select_rows(self._states, given, rows, bank.capacity)
        self._states = update_in_place(self._states, states)
        self._reference_rows = [row if at >= old_count else self._reference_rows[at] for at in rows]
        self._set_objects(known)

    @torch.inference_mode()
    def remove(self, object_id: int) -> None:
        """Forget an object; what it had in remembered frames is background."""
        assert self._memory is not None and self._states is not None, "references come first"
        rows = [row for row, known in enumerate(self._ids) if known != object_id]
        self._memory.bank.keep_objects([1 + row for row in rows])
        self.crop_refiner.keep_objects(rows)
        self._states = select_rows(None, self._states, rows, len(rows))
        self._reference_rows = [self._reference_rows[row] for row in rows]
        self._set_objects([self._ids[row] for row in rows])

    @torch.inference_mode()
    def features(self, encoded: Encoded) -> FrameFeatures:
        """Extract features for matching, in the principal directions of the first frame."""
        if self._projection is None:
            dtype = self.decoder.compute.bank_dtype
            self._projection = fit_projection(encoded, dtype)
        return extract_features(encoded, self._projection)

    @torch.inference_mode()
    def propagate(
        self, features: FrameFeatures, encoded: Encoded, previous: LabelMap | None = None
    ) -> ObjectLogits:
        """Segment every known object on the next frame, from memory alone."""
        del previous
        assert self._memory is not None and self._states is not None, "references come first"
        states, settings = self._states, self.settings
        with self.decoder.timer.part("readout"):
            readout, matches = self._read(features, self._memory, states)
        logits, iou, raw_agreement, offer = self._decode(encoded.features, readout, states)
        fused = mask_selection.fuse(logits, readout, decoder_weight=settings.decoder_weight)
        with self.decoder.timer.part("regions"):
            decided = self._decide_regions(fused, offer, matches, states)
            changed = decided != fused
            readout = torch.where(changed, decided.clamp(-SURE, SURE), readout)
            fused, matches = decided, matches and matches.decided(changed.any(0))
        similarities = targets.similarity(encoded.features, states.appearance.vectors)
        appearance = targets.appearance_score(similarities, fused, states.appearance)
        agreement = mask_selection.agreement(fused.sigmoid(), readout.sigmoid())
        scores = mask_selection.confidence(iou, agreement, appearance)
        covered = covered_cells(fused)
        recognised = self._recognised(features, covered, states)
        present = self._present(scores, recognised, covered, readout)
        trusted = scores >= settings.trust_threshold
        remembered = torch.where(trusted[:, None, None], fused, readout)
        with self.decoder.timer.part("refine crop"):
            crop = self.crop_refiner.refine(encoded, self._memory, matches, fused, present)
        self._memory.bank.add(features, mask_selection.compete(remembered, present))
        self._memory.bank.note_references(states.propagated_slowly)
        self.crop_refiner.remember(self._memory.bank)
        certain = present & trusted & (recognised >= _CERTAIN_FRACTION)
        self._update_states(features, ~present, certain)
        fragment = covered.sum(1) < _FRAGMENT * states.reference_cells
        raw_confidence = mask_selection.confidence(iou, raw_agreement, appearance)
        scores = torch.where(fragment, raw_confidence, scores)
        # It is remembered even if not shown: the object may be behind something.
        low_confidence = fragment & (scores < settings.fragment_threshold)
        streak = states.low_confidence_streak
        streak.copy_((streak + 1) * low_confidence)
        return self._result(fused, crop, scores, present & (streak < _STREAK_NOT_SHOWN))

    def _decide_regions(
        self,
        logits: torch.Tensor,
        offer: torch.Tensor,
        matches: Matches | None,
        states: ObjectStates,
    ) -> torch.Tensor:
        """Give regions of (N, 4h, 4w) masks to other objects, drop them, and adopt new ones."""
        assert self._memory is not None
        bank, strategy = self._memory.bank, self.strategy
        moved = correspondences(matches, bank)
        own = unmixed(logits, moved, states, strategy)
        own = own.masked_fill(distractors(own, moved, bank, states, strategy), -SURE)
        adopted = new_parts(offer, own, moved, states, strategy)
        return torch.where(adopted, own.maximum(offer.clamp_max(SURE)), own)

    def _set_objects(self, known: list[int]) -> None:
        """Set which objects are tracked, and forget reference frames that none of them needs."""
        assert self._memory is not None and self._states is not None
        bank = self._memory.bank
        self._ids = known
        alike = look_alikes(self._states.reference_templates.foreground)
        self._alike = update_in_place(self._alike, alike)
        order = sorted(range(len(known)), key=known.__getitem__)
        ascending = torch.tensor(
            [*order, *range(len(known), bank.capacity)], device=bank.masks_s4.device
        )
        self._ascending = update_in_place(self._ascending, ascending)
        for unused in bank.references.keys() - set(self._reference_rows):
            bank.forget(unused)

    def _read(
        self, features: FrameFeatures, memory: MemoryReader, states: ObjectStates
    ) -> tuple[torch.Tensor, Matches | None]:
        """Read the masks: of objects that are lost anywhere, of the others near where they were."""
        lost = states.lost | (states.low_confidence_streak >= _STREAK_LOST)
        bank = memory.bank
        finer = max(1.0, self.settings.image_size / IMAGE_SIZE)  # cells, of the same picture
        reach, prior_strength = round(_REACH * finer), _PRIOR_STRENGTH / finer**2
        search_mask = near_objects(bank.newest_masks_s4, bank.grid_hw, reach=reach)
        return memory(
            features,
            search_mask,
            lost,
            prior_strength=prior_strength,
            watched=watched_cells(states),
            near=nearness_now(bank, states.places, self._alike, self.strategy),
        )

    def _recognised(
        self, features: FrameFeatures, covered: torch.Tensor, states: ObjectStates
    ) -> torch.Tensor:
        """Return the fraction of the (N, 4 h w) covered s8 cells that templates recognise: (N,).

        The better of the reference and the updated template counts, since objects change.
        """
        unpad = self.strategy.unpad
        query = unpad(sample(features.s8, covered))
        templates = [
            replace(one, foreground=unpad(one.foreground))
            for one in (states.reference_templates, states.updated_templates)
        ]
        return recognised_fraction(query, templates) + leniency(covered, self._alike)

    def _present(
        self,
        scores: torch.Tensor,
        recognised: torch.Tensor,
        covered: torch.Tensor,
        readout: torch.Tensor,
    ) -> torch.Tensor:
        """Tell which objects are in the picture: (N,) bool.

        A lost object has to be found again: read with certainty, on enough cells, and recognised.
        """
        assert self._states is not None
        states, settings = self._states, self.settings
        enough = covered.sum(1) >= (states.reference_cells // 2).clamp_max(_FOUND_CELLS)
        sure = readout.flatten(1).amax(1) > _FOUND_LOGIT
        found = sure & enough & (recognised >= _CERTAIN_FRACTION)
        seen = scores >= settings.presence_threshold
        seen &= recognised >= settings.recognition_threshold
        return seen & (~states.lost | found)

    def _update_states(
        self, features: FrameFeatures, lost: torch.Tensor, certain: torch.Tensor
    ) -> None:
        """Note which objects are lost, and renew templates that are old enough."""
        assert self._memory is not None and self._states is not None
        self._states.lost.copy_(lost & (self._states.ids > 0))
        ages = self._states.template_ages.add_(1)
        chosen = certain & (ages >= _TEMPLATE_FRAMES)
        if self.strategy.any(chosen):
            mask_probs = self._memory.bank.newest_masks_s8[:, 1:].T
            self._states.update_templates(chosen, features.s8, mask_probs, self._alike)

    def _result(
        self,
        logits: torch.Tensor,
        crop: CropLogits | None,
        scores: torch.Tensor,
        present: torch.Tensor,
    ) -> ObjectLogits:
        """Restore thin structures, and put the objects in ascending order of their ids."""
        assert self._ascending is not None and self._states is not None
        drawn = restore_thin(logits, self._states.thinness)
        ids, drawn, scores, present = (
            part.index_select(0, self._ascending)
            for part in (self._states.ids, drawn, scores, present)
        )
        if crop is not None:
            crop = replace(crop, logits=crop.logits.index_select(0, self._ascending))
        return ObjectLogits(ids, drawn, scores, present, crop, guided=True)

    def _remember_reference(
        self,
        encoded: Encoded,
        features: FrameFeatures,
        masks: torch.Tensor,
        channels: list[int],
        object_count: int,
    ) -> MemoryReader:
        """Remember known (N, H, W) masks, together with what the memory read of the other objects.

        ``channels`` says which of the ``object_count`` objects they show.
        """
        height, width = (PATCH // LOGIT_CELL * side for side in features.grid_hw)
        coverage = targets.grid_coverage(
            masks, input_hw=encoded.input_hw, grid_hw=(height, width), cell=LOGIT_CELL
        )
        given = coverage.flatten(1).T  # (16 h w, N)
        if self._memory is None:
            self._memory = new_reader(self.strategy, features, 1 + object_count)
            mask_probs = given.new_zeros((len(given), object_count))
        else:
            self._memory.bank.reserve(object_count)
            mask_probs = self._memory.bank.newest_masks_s4[:, 1:]  # of this very frame
        all_masks = with_reference(mask_probs, given, channels)
        if self._ids:
            self._memory.bank.correct(all_masks)
        else:
            self._memory.bank.add(features, all_masks)
        return self._memory

    def _decode(
        self, features: torch.Tensor, readout: torch.Tensor, states: ObjectStates
    ) -> Chosen:
        """Decode with the (N, 4h, 4w) readout as prompt; a readout that is empty is the result."""

        def decoded(logits: torch.Tensor, trusted: torch.Tensor) -> Chosen:
            found = self._candidates(features, logits)
            every, iou = found.low_res_logits, found.predicted_iou
            offer = every.masked_fill(~trusted[:, :, None, None], -SURE).amax(1)
            return *mask_selection.best_candidate(every, iou, logits), offer

        shown = readout.flatten(1).amax(1) > 0
        return self.strategy.choose(shown, readout, states.trusted, decoded)

    def _candidates(self, features: torch.Tensor, logits: torch.Tensor) -> MaskCandidates:
        """Decode with (N, 4h, 4w) logits, none of them empty, as prompts."""
        boxes, valid = decode.logit_boxes(logits)
        xy = (self.strategy.inner_points(logits > 0)[:, None] + 0.5) * LOGIT_CELL
        labels = torch.full(xy.shape[:2], prompts.POSITIVE, device=logits.device)
        boxed = decode.with_boxes(Prompts(xy, labels), boxes, valid)
        prompted = replace(boxed, dense_logits=_DENSE_GAIN * logits[:, None])
        return self.strategy.decode(self.decoder, features, prompted, logits)

    def _trusted(self, features: torch.Tensor, grids: torch.Tensor) -> torch.Tensor:
        """Tell which candidates may offer new parts of (N, 4h, 4w) given masks: (N, K) bool."""
        trusted = torch.zeros((len(grids), CANDIDATES), dtype=torch.bool, device=grids.device)
        logits = torch.logit(grids.clamp(MIN_PROB, 1 - MIN_PROB))
        shown = (logits.flatten(1).amax(1) > 0).nonzero()[:, 0]
        if len(shown):
            found = self._candidates(features, logits[shown])
            trusted[shown] = trusted_candidates(found.low_res_logits, logits[shown])
        return trusted
