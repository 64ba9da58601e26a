"""Tracking frame by frame, for live sources and for programs in which a person corrects masks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ..errors import MaskError
from ..media.reference_masks import MaskInput, read_reference_masks
from ..media.reference_prompts import FramePrompts, Prompt, read_prompts, refuse_unknown
from ..request import EngineChoice
from ..scoring.label_files import present_ids
from ..structures import Frame, RgbImage, TrackedFrame
from .checkpoint import load_checkpoint, save_checkpoint
from .engine import Engine
from .load import load_choice
from .prompted import label_prompts
from .propagate import Propagation, Reference


class Tracker:
    """Track frame by frame: `start` with masks, then `step`; add, correct and remove objects.

    Images are (H, W, 3) uint8 RGB, all of one size. Masks are given as to `TrackRequest`: label
    maps (H, W), files, or masks by object id; ``prompts`` are boxes and points on the same picture.
    A point on an object that is tracked refines its mask. An object keeps its id as long as it is
    tracked, whatever becomes of the others. `save` and `load` carry a clip over to another day.

    >>> tracker = Tracker(engine)
    >>> first = tracker.start(images[0], {1: labels[0] == 1})
    >>> second = tracker.step(images[1], {2: labels[1] == 2})  # shows a new object
    >>> [result.object_id for result in second.objects]
    [1, 2]
    >>> better = tracker.correct({1: labels[1] == 1})  # on the same frame
    >>> better.index, better.objects[0].area_px == int((labels[1] == 1).sum())
    (1, True)
    >>> [result.object_id for result in tracker.remove(1).objects]
    [2]
    """

    def __init__(self, engine: Engine | None = None) -> None:
        self._engine = engine or load_choice(EngineChoice())
        self._state: Propagation | None = None
        self._last: TrackedFrame | None = None

    def start(
        self, image: RgbImage, masks: MaskInput | None = None, *, prompts: Sequence[Prompt] = ()
    ) -> TrackedFrame:
        """Begin a clip with its first picture, on which masks and prompts show each object.

        Forgets the clip before. Raises MaskError or UsageError for what cannot be understood.
        """
        shown = self._read(masks, prompts, (image.shape[0], image.shape[1]), 0, known=())
        self._state, self._last = Propagation.start(self._engine), None
        return self._advance(self._state, 0, image, shown.reference)

    def step(
        self, image: RgbImage, masks: MaskInput | None = None, *, prompts: Sequence[Prompt] = ()
    ) -> TrackedFrame:
        """Label the next picture; masks and prompts show objects on it, new or known ones.

        Raises ValueError for a picture of another size, MaskError or UsageError for what cannot be
        understood, RuntimeError before `start`. What was refused is no frame.
        """
        state, last = self._begun("step")
        size_hw = (image.shape[0], image.shape[1])
        if size_hw != last.frame.size_hw:
            raise ValueError(f"image: got {size_hw}, expected {last.frame.size_hw} pixels")
        index = last.index + 1
        shown = self._read(masks, prompts, size_hw, index, known=state.object_ids)
        return self._advance(state, index, image, shown.reference)

    def add(
        self, masks: MaskInput | None = None, *, prompts: Sequence[Prompt] = ()
    ) -> TrackedFrame:
        """Begin to track new objects, which masks or prompts show on the last frame.

        Returns that frame with them in it. Raises MaskError or UsageError for what cannot be
        understood, or for an object that is tracked already; RuntimeError before `start`.
        """
        state, last = self._begun("add")
        shown = self._read(masks, prompts, last.frame.size_hw, last.index, known=())
        known = sorted(shown.object_ids & {*state.object_ids})
        if known:
            raise MaskError(
                f"masks of frame {last.index}",
                got=f"object {known[0]}, which is tracked already",
                expected="new objects",
                remedy="choose another id, or correct it instead",
            )
        return self._relabel(state, shown)

    def correct(
        self, masks: MaskInput | None = None, *, prompts: Sequence[Prompt] = ()
    ) -> TrackedFrame:
        """Show tracked objects better: what masks and prompts say they are on the last frame.

        Points alone refine the mask that was tracked. Returns that frame corrected. Raises
        MaskError or UsageError for what cannot be understood, or for an object that is not tracked;
        RuntimeError before `start`.
        """
        state, last = self._begun("correct")
        known = state.object_ids
        shown = self._read(masks, prompts, last.frame.size_hw, last.index, known=known)
        for object_id in sorted(shown.object_ids):
            _require_known(object_id, state)
        return self._relabel(state, shown)

    def remove(self, object_id: int) -> TrackedFrame:
        """Stop tracking an object, which leaves its id free for another.

        Returns the last frame without it. Raises MaskError for an object that is not tracked, or
        the only one; RuntimeError before `start`.
        """
        state, _ = self._begun("remove")
        _require_known(object_id, state)
        self._last = state.remove(object_id)
        return self._last

    def save(self, path: str | Path) -> None:
        """Write all that later frames depend on to a file, for `load`; it holds no code.

        Raises OutputError for a file that cannot be written, RuntimeError before `start`.
        """
        state, _ = self._begun("save")
        save_checkpoint(Path(path), state, self._engine)

    @classmethod
    def load(cls, path: str | Path, engine: Engine | None = None) -> Tracker:
        """Go on from what `save` wrote: later frames get the labels that they would have got.

        The engine has to be as it was. Raises CheckpointError for a file that is damaged or of
        other weights, settings or versions.
        """
        tracker = cls(engine)
        tracker._state = load_checkpoint(Path(path), tracker._engine)
        assert tracker._state.last is not None
        tracker._last = tracker._state.last.wait()
        return tracker

    def _begun(self, verb: str) -> tuple[Propagation, TrackedFrame]:
        if self._state is None or self._last is None:
            raise RuntimeError(
                f"Tracker.{verb} before Tracker.start: start with an image and masks"
            )
        return self._state, self._last

    def _advance(
        self, state: Propagation, index: int, image: RgbImage, reference: Reference | None
    ) -> TrackedFrame:
        frame = Frame(index, f"{index:05d}", np.ascontiguousarray(image), 0.0)
        self._last = state.advance(self._engine.encode(frame), reference)
        return self._last

    def _relabel(self, state: Propagation, shown: _Shown) -> TrackedFrame:
        if shown.reference is not None:
            self._last = state.correct(shown.reference)
        assert self._last is not None  # as there is a state
        return self._last

    def _read(
        self,
        masks: MaskInput | None,
        prompts: Sequence[Prompt],
        size_hw: tuple[int, int],
        index: int,
        known: Collection[int],
    ) -> _Shown:
        """Read what shows objects on a frame; those that are ``known`` have a mask there."""
        given, ids = None, frozenset[int]()
        if masks is not None:
            given = read_reference_masks({index: masks}, size_hw).label_maps[index]
            ids = present_ids(given)
        if not prompts:
            return _Shown(given, ids)
        shown = FramePrompts(read_prompts(prompts, size_hw, index))
        refuse_unknown(shown, ids.union(known), index)
        reference = partial(label_prompts, self._engine, shown, given)
        return _Shown(reference, ids | shown.object_ids)


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a user shows on a frame: labels or what makes them, and of which objects."""

    reference: Reference | None
    object_ids: frozenset[int]


def _require_known(object_id: int, state: Propagation) -> None:
    if object_id not in state.object_ids:
        raise MaskError(
            f"object {object_id}",
            got="an object that is not tracked",
            expected=f"one of {', '.join(map(str, state.object_ids))}",
            remedy="add it first",
        )
