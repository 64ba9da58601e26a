"""The first frame of a live source, as the source on which objects are shown."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..media.frame_numbers import no_such_frame
from ..structures import Frame, SourceInfo
from .capture import Captured


@dataclass(frozen=True, slots=True)
class FirstFrame:
    """A source of one frame, from which masks and prompts are read; consumed by ``tracking``."""

    info: SourceInfo
    frame: Frame
    files: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, captured: Captured, name: str) -> FirstFrame:
        """Convert a frame that arrived; raises MediaError for one that is damaged."""
        frame, facts = captured.frame(), captured.facts
        info = SourceInfo(
            path=name,
            kind="video",
            size_hw=frame.size_hw,
            frame_count=None,
            frames_per_second=facts.frames_per_second,
            codec=facts.codec,
            pixel_format=facts.pixel_format,
        )
        return cls(info, frame)

    def index_of(self, name: str) -> int | None:
        """Return 0 for the name of the frame, None for others."""
        return 0 if name == self.frame.name else None

    def names_of(self, number: int) -> dict[int, str]:
        """Return the name of the frame, if it is this number."""
        return {0: self.frame.name} if number == 0 else {}

    def index_at(self, seconds: float) -> int:
        """Return 0 for the time of the frame, 1 for later ones."""
        return int(seconds > 0)

    def frames(self, start: int = 0) -> Generator[Frame, None, None]:
        """Yield the frame; raises MediaError for another ``start`` than 0."""
        if start > 0:
            raise no_such_frame(self.info.path, start, 1)
        yield self.frame

    def frames_reversed(self, until: int) -> Iterator[Frame]:
        """Yield the frame; raises MediaError for another ``until`` than 0."""
        return self.frames(until)

    def __iter__(self) -> Iterator[Frame]:
        return self.frames()
