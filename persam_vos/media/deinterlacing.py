"""Interlaced video to whole pictures, by FFmpeg's bwdif: as many as before, at the same times."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from .decoding import Picture

if TYPE_CHECKING:
    from av.filter import Graph

FILTER, OPTIONS = "bwdif", "mode=send_frame:deint=interlaced"


def deinterlaced(pictures: Iterator[Picture]) -> Iterator[Picture]:
    """Replace what is interlaced by whole pictures; others pass as they are.

    A filter is made anew where size or format change.
    """
    filtering: _Filtering | None = None
    for picture in pictures:
        shape = _shape(picture)
        if filtering is None or filtering.shape != shape:
            if filtering is not None:
                yield from filtering.finish()
            filtering = _Filtering(shape)
        yield from filtering.push(picture)
    if filtering is not None:
        yield from filtering.finish()


@dataclass(slots=True)
class _Filtering:
    """One filter graph: a picture comes out for each that went in, in the same order."""

    shape: tuple[int, int, str]
    graph: Graph = field(init=False)
    pending: deque[Picture] = field(default_factory=deque)

    def __post_init__(self) -> None:
        from fractions import Fraction

        from av.filter import Graph
        from av.video.format import VideoFormat

        width, height, pixel_format = self.shape
        self.graph = Graph()
        source = self.graph.add_buffer(
            width=width,
            height=height,
            format=VideoFormat(pixel_format),
            time_base=Fraction(1, 1000),
        )
        self.graph.link_nodes(
            source, self.graph.add(FILTER, OPTIONS), self.graph.add("buffersink")
        ).configure()

    def push(self, picture: Picture) -> Iterator[Picture]:
        """Hand a picture in; yields those that are ready."""
        self.pending.append(picture)
        self.graph.vpush(picture.frame)
        yield from self._ready()

    def finish(self) -> Iterator[Picture]:
        """Yield the rest."""
        self.graph.vpush(None)
        yield from self._ready()

    def _ready(self) -> Iterator[Picture]:
        import av

        while self.pending:
            try:
                frame = self.graph.vpull()
            except (av.BlockingIOError, av.EOFError):
                return
            yield replace(self.pending.popleft(), frame=frame)


def _shape(picture: Picture) -> tuple[int, int, str]:
    return picture.frame.width, picture.frame.height, picture.frame.format.name
