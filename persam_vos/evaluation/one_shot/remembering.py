"""An engine that encodes a picture once, as long as it comes back soon."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace

from ...structures import Encoded, Frame
from ...tracking.engine import Engine

PICTURES = 64
"""That stay encoded, about 10 MB each: the pictures of a class are asked for again and again."""


@dataclass(frozen=True, slots=True)
class RememberingEngine(Engine):
    """An engine that remembers the pictures it saw last, by their content."""

    known: OrderedDict[bytes, Encoded] = field(default_factory=OrderedDict, kw_only=True)

    @classmethod
    def of(cls, engine: Engine) -> RememberingEngine:
        """Return the same engine, with a memory."""
        return cls(**{one.name: getattr(engine, one.name) for one in fields(Engine)})

    def encode_batch(self, frames: Sequence[Frame]) -> list[Encoded]:
        """Embed frames, those that are remembered without the encoder."""
        return [self._remembered(frame) for frame in frames]

    def _remembered(self, frame: Frame) -> Encoded:
        key = hashlib.sha256(repr(frame.size_hw).encode() + frame.image.tobytes()).digest()
        if key not in self.known:
            (self.known[key],) = Engine.encode_batch(self, [frame])
        self.known.move_to_end(key)
        if len(self.known) > PICTURES:
            self.known.popitem(last=False)
        return replace(self.known[key], frame=frame)
