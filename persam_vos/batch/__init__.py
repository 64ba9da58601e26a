"""Many clips at a time."""

from .track_many import TrackEvents, TrackOutcome, track_many

__all__ = ["TrackEvents", "TrackOutcome", "track_many"]
