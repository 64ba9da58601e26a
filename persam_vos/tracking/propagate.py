"""The order of the stages, which only this file and the methods know.

Take frames; encode each; on a reference frame learn the targets; on every frame read, prompt,
decode and compose; hand on the labels.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..errors import MaskError
from ..runtime.graphed_step import EagerStep, step_runner
from ..runtime.prefetch import prefetch
from ..runtime.timer import StageTimer
from ..scoring.label_files import present_ids
from ..structures import Encoded, Frame, LabelMap, TrackedFrame
from .engine import Engine
from .step import FrameStep, PendingResult, known_result
from .target_refind import TargetRefinder

Reference = LabelMap | Callable[[Encoded, LabelMap | None], LabelMap]
"""Known labels (H, W) of some objects of a frame, or what makes them there.

The latter gets the labels that tracking found on the frame, None where nothing was tracked before.
"""

_FRAMES_AHEAD = 3  # pictures read ahead of the encoder, beside a batch: 25 MB each at 4K
_EMBEDDINGS_AHEAD = 2  # embeddings ready ahead of the tracker: 13 MB each
_BATCHES_AHEAD = 1  # the same where they come in batches


@dataclass(slots=True)
class Propagation:
    """The state of one clip: what its method remembers, and the last frame with its result."""

    step: FrameStep
    runner: EagerStep
    object_ids: tuple[int, ...] = ()
    last: PendingResult | None = None
    _encoded: Encoded | None = None  # the last frame

    @classmethod
    def start(
        cls, engine: Engine, timer: StageTimer | None = None, *, keep_alpha: bool = False
    ) -> Propagation:
        """Begin a clip; parts of steps are timed by ``timer``.

        With ``keep_alpha`` results have soft masks.
        """
        timer = timer or StageTimer()
        step = FrameStep(
            engine.new_method(timer),
            engine.settings.image_size,
            engine.compute.static_shapes,
            timer,
            keep_alpha,
        )
        return cls(step, step_runner(step, engine.compute))

    def advance(self, encoded: Encoded, reference: Reference | None = None) -> TrackedFrame:
        """Label one frame, as `submit` does, and wait for the result."""
        return self.submit(encoded, reference).wait()

    def submit(self, encoded: Encoded, reference: Reference | None = None) -> PendingResult:
        """Label one frame; frames come in order. The result may come later.

        ``reference`` gives known labels (H, W) for some objects of this frame: the first frame
        needs one, later ones may have one, which adds or corrects objects.
        """
        result = None
        if self.object_ids:
            previous = self.last if self.step.method.needs_previous else None
            label_map = previous.wait().label_map if previous else None
            copy = self.runner.run(encoded, label_map)
            result = PendingResult(encoded.frame, self.object_ids, copy)
        if reference is not None:
            result = self._add_reference(encoded, reference, result)
        if result is None or not self.object_ids:
            raise MaskError(
                f"frame {encoded.frame.index}",
                got="no mask for the first frame",
                expected="a mask that shows each object once",
            )
        self.last, self._encoded = result, encoded
        return result

    def correct(self, reference: Reference) -> TrackedFrame:
        """Add or correct objects of the last frame, whose result was given before.

        ``reference`` gives labels (H, W) of some objects. Raises RuntimeError without a last frame.
        """
        if self._encoded is None:
            raise RuntimeError("Propagation.correct before a frame was labelled")
        self.last = self._add_reference(self._encoded, reference, self.last)
        return self.last.wait()

    def remove(self, object_id: int) -> TrackedFrame:
        """Stop segmenting an object that is known; the ids of the others stay.

        Returns the last frame without it. Raises MaskError for the only object, RuntimeError
        without a last frame.
        """
        if self.last is None:
            raise RuntimeError("Propagation.remove before a frame was labelled")
        rest = tuple(one for one in self.object_ids if one != object_id)
        if not rest:
            raise MaskError(
                f"object {object_id}",
                got="the only one",
                expected="another one to go on with",
                remedy="add that first, or start again",
            )
        self.runner.update(lambda: self.step.method.remove(object_id))
        self.object_ids, tracked = rest, self.last.wait()
        labels = np.where(tracked.label_map == object_id, 0, tracked.label_map).astype(np.uint8)
        scores = [one.score for one in tracked.objects if one.object_id != object_id]
        keep_alpha = self.step.keep_alpha
        self.last = known_result(tracked.frame, labels, rest, scores, keep_alpha=keep_alpha)
        return self.last.wait()

    def resume(self, encoded: Encoded, last: PendingResult) -> None:
        """Go on behind a frame whose result is known; the method has the state that it left."""
        self.object_ids, self.last, self._encoded = last.object_ids, last, encoded

    def _add_reference(
        self, encoded: Encoded, reference: Reference, result: PendingResult | None
    ) -> PendingResult:
        """Learn what a reference shows, and put it into the labels."""
        if callable(reference):
            reference = reference(encoded, None if result is None else result.wait().label_map)
        learned = reference
        given = tuple(sorted(present_ids(reference)))
        if not given and result is not None:
            return result
        labels, scores = np.zeros_like(reference), dict[int, float]()
        if result is not None:
            tracked = result.wait()
            labels = np.where(np.isin(tracked.label_map, given), 0, tracked.label_map)
            scores = {one.object_id: one.score for one in tracked.objects}
        if given:
            method = self.step.method
            self.runner.learn(encoded, lambda one: method.add_reference(one, learned, given))
        self.object_ids = tuple(sorted({*self.object_ids, *given}))
        labels = np.where(reference > 0, reference, labels).astype(np.uint8)
        scores |= dict.fromkeys(given, 1.0)
        known = [scores[object_id] for object_id in self.object_ids]
        keep_alpha = self.step.keep_alpha
        return known_result(encoded.frame, labels, self.object_ids, known, keep_alpha=keep_alpha)


class StateKeeper(Protocol):
    """Keeps the state of a clip while it is tracked; `checkpoints.HalfKeeper` is one."""

    restored: Propagation | None
    """The state to go on from, behind the last frame that needs no tracking."""

    def due(self) -> bool:
        """Tell whether the state is wanted after this frame."""

    def take(self, state: Propagation) -> None:
        """Take a copy of the state; all results up to it were yielded before."""


def empty_frames(
    frames: Iterable[Frame], object_ids: tuple[int, ...]
) -> Generator[TrackedFrame, None, None]:
    """Give every frame an empty mask: none of the objects is in the video."""
    for frame in frames:
        nothing = np.zeros(frame.size_hw, np.uint8)
        yield known_result(frame, nothing, object_ids, [0.0] * len(object_ids)).wait()


def track_frames(
    frames: Iterable[Frame],
    references: Mapping[int, Reference],
    engine: Engine,
    *,
    timer: StageTimer | None = None,
    keep_alpha: bool = False,
    refinder: TargetRefinder | None = None,
    keeper: StateKeeper | None = None,
) -> Generator[TrackedFrame, None, None]:
    """Label every frame, lazily; reading, encoding and tracking overlap, see `Engine.overlaps`.

    ``references`` gives labels by frame index; the first frame needs some. Memory does not
    grow with the number of frames: embeddings of three batches, at most, are ahead of the tracker.
    With ``keep_alpha`` results have soft masks. ``refinder`` looks for objects that are lost.
    ``keeper`` is where tracking begins, if not without objects, and gets its state when it is due.
    """
    timer = timer or StageTimer()
    state = keeper.restored if keeper is not None else None
    state = state or Propagation.start(engine, timer, keep_alpha=keep_alpha)
    pending: deque[PendingResult] = deque()
    depth = _FRAMES_AHEAD + engine.encode_batcher.batch_size
    ready = max(_EMBEDDINGS_AHEAD, _BATCHES_AHEAD * (engine.compute.encode_batch_size - 1))
    with closing(prefetch(timer.each("read", frames), depth=depth)) as ahead:
        embedded = engine.encode_ahead(ahead, timer)
        if engine.overlaps:
            embedded = prefetch(embedded, depth=ready)
        with closing(embedded):
            for encoded in embedded:
                index = encoded.frame.index
                reference = references.get(index)
                if reference is None and refinder is not None and refinder.due(index):
                    reference = refinder
                with timer.measure("track"):
                    pending.append(state.submit(encoded, reference))
                due = keeper is not None and keeper.due()
                while len(pending) > (0 if due else engine.compute.results_in_flight):
                    yield pending.popleft().wait()
                if keeper is not None and due:
                    keeper.take(state)
            while pending:
                yield pending.popleft().wait()
    timer.notes.update(state.runner.not_captured)
