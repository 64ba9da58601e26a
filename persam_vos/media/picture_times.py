"""When the pictures of a video that is written are shown, in ticks of its time base."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

LONGEST_SECONDS = 3600.0
"""A picture that is shown for longer is a jump of a clock; MP4 counts up to 5 hours."""
GRID_SECONDS = 0.001
"""Times this near to a multiple of the frame duration are put there: Matroska rounds to 1 ms."""


@dataclass(slots=True)
class PictureTimes:
    """Turns the times of a source's pictures into those of a video, whose first picture is at 0.

    ``step`` is how long pictures are shown on average, in seconds; ``constant_rate`` repeats and
    drops pictures to come to that. ``first_seconds`` is the time of the first picture in the
    source, ``sound_seconds`` that in the video from which sound no longer fits, since the source's
    clock jumps, and ``jumps`` are sentences on that.
    """

    step: Fraction
    time_base: Fraction
    constant_rate: bool = False
    first_seconds: float | None = None
    sound_seconds: float | None = None
    jumps: list[str] = field(default_factory=list)
    zero_seconds: float = 0.0  # of the source's clock, as it is after its jumps
    last_pts: int = -1

    def begin(self, time_seconds: float) -> float:
        """Return when a picture is shown, in seconds of the video; the first one begins it."""
        if self.first_seconds is None:
            self.first_seconds = self.zero_seconds = time_seconds
        return time_seconds - self.zero_seconds

    def until(self, seconds: float, next_time_seconds: float) -> float:
        """Return up to when a picture is shown that begins at ``seconds``, before the next one."""
        gap = next_time_seconds - self.zero_seconds - seconds
        if gap > LONGEST_SECONDS:
            self._skip(seconds, gap)
        return next_time_seconds - self.zero_seconds

    def at_end(self, seconds: float, duration_seconds: float | None) -> float:
        """Return up to when the last picture is shown, by default as long as others."""
        return seconds + min(duration_seconds or float(self.step), LONGEST_SECONDS)

    def spans(self, seconds: float, until: float) -> Iterator[tuple[int, int]]:
        """Yield time stamp and duration, in ticks, of each time that a picture is to be written."""
        times = [(seconds, until)]
        if self.constant_rate:
            step = float(self.step)
            ticks = range(math.ceil(seconds / step - 0.5), math.ceil(until / step - 0.5))
            times = [(tick * step, (tick + 1) * step) for tick in ticks]
        for begin, end in times:
            self.last_pts = max(self._ticks(begin), self.last_pts + 1)
            yield self.last_pts, max(1, self._ticks(end) - self.last_pts)

    def _skip(self, seconds: float, gap: float) -> None:
        """Shorten a jump of the clock to a second, by moving the start."""
        self.zero_seconds += gap - 1
        if self.sound_seconds is None:
            self.sound_seconds = seconds
        self.jumps.append(
            f"the source's clock jumps by {gap:.0f} s after {seconds:.2f} s; 1 s of it is shown, "
            "without sound from there on"
        )

    def _ticks(self, seconds: float) -> int:
        """Return a time in units of the time base, on the grid of the rate if near it."""
        grid = round(seconds / self.step) * self.step
        if abs(float(grid) - seconds) <= GRID_SECONDS:
            return round(grid / self.time_base)
        return round(seconds / self.time_base)
