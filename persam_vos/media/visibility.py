"""Intervals of frames in which an object was not visible."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..structures import TrackedFrame

Span = tuple[int, int]
"""First and last frame, both inclusive."""


@dataclass(slots=True)
class Visibility:
    """Spans of frames in which objects were not drawn; frames come forwards or backwards.

    ``stride`` is the difference between the indices of frames that are next to each other.
    """

    stride: int = 1
    _spans: dict[int, list[Span]] = field(default_factory=dict)

    def note(self, tracked: TrackedFrame) -> None:
        """Take in a frame that is next to the one before it, or begins the other way."""
        for result in tracked.objects:
            if not result.visible:
                spans = self._spans.setdefault(result.object_id, [])
                self._extend(spans, tracked.index, self.stride)

    def spans(self) -> dict[int, list[Span]]:
        """Return the spans of each object that was not visible at times, by its id, in order."""
        return {object_id: sorted(spans) for object_id, spans in sorted(self._spans.items())}

    @staticmethod
    def _extend(spans: list[Span], index: int, stride: int) -> None:
        """Join a frame to the span that it is next to; a start frame shows its objects."""
        if spans and spans[-1][1] == index - stride:
            spans[-1] = (spans[-1][0], index)
        elif spans and spans[-1][0] == index + stride:
            spans[-1] = (index, spans[-1][1])
        else:
            spans.append((index, index))
