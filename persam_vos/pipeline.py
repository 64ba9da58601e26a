"""The only file that knows the order of things.

Take frames; encode each; on a reference frame describe the targets and fit their scale weights; on
every frame prompt, decode and compose; hand on the labels.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from .batching import Batcher, in_batches
from .clock import Clock
from .config import MethodSettings
from .device import Compute
from .errors import MaskError
from .methods.memory import MemoryMethod
from .methods.persam import PersamMethod
from .methods.public import PublicMethod
from .portions import Portions
from .prefetch import prefetch
from .runtimes import Encoder, torch_encoder
from .sam.build import SamNetwork
from .sam.geometry import Geometry
from .stages.compose import compose, scale
from .stages.decode import Decoder
from .stages.encode import Prepared, encode, prepare
from .stages.outline import scale_by_colours
from .stages.prompts import box_of
from .structures import (
    Encoded,
    Frame,
    LabelMap,
    ObjectLogits,
    ObjectResult,
    ScaledLogits,
    TrackedFrame,
)

_FRAMES_AHEAD = 3  # pictures read ahead of the encoder, beside a batch: 25 MB each at 4K
_EMBEDDINGS_AHEAD = 2  # embeddings ready ahead of the tracker: 4 MB each


class Method(Protocol):
    """What `--method` and `--recipe` choose: learns objects, then answers frame by frame."""

    def describe(self, encoded: Encoded, labels: LabelMap, object_ids: tuple[int, ...]) -> None:
        """Learn the objects of a reference frame."""

    def step(self, encoded: Encoded, previous: LabelMap) -> ObjectLogits:
        """Answer for every known object on the next frame."""


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

    def new_method(self, clock: Clock | None = None) -> Method:
        """Make the chosen method, knowing no object yet; its parts are timed by ``clock``."""
        decoder = Decoder(self.network, self.compute, clock or Clock())
        if self.settings.method == "memory":
            return MemoryMethod(decoder, self.settings)
        kind = PublicMethod if self.settings.recipe == "public" else PersamMethod
        return kind(decoder, self.settings)

    def encode(self, frame: Frame) -> Encoded:
        """Embed one frame; raises what `encode_batch` raises."""
        return self.encode_batch([frame])[0]

    def encode_batch(self, frames: Sequence[Frame]) -> list[Encoded]:
        """Embed frames of one size; raises PersamVosError when memory is too small for one."""
        return self._encode([self.prepare(frame) for frame in frames])

    def encode_ahead(self, frames: Iterable[Frame], clock: Clock) -> Iterator[Encoded]:
        """Embed the frames of a clip in order, a bounded number of them ahead.

        In batches of one size, so that a run can be repeated to the last bit; or, where the engine
        is shared, in batches with what other clips ask for. ``clock`` then counts what it takes to
        hand pictures in. Raises what `encode_batch` raises.
        """
        if self.batcher is None:
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
    """The state of one clip: the method's memory and the last label map."""

    engine: Engine
    method: Method
    previous: LabelMap | None = None
    object_ids: tuple[int, ...] = field(default=())
    clock: Clock = field(default_factory=Clock)

    def advance(self, encoded: Encoded, reference: LabelMap | None = None) -> TrackedFrame:
        """Label one frame; frames come in order.

        ``reference`` gives true labels (H, W) for some objects of this frame: the first frame
        needs one, later ones may have one, which adds or corrects objects.
        """
        frame = encoded.frame
        labels = np.zeros(frame.size_hw, dtype=np.uint8)
        scores: dict[int, float] = {}
        if self.previous is not None:
            labels, scores = self._propagate(encoded, self.previous)
        if reference is not None:
            given = tuple(int(i) for i in np.unique(reference) if i)
            if given:
                self.method.describe(encoded, reference, given)
            self.object_ids = tuple(sorted({*self.object_ids, *given}))
            labels = np.where(np.isin(labels, given), 0, labels)
            labels = np.where(reference > 0, reference, labels).astype(np.uint8)
            scores.update(dict.fromkeys(given, 1.0))
        if not self.object_ids:
            raise MaskError(
                f"frame {frame.index}",
                got="no mask for the first frame",
                expected="a mask that shows each object once",
            )
        self.previous = labels
        return TrackedFrame(frame, labels, _results(labels, self.object_ids, scores))

    def _propagate(self, encoded: Encoded, previous: LabelMap) -> tuple[LabelMap, dict[int, float]]:
        answer = self.method.step(encoded, previous)
        with self.clock.part("compose"):
            scaled = self._scaled(answer, encoded)
            labels = compose(scaled, encoded.frame.size_hw, encoded.features.device)
        return labels, dict(zip(answer.object_ids, answer.scores, strict=True))

    def _scaled(self, answer: ObjectLogits, encoded: Encoded) -> Iterator[ScaledLogits]:
        frame = encoded.frame
        geometry = Geometry(frame.size_hw, self.engine.settings.image_size)
        if not answer.outlined:
            return scale(answer, geometry.logit_weights(answer.low_res_logits))
        picture = self.engine.compute.upload(frame.image)
        return scale_by_colours(answer, encoded.colours[0], picture, geometry)


def track_frames(
    frames: Iterable[Frame],
    references: Mapping[int, LabelMap],
    engine: Engine,
    *,
    clock: Clock | None = None,
) -> Generator[TrackedFrame, None, None]:
    """Label every frame, lazily; reading, encoding and tracking overlap.

    ``references`` gives labels (H, W) by frame index; the first frame needs one. Memory does not
    grow with the number of frames: embeddings of two batches, at most, are ahead of the tracker.
    """
    clock = clock or Clock()
    state = Propagation(engine, engine.new_method(clock), clock=clock)

    depth = _FRAMES_AHEAD + engine.pictures.most
    with (
        closing(prefetch(clock.each("read", frames), depth=depth)) as ahead,
        closing(prefetch(engine.encode_ahead(ahead, clock), depth=_EMBEDDINGS_AHEAD)) as embedded,
    ):
        for encoded in embedded:
            with clock.measure("track"):
                tracked = state.advance(encoded, references.get(encoded.frame.index))
            yield tracked


def _padded_size(picture: Prepared) -> tuple[int, ...]:
    return tuple(picture.image.shape)


def _results(
    labels: LabelMap, object_ids: tuple[int, ...], scores: Mapping[int, float]
) -> tuple[ObjectResult, ...]:
    """Measure every object on a label map."""
    areas = np.bincount(labels.ravel(), minlength=256)
    return tuple(
        ObjectResult(
            object_id=object_id,
            box_xyxy=box_of(labels == object_id) if areas[object_id] else None,
            area_px=int(areas[object_id]),
            score=scores.get(object_id, 0.0),
        )
        for object_id in object_ids
    )
