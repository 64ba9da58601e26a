"""The only file that knows the order of things.

Take frames; encode each; on a reference frame describe the targets and fit their scale weights; on
every frame prompt, decode and compose; hand on the labels.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from .batching import Batcher, in_batches
from .clock import Clock
from .config import MethodSettings
from .device import Compute
from .errors import MaskError
from .labelling import Answer, Labelling, Method, given_answer
from .methods.closer import Closer
from .methods.memory import MemoryMethod
from .methods.persam import PersamMethod
from .methods.public import PublicMethod
from .portions import Portions
from .prefetch import prefetch
from .runtimes import Encoder, torch_encoder
from .sam.build import SamNetwork
from .stages.decode import Decoder
from .stages.encode import Prepared, encode, prepare
from .structures import Encoded, Frame, LabelMap, TrackedFrame

_FEW_THREADS = 3  # of a CPU's encoder: it and the tracker take turns
_FRAMES_AHEAD = 3  # pictures read ahead of the encoder, beside a batch: 25 MB each at 4K
_EMBEDDINGS_AHEAD = 2  # embeddings ready ahead of the tracker: 13 MB each
_BATCHES_AHEAD = 1  # the same where they come in batches


@dataclass(frozen=True, slots=True)
class Engine:
    """A network on a device, and how to use it; shared by any number of clips."""

    network: SamNetwork
    compute: Compute
    settings: MethodSettings
    weights: Mapping[str, str] = field(default_factory=dict)
    """Name of the weights, and the sha256 of each of their files; for reports."""
    encoder: Encoder | None = field(default=None, kw_only=True)
    """What encodes; the network itself if None."""
    pictures: Portions = field(default_factory=Portions, kw_only=True)
    """How many pictures are encoded at once."""
    batcher: Batcher[Prepared, Encoded] | None = field(default=None, kw_only=True)
    """Who encodes for several clips at a time, see `shared`; None: the engine, for each its own."""

    @property
    def encoding(self) -> Encoder:
        """What encodes."""
        return self.encoder or torch_encoder(self.network)

    @property
    def overlaps(self) -> bool:
        """Whether the next frames are encoded while one is tracked.

        Few cores would wait for each other: on 2, eight objects take 12 per cent less in turn.
        """
        return self.compute.device.type != "cpu" or self.encoding.threads > _FEW_THREADS

    def new_method(self, clock: Clock | None = None) -> Method:
        """Make the chosen method, knowing no object yet; its parts are timed by ``clock``."""
        decoder = Decoder(self.network, self.compute, clock or Clock())
        if self.settings.method == "memory":
            # What is recorded is recorded as one: the network, not what is recorded already.
            records = self.compute.records
            encode = self.network.encode_layers if records else self.encoding.layers
            closer = Closer(encode, self.settings.small_side)
            return MemoryMethod(decoder, self.settings, closer, fixed=records)
        kind = PublicMethod if self.settings.recipe == "public" else PersamMethod
        return kind(decoder, self.settings)

    def encode(self, frame: Frame) -> Encoded:
        """Embed one frame; raises what `encode_batch` raises."""
        return self.encode_batch([frame])[0]

    def encode_batch(self, frames: Sequence[Frame]) -> list[Encoded]:
        """Embed frames of one size; raises PersamVosError when memory is too small for one."""
        return self._encode([self.prepare(frame) for frame in frames])

    def encode_ahead(self, frames: Iterable[Frame], clock: Clock) -> Generator[Encoded, None, None]:
        """Embed the frames of a clip in order, a bounded number of them ahead.

        In batches of one size, so that a run can be repeated to the last bit; or, where the engine
        is shared, in batches with what other clips ask for. ``clock`` then counts what it takes to
        hand pictures in. Raises what `encode_batch` raises.
        """
        if self.batcher is None:
            with self.compute.new_lane()():
                for batch in in_batches(frames, self.pictures.most):
                    with clock.measure("encode"):
                        encoded = self.encode_batch(batch)
                    yield from encoded
            return
        asked = self._ask(self.batcher, frames, clock)
        with closing(prefetch(asked, depth=max(1, self.pictures.most // 2))) as handed_in:
            for later in handed_in:
                yield later.result()

    @contextmanager
    def shared(self) -> Iterator[Engine]:
        """Lend an engine to clips that are tracked at the same time, each in a thread.

        Pictures that are padded to one size share batches. Clips that go on when the block is left
        end with an error.
        """
        with Batcher(self._encode, key=_padded_size, most=self.pictures.most) as batcher:
            yield replace(self, batcher=batcher)

    def _ask(
        self, batcher: Batcher[Prepared, Encoded], frames: Iterable[Frame], clock: Clock
    ) -> Iterator[Future[Encoded]]:
        for frame in frames:
            with clock.measure("encode"):
                asked = batcher.submit(self.prepare(frame))
            yield asked

    def _encode(self, pictures: Sequence[Prepared]) -> list[Encoded]:
        return encode(pictures, self.encoding.layers, self.compute, self.pictures)

    def prepare(self, frame: Frame) -> Prepared:
        """Scale, normalise and pad one frame, as the method wants it encoded."""
        # The paper's methods see the padding that SAM was trained with; the memory needs none.
        square = self.settings.method != "memory"
        return prepare(frame, self.compute, image_size=self.settings.image_size, square=square)


@dataclass(slots=True)
class Propagation:
    """The state of one clip: what the method remembers, and the last answer."""

    engine: Engine
    labelling: Labelling
    object_ids: tuple[int, ...] = field(default=())
    last: Answer | None = None

    @classmethod
    def start(cls, engine: Engine, clock: Clock | None = None) -> Propagation:
        """Begin a clip; parts of steps are timed by ``clock``."""
        clock = clock or Clock()
        method, size = engine.new_method(clock), engine.settings.image_size
        return cls(engine, Labelling(method, engine.compute, size, clock))

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
            previous = self.last if self.labelling.method.looks_back else None
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
        return given_answer(encoded.frame, labels, self.object_ids, known)


def track_frames(
    frames: Iterable[Frame],
    references: Mapping[int, LabelMap],
    engine: Engine,
    *,
    clock: Clock | None = None,
) -> Generator[TrackedFrame, None, None]:
    """Label every frame, lazily; reading, encoding and tracking overlap, see `Engine.overlaps`.

    ``references`` gives labels (H, W) by frame index; the first frame needs one. Memory does not
    grow with the number of frames: embeddings of three batches, at most, are ahead of the tracker.
    """
    clock = clock or Clock()
    state = Propagation.start(engine, clock)
    asked: deque[Answer] = deque()
    depth = _FRAMES_AHEAD + engine.pictures.most
    ready = max(_EMBEDDINGS_AHEAD, _BATCHES_AHEAD * (engine.compute.pictures_at_once - 1))
    with closing(prefetch(clock.each("read", frames), depth=depth)) as ahead:
        embedded = engine.encode_ahead(ahead, clock)
        if engine.overlaps:
            embedded = prefetch(embedded, depth=ready)
        with closing(embedded):
            for encoded in embedded:
                with clock.measure("track"):
                    asked.append(state.ask(encoded, references.get(encoded.frame.index)))
                if len(asked) > engine.compute.answers_behind:
                    yield asked.popleft().wait()
            while asked:
                yield asked.popleft().wait()


def _padded_size(picture: Prepared) -> tuple[int, ...]:
    return tuple(picture.image.shape)
