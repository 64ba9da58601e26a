"""Intervals of frames in which an object was not visible."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Span = tuple[int, int]
"""First and last frame, both inclusive."""


@dataclass(slots=True)
class Visibility:
    """Spans of frames in which objects were not drawn; frames come forwards or backwards.

    Frames between two that come one after the other were left out, and count as the first of them.
    """

    _spans: dict[int, list[Span]] = field(default_factory=dict)
    _start: int | None = None
    _last: int | None = None
    _forwards: bool | None = None

    def note(self, index: int, visible: Mapping[int, bool]) -> None:
        """Take in the frame after the last one, or the first one the other way.

        ``visible`` tells of each object, by its id, whether it is drawn.
        """
        before = self._last
        forwards = None if before is None else index > before
        if None not in (forwards, self._forwards) and forwards != self._forwards:
            before = self._start  # from where the other way begins
        self._start = index if self._start is None else self._start
        self._last, self._forwards = index, forwards
        for object_id, is_drawn in visible.items():
            if not is_drawn:
                self._extend(self._spans.setdefault(object_id, []), index, before)

    def spans(self) -> dict[int, list[Span]]:
        """Return the spans of each object that was not visible at times, by its id, in order."""
        return {object_id: sorted(spans) for object_id, spans in sorted(self._spans.items())}

    @staticmethod
    def _extend(spans: list[Span], index: int, before: int | None) -> None:
        """Join a frame to the span of the frame that came before it, if it has one."""
        if spans and before is not None and before in spans[-1]:
            first, last = spans[-1]
            spans[-1] = (min(first, index), max(last, index))
        else:
            spans.append((index, index))
