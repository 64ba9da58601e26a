"""Live sources: cameras, streams and standard input, tracked as their frames arrive."""

from .raw import RawFormat
from .run import LiveCounts, LiveSummary, track_live
from .settings import LiveSettings

__all__ = ["LiveCounts", "LiveSettings", "LiveSummary", "RawFormat", "track_live"]
