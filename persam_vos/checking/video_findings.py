"""What there is to know about a video before it is tracked."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import PersamVosError
from .findings import Finding
from .probe import VideoFacts

_HD_HEIGHT = 720  # from there on videos that do not name their colour matrix mostly mean BT.709
_LONG_GAP_SECONDS = 10.0
_COUNT_TOLERANCE = 0.02  # of the frames; headers are off by one or two where they are right


def video_findings(facts: VideoFacts) -> Iterator[Finding]:
    """Yield what is odd about a video, beyond the warnings of who reads it."""
    info = facts.info
    height, width = info.size_hw
    if info.rotation_degrees:
        yield Finding(
            "note",
            info.path,
            f"pictures that are stored turned by {info.rotation_degrees} degrees",
            f"upright masks of {width} x {height}",
        )
    if info.pixel_aspect != 1:
        yield Finding(
            "note",
            info.path,
            f"pixels of {info.pixel_aspect}, which players show {info.display_size_hw[1]} wide",
            f"masks of {width} x {height}, or as they are shown",
        )
    yield from _times(facts)
    if info.bit_depth > 8 and not info.transfer:
        words = f"{info.bit_depth} bits a channel, of which tracking uses 8 and exports keep all"
        yield Finding("note", info.path, words)
    if info.kind == "video" and not facts.colour_matrix and height >= _HD_HEIGHT:
        yield Finding(
            "note", info.path, "no colour matrix in its header: colours may be slightly off"
        )
    if facts.alpha:
        yield Finding("note", info.path, "transparency, which is not used")
    if "?" in facts.audio:
        yield Finding("note", info.path, "sound of an unknown kind, which the overlay cannot have")


def reading_findings(
    facts: VideoFacts, frames_read: int, failure: PersamVosError | None, *, to_the_end: bool
) -> Iterator[Finding]:
    """Yield what reading its frames has shown: how many there are, and where it broke off."""
    path = facts.info.path
    if failure is not None:
        yield Finding.of(failure)
    elif not to_the_end:
        got = f"only its first {frames_read} frames were decoded, to see that they can be"
        yield Finding("note", path, got)
    elif frames_read == 1:
        yield Finding(
            "warning",
            path,
            "a single picture",
            "a video, a folder of images or a pattern",
            "name all frames, if there are more",
        )
    stated, counted = facts.stated_count, facts.counted
    if stated and counted and abs(stated - counted) > max(1, _COUNT_TOLERANCE * counted):
        yield Finding("note", path, f"{counted} frames, where its header says {stated}")


def _times(facts: VideoFacts) -> Iterator[Finding]:
    if not facts.variable_rate or facts.longest_seconds is None or facts.usual_seconds is None:
        return
    usual, longest = facts.usual_seconds, facts.longest_seconds
    got = f"frames that are mostly shown for {1000 * usual:.0f} ms"
    if longest > _LONG_GAP_SECONDS:
        remedy = "cut it there if the time between was not filmed"
        yield Finding("warning", facts.info.path, f"{got}, one for {longest:.0f} s", "", remedy)
    else:
        yield Finding("note", facts.info.path, f"{got}, one for {1000 * longest:.0f} ms")
