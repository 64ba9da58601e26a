"""The only file that knows the order of things.

Take frames; encode each; on a reference frame describe the targets and fit their scale weights; on
every frame prompt, decode and compose; hand on the labels.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np

from ..errors import MaskError
from ..runtime.prefetch import prefetch
from ..runtime.timer import StageTimer
from ..structures import Encoded, Frame, LabelMap, TrackedFrame
from .engine import Engine
from .step import Answer, FrameStep, known_result

_FRAMES_AHEAD = 3  # pictures read ahead of the encoder, beside a batch: 25 MB each at 4K
_EMBEDDINGS_AHEAD = 2  # embeddings ready ahead of the tracker: 13 MB each
_BATCHES_AHEAD = 1  # the same where they come in batches


@dataclass(slots=True)
class Propagation:
    """The state of one clip: what the method remembers, and the last answer."""

    engine: Engine
    labelling: FrameStep
    object_ids: tuple[int, ...] = field(default=())
    last: Answer | None = None

    @classmethod
    def start(cls, engine: Engine, timer: StageTimer | None = None) -> Propagation:
        """Begin a clip; parts of steps are timed by ``timer``."""
        timer = timer or StageTimer()
        method, size = engine.new_method(timer), engine.settings.image_size
        return cls(engine, FrameStep(method, engine.compute, size, timer))

    def advance(self, encoded: Encoded, reference: LabelMap | None = None) -> TrackedFrame:
        """Label one frame, as `ask` does, and wait for the answer."""
        return self.ask(encoded, reference).wait()

    def ask(self, encoded: Encoded, reference: LabelMap | None = None) -> Answer:
        """Label one frame; frames come in order. The answer may come later.

        ``reference`` gives true labels (H, W) for some objects of this frame: the first frame
        needs one, later ones may have one, which adds or corrects objects.
        """
        answer = None
        if self.object_ids:
            previous = self.last if self.labelling.method.uses_previous else None
            label_map = previous.wait().label_map if previous else None
            download = self.labelling.label(encoded, label_map)
            answer = Answer(encoded.frame, self.object_ids, download)
        if reference is not None:
            answer = self._correct(encoded, reference, answer)
        if answer is None or not self.object_ids:
            raise MaskError(
                f"frame {encoded.frame.index}",
                got="no mask for the first frame",
                expected="a mask that shows each object once",
            )
        self.last = answer
        return answer

    def _correct(self, encoded: Encoded, reference: LabelMap, answer: Answer | None) -> Answer:
        """Learn what a reference shows, and put it into the labels."""
        given = tuple(int(i) for i in np.unique(reference) if i)
        labels, scores = np.zeros_like(reference), dict[int, float]()
        if answer is not None:
            tracked = answer.wait()
            labels = np.where(np.isin(tracked.label_map, given), 0, tracked.label_map)
            scores = {one.object_id: one.score for one in tracked.objects}
        if given:
            self.labelling.learn(encoded, reference, given)
        self.object_ids = tuple(sorted({*self.object_ids, *given}))
        labels = np.where(reference > 0, reference, labels).astype(np.uint8)
        scores |= dict.fromkeys(given, 1.0)
        known = [scores[object_id] for object_id in self.object_ids]
        return known_result(encoded.frame, labels, self.object_ids, known)


def track_frames(
    frames: Iterable[Frame],
    references: Mapping[int, LabelMap],
    engine: Engine,
    *,
    timer: StageTimer | None = None,
) -> Generator[TrackedFrame, None, None]:
    """Label every frame, lazily; reading, encoding and tracking overlap, see `Engine.overlaps`.

    ``references`` gives labels (H, W) by frame index; the first frame needs one. Memory does not
    grow with the number of frames: embeddings of three batches, at most, are ahead of the tracker.
    """
    timer = timer or StageTimer()
    state = Propagation.start(engine, timer)
    asked: deque[Answer] = deque()
    depth = _FRAMES_AHEAD + engine.encode_batcher.batch_size
    ready = max(_EMBEDDINGS_AHEAD, _BATCHES_AHEAD * (engine.compute.encode_batch_size - 1))
    with closing(prefetch(timer.each("read", frames), depth=depth)) as ahead:
        embedded = engine.encode_ahead(ahead, timer)
        if engine.overlaps:
            embedded = prefetch(embedded, depth=ready)
        with closing(embedded):
            for encoded in embedded:
                with timer.measure("track"):
                    asked.append(state.ask(encoded, references.get(encoded.frame.index)))
                if len(asked) > engine.compute.results_in_flight:
                    yield asked.popleft().wait()
            while asked:
                yield asked.popleft().wait()
