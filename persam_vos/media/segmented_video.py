"""A video that is written in segments, so that what is done of it outlasts a run that is killed."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..files.atomic import TEMPORARY, AtomicFile, atomic_path, make_folder
from ..structures import SourceInfo
from .joining import Part, join, video_warnings
from .picture_encoder import H264, PictureEncoder, Pixels, ffmpeg_errors
from .picture_times import PictureTimes

SEGMENT_PICTURES = 100
"""Pictures of a segment: what is drawn again at most after a run was killed, in about a second."""


@dataclass(frozen=True, slots=True)
class _Segment:
    """A closed file; ``base_pts`` is the time of its first picture, in ticks.

    ``count`` is how many pictures there are with those of the segments before it, and ``times`` are
    what `PictureTimes` had become at its end. It is ``whole`` if it has all pictures that a segment
    has, and the last one its final duration.
    """

    path: Path
    base_pts: int
    count: int
    whole: bool
    times: dict[str, Any]

    @property
    def facts_path(self) -> Path:
        return self.path.with_suffix(".json")


class SegmentedVideo:
    """Write pictures with their times, as `VideoWriter` does, to files of their own in ``folder``.

    Each has `SEGMENT_PICTURES` pictures, is encoded by itself, and can be played; `close` joins
    them to the video ``path`` and adds the sound. So the pictures of a video do not depend on how
    often its writing was broken off. Of segments that are there, the first ``kept`` pictures stay,
    as far as they fill segments: ``count`` says where to go on. Raises OutputError.
    """

    def __init__(
        self,
        path: Path,
        folder: Path,
        info: SourceInfo,
        *,
        constant_rate: bool = False,
        kept: int = 0,
    ) -> None:
        self.path = path
        self._folder = make_folder(folder)
        self._info = info
        self._constant_rate = constant_rate
        self._segments = _keep(folder, kept)
        self._times: PictureTimes | None = None
        self.count = 0
        if self._segments:
            self._times, self.count = _times_of(self._segments[-1]), self._segments[-1].count
        self._pending: tuple[Pixels, float, float | None] | None = None
        self._problems: list[str] = []
        self._encoder: PictureEncoder | None = None
        self._file: AtomicFile | None = None
        self._base_pts: int | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What could not be carried over as it is."""
        return () if self._times is None else video_warnings(self.path, self._problems, self._times)

    def write(
        self, image: Pixels, time_seconds: float, duration_seconds: float | None = None
    ) -> None:
        """Add an RGB picture of the source's size, as to `VideoWriter.write`."""
        times = None
        if self._pending is not None:
            image_before, seconds, _ = self._pending
            assert self._times is not None  # as there is a picture
            times = self._times
            self._encode(image_before, seconds, times.until(seconds, time_seconds))
            if self.count % SEGMENT_PICTURES == 0:
                self._end_segment(whole=True)
        times = times or self._begun()
        self._pending = (image, times.begin(time_seconds), duration_seconds)
        self.count += 1

    def close(self) -> None:
        """Finish the last segment, and join all; without any picture there is no video."""
        if self._pending is not None:
            image, seconds, duration = self._pending
            self._pending = None
            assert self._times is not None  # as there is a picture
            self._encode(image, seconds, self._times.at_end(seconds, duration))
            self._end_segment(whole=False)
        if self._segments and self._times is not None:
            with atomic_path(self.path) as temporary, ffmpeg_errors(self.path):
                self._problems = join(
                    [Part(segment.path, segment.base_pts) for segment in self._segments],
                    temporary,
                    H264.container,
                    self._times,
                    sound_of=self._info,
                    metadata=H264.metadata,
                )

    def abort(self) -> None:
        """Drop the segment that is not finished; those before it stay."""
        self._pending = None
        # What is wrong with a file that goes away does not matter.
        with contextlib.suppress(Exception):
            if self._encoder is not None:
                self._encoder.close()
        if self._file is not None:
            self._file.discard()
        self._encoder = self._file = None

    def _begun(self) -> PictureTimes:
        """Return the times; they are known once there is an encoder."""
        if self._times is None:
            with self._guarded():
                encoder = self._opened()
                self._times = PictureTimes(
                    1 / self._info.frames_per_second, encoder.time_base, self._constant_rate
                )
        return self._times

    def _opened(self) -> PictureEncoder:
        """Return the encoder of the segment that is written."""
        if self._encoder is None:
            number = len(self._segments)
            self._file = AtomicFile(self._folder / f"{number:06d}.mp4")
            self._encoder = PictureEncoder(self._file.temporary, self._info, H264)
        return self._encoder

    def _encode(self, image: Pixels, seconds: float, until: float) -> None:
        with self._guarded():
            assert self._times is not None  # as there is a picture
            for pts, duration in self._times.spans(seconds, until):
                if self._base_pts is None:
                    self._base_pts = pts
                self._opened().encode(image, pts - self._base_pts, duration)

    def _end_segment(self, *, whole: bool) -> None:
        """Close the file of a segment, then write what is known of it: with that it counts."""
        if self._encoder is None or self._file is None:
            return  # a constant rate dropped all of its pictures
        with self._guarded():
            assert self._times is not None  # as there is a picture
            self._encoder.finish()
            self._file.commit()
            times = asdict(self._times)
            segment = _Segment(self._file.path, self._base_pts or 0, self.count, whole, times)
            _write_facts(segment)
        self._segments.append(segment)
        self._encoder = self._file = self._base_pts = None

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """Drop the segment on any failure, and raise OutputError for those of files."""
        try:
            with ffmpeg_errors(self.path):
                yield
        except BaseException:
            self.abort()
            raise


def remove_segments(folder: Path) -> None:
    """Remove all segments in a folder, and it; raises OSError."""
    _keep(folder, 0)
    if folder.is_dir():
        folder.rmdir()


def _keep(folder: Path, count: int) -> list[_Segment]:
    """Return the segments with the first ``count`` pictures, up to the first that is not whole.

    The others are removed, and what a killed run had not finished.
    """
    segments: list[_Segment] = []
    while True:
        segment = _read(folder / f"{len(segments):06d}.mp4")
        if segment is None or not segment.whole or segment.count > count:
            break
        segments.append(segment)
    kept = {one for segment in segments for one in (segment.path, segment.facts_path)}
    for suffix in ("json", "mp4"):  # facts first: without them a segment does not count
        for path in (*folder.glob(f"[0-9]*.{suffix}"), *folder.glob(f"{TEMPORARY}*.{suffix}")):
            if path not in kept:
                path.unlink()
    return segments


def _read(path: Path) -> _Segment | None:
    try:
        facts = json.loads(path.with_suffix(".json").read_text("utf-8"))
        whole, count = facts["whole"], facts["count"]
        return _Segment(path, facts["base_pts"], count, whole, facts["times"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_facts(segment: _Segment) -> None:
    times = {
        name: str(value) if isinstance(value, Fraction) else value
        for name, value in segment.times.items()
    }
    facts = {"base_pts": segment.base_pts, "count": segment.count, "whole": segment.whole}
    with atomic_path(segment.facts_path) as temporary:
        temporary.write_text(json.dumps(facts | {"times": times}), encoding="utf-8")


def _times_of(segment: _Segment) -> PictureTimes:
    fractions = {name: Fraction(segment.times[name]) for name in ("step", "time_base")}
    return PictureTimes(**{**segment.times, **fractions})
