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
    """Yield what is odd about a video, from what it says of itself."""
    yield from _shape(facts)
    yield from _times(facts)
    yield from _colours(facts)
    yield from _tracks(facts)


def reading_findings(
    facts: VideoFacts, frames_read: int, failure: PersamVosError | None, *, to_the_end: bool
) -> Iterator[Finding]:
    """Yield what reading its frames has shown: how many there are, and where it broke off."""
    if failure is not None:
        yield Finding.of(failure)
    elif not to_the_end:
        yield Finding(
            "note",
            facts.path,
            f"the first {frames_read} frames were decoded, and can be; the rest was not looked at",
        )
    elif frames_read == 1:
        yield Finding(
            "warning",
            facts.path,
            "a single picture",
            "a video, a folder of images or a pattern",
            "name all frames, if there are more",
        )
    elif facts.stated_count is not None and _differ(facts.stated_count, frames_read):
        yield Finding(
            "note", facts.path, f"{frames_read} frames, where its header says {facts.stated_count}"
        )


def _differ(stated: int, counted: int) -> bool:
    return abs(stated - counted) > max(1, _COUNT_TOLERANCE * counted)


def _shape(facts: VideoFacts) -> Iterator[Finding]:
    height, width = facts.size_hw
    if facts.rotation_degrees:
        yield Finding(
            "note",
            facts.path,
            f"pictures that are stored turned by {facts.rotation_degrees} degrees",
            f"upright masks of {width} x {height}",
        )
    if facts.pixel_aspect != 1:
        aspect = facts.pixel_aspect
        yield Finding(
            "warning",
            facts.path,
            f"pixels that are {aspect.numerator}/{aspect.denominator} as wide as high: players "
            f"show it {round(width * aspect)} wide",
            f"masks of {width} x {height}",
            "draw them on frames as they are stored",
        )
    if facts.interlaced:
        yield Finding(
            "warning",
            facts.path,
            "interlaced pictures: the edges of what moves are combs",
            "whole pictures",
            "deinterlace it first, as with ffmpeg -vf bwdif",
        )


def _times(facts: VideoFacts) -> Iterator[Finding]:
    if not facts.variable_rate or facts.longest_seconds is None or facts.usual_seconds is None:
        return
    usual, longest = facts.usual_seconds, facts.longest_seconds
    got = f"frames that are mostly shown for {1000 * usual:.0f} ms"
    if longest > _LONG_GAP_SECONDS:
        remedy = "cut it there if the time between was not filmed"
        yield Finding("warning", facts.path, f"{got}, one for {longest:.0f} s", "one pace", remedy)
    else:
        yield Finding("note", facts.path, f"{got}, one for {1000 * longest:.0f} ms")


def _colours(facts: VideoFacts) -> Iterator[Finding]:
    if facts.hdr:
        yield Finding(
            "warning",
            facts.path,
            f"colours of high dynamic range ({facts.hdr})",
            "standard range: others look pale to the network and in the overlay",
            "tone-map it first",
        )
    elif facts.bit_depth > 8:
        yield Finding("note", facts.path, f"{facts.bit_depth} bits a channel, of which 8 are used")
    if facts.kind == "video" and not facts.colour_matrix and facts.size_hw[0] >= _HD_HEIGHT:
        yield Finding(
            "note",
            facts.path,
            "no colour matrix in its header: it is read as BT.601, as FFmpeg does",
        )
    if facts.alpha:
        yield Finding("note", facts.path, "transparency, which is not used")


def _tracks(facts: VideoFacts) -> Iterator[Finding]:
    if facts.video_streams > 1:
        yield Finding(
            "note", facts.path, f"{facts.video_streams} video streams: the main one is read"
        )
    if "?" in facts.audio:
        yield Finding(
            "warning",
            facts.path,
            "sound of a kind that is unknown here",
            "AAC, MP3 or another common kind",
            "leave the overlay out if it fails there, or convert the sound",
        )
