"""How long frames took from their arrival to their written mask."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

_MOST = 100_000  # frames: a source may go on for days


@dataclass(slots=True)
class LatencyLog:
    """Latencies in seconds, the last 100,000 of them."""

    _seconds: deque[float] = field(default_factory=lambda: deque(maxlen=_MOST))

    def note(self, seconds: float) -> None:
        """Take in one frame's."""
        self._seconds.append(seconds)

    def median(self) -> float:
        """Return what half of the frames took at most; 0 without frames."""
        return self._percentile(50)

    def p95(self) -> float:
        """Return what 95 of 100 frames took at most; 0 without frames."""
        return self._percentile(95)

    def _percentile(self, share: float) -> float:
        return float(np.percentile(self._seconds, share)) if self._seconds else 0.0
