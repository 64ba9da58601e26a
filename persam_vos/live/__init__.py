"""Live sources: cameras, streams and standard input, tracked as their frames arrive."""

from .request import LiveRequest
from .run import LiveSummary, track_live

__all__ = ["LiveRequest", "LiveSummary", "track_live"]
