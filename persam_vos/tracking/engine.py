"""The engine: a network on a device with its settings; loaded once, shared by clips."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from ..backends import Encoder, torch_encoder
from ..config import MethodSettings
from ..encoders.grid_encoder import GridEncoder
from ..methods.base import Method
from ..methods.memory.crop_refiner import CropRefiner
from ..methods.memory.strategy import DenseStrategy, SparseStrategy
from ..methods.memory.tracker import MemoryMethod
from ..methods.persam import PersamMethod
from ..methods.persam_upstream import UpstreamMethod
from ..runtime.batcher import Batcher, in_batches
from ..runtime.device import Compute
from ..runtime.oom_batcher import OomBatcher
from ..runtime.prefetch import prefetch
from ..runtime.stream import device_access, new_stream, record, wait
from ..runtime.timer import StageTimer
from ..sam.build import SamNetwork
from ..stages.decode import Decoder
from ..stages.encode import Prepared, encode, prepare, with_mirror_images
from ..structures import Encoded, Frame

_FEW_THREADS = 3  # of a CPU's encoder: with these it does not overlap with tracking


@dataclass(frozen=True, slots=True)
class Engine:
    """A network on a device with its settings; shared by any number of clips."""

    network: SamNetwork
    compute: Compute
    settings: MethodSettings
    weights: Mapping[str, str] = field(default_factory=dict)
    """Name of the weights, and the sha256 of each of their files; those of ``matcher`` too."""
    encoder: Encoder | None = field(default=None, kw_only=True)
    """What encodes; the network itself if None."""
    matcher: GridEncoder | None = field(default=None, kw_only=True)
    """What pictures are compared by in place of SAM's encoder, where targets are looked for."""
    encode_batcher: OomBatcher = field(default_factory=OomBatcher, kw_only=True)
    """How many pictures are encoded at once."""
    batcher: Batcher[Prepared, Encoded] | None = field(default=None, kw_only=True)
    """Encodes for several clips at a time, see `shared`; None: each clip is encoded by itself."""

    @property
    def encoding(self) -> Encoder:
        """What encodes."""
        return self.encoder or torch_encoder(self.network)

    @property
    def overlaps(self) -> bool:
        """Whether the next frames are encoded while one is tracked.

        On few cores the two would slow each other down: on 2, eight objects take 12 per cent less
        time one after the other.
        """
        return self.compute.device.type != "cpu" or self.encoding.threads > _FEW_THREADS

    def new_method(self, timer: StageTimer | None = None) -> Method[Any]:
        """Make a new method as chosen, without objects; its parts are timed by ``timer``."""
        decoder = Decoder(self.network, self.compute, timer or StageTimer())
        if self.settings.method == "memory":
            refiner = CropRefiner(self.encoding.eager_layers, self.settings.small_side)
            strategy = DenseStrategy() if self.compute.static_shapes else SparseStrategy()
            return MemoryMethod(decoder, self.settings, refiner, strategy)
        kind = UpstreamMethod if self.settings.recipe == "upstream" else PersamMethod
        return kind(decoder, self.settings)

    def encode(self, frame: Frame) -> Encoded:
        """Embed one frame; raises what `encode_batch` raises."""
        return self.encode_batch([frame])[0]

    def encode_window(self, frame: Frame) -> Encoded:
        """Embed a window of a picture, padded to the square; raises what `encode_batch` raises.

        Whatever its shape, the encoder has one size to compile for.
        """
        return self._encode([self.prepare(frame, square=True)])[0]

    def encode_batch(self, frames: Sequence[Frame]) -> list[Encoded]:
        """Embed frames of one size; raises PersamVosError when memory is too small for one."""
        return self._encode([self.prepare(frame) for frame in frames])

    def encode_ahead(
        self, frames: Iterable[Frame], timer: StageTimer
    ) -> Generator[Encoded, None, None]:
        """Embed the frames of a clip in order, a bounded number of them ahead.

        In batches of one size, so that a run can be repeated to the last bit; or, where the engine
        is shared, in batches with frames of other clips. ``timer`` then counts the time to prepare
        and submit pictures. Raises what `encode_batch` raises.
        """
        if self.batcher is None:
            with new_stream(self.compute.device)():
                for batch in in_batches(frames, self.encode_batcher.batch_size):
                    with timer.measure("encode"):
                        encoded = self.encode_batch(batch)
                    yield from encoded
            return
        futures = self._submit(self.batcher, frames, timer)
        with closing(
            prefetch(futures, depth=max(1, self.encode_batcher.batch_size // 2))
        ) as submitted:
            for future in submitted:
                yield future.result()

    @contextmanager
    def shared(self) -> Iterator[Engine]:
        """Lend an engine to clips that are tracked at the same time, each in a thread.

        Pictures that are padded to one size share batches. Clips that go on when the block is left
        end with an error.
        """
        with Batcher(
            self._encode, key=_padded_size, batch_size=self.encode_batcher.batch_size
        ) as batcher:
            yield replace(self, batcher=batcher)

    def _submit(
        self, batcher: Batcher[Prepared, Encoded], frames: Iterable[Frame], timer: StageTimer
    ) -> Iterator[Future[Encoded]]:
        for frame in frames:
            with timer.measure("encode"):
                future = batcher.submit(self.prepare(frame))
            yield future

    def _encode(self, pictures: Sequence[Prepared]) -> list[Encoded]:
        device, layers = self.compute.device, self.encoding.layers
        if self.settings.mirrored:
            layers = with_mirror_images(layers)
        with device_access(device):
            for one in pictures:
                wait(device, one.ready, one)
            encoded = encode(pictures, layers, self.compute, self.encode_batcher)
            if self.matcher is not None:
                encoded = [replace(one, matching=self.matcher.on_grid(one)) for one in encoded]
            ready = record(device)
            return [replace(one, ready=ready) for one in encoded]

    def prepare(self, frame: Frame, *, square: bool = False) -> Prepared:
        """Scale, normalise and pad one frame, as the method wants it encoded, or to the square."""
        # The paper's methods see the padding that SAM was trained with; the memory needs none.
        square, size = square or self.settings.method != "memory", self.settings.image_size
        device = self.compute.device
        with device_access(device):
            prepared = prepare(frame, self.compute, image_size=size, square=square)
            return replace(prepared, ready=record(device))


def _padded_size(picture: Prepared) -> tuple[int, ...]:
    return tuple(picture.image.shape)
