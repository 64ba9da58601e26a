"""Frames of a video file, by PyAV: upright 8-bit RGB with presentation times."""

from __future__ import annotations

import contextlib
from bisect import bisect_left
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from ..errors import MediaError
from ..runtime.ordered_pool import ordered_map, worker_count
from ..structures import ColourTags, Frame, SourceInfo
from .container import (
    average_rate,
    frame_count,
    is_avi,
    moving_streams,
    open_container,
    video_stream,
)
from .decoding import Picture, decoded, picture_stamps
from .deinterlacing import FILTER, deinterlaced
from .file_end import ends_inside_picture
from .frame_numbers import no_such_frame
from .notes import Notes
from .orientation import Value
from .picture import orientation_of, to_deep_rgb, to_rgb
from .read_options import DEFAULT, ReadOptions
from .reversing import Fingerprints, reversed_frames
from .seeking import NEAR, RUN_UPS, Entry, StampIndex, can_seek, entry_before, index_stamps
from .tone_mapping import TRANSFERS

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream


@dataclass(frozen=True, slots=True)
class _Timed:
    """A picture with its place among all, in order of presentation."""

    index: int
    picture: Picture
    seconds: float
    duration_seconds: float | None


class VideoSource:
    """A video read by PyAV: a file, or an address as text.

    Opening decodes the first frame, so that ``info`` tells what the frames will be. Each call of
    ``frames`` opens the file anew and closes it when it ends, fails or is dropped. Pictures of
    another size than the first are scaled to it; ``warnings`` says so, and what else was found.
    Raises MediaError when it is not a video that can be decoded.
    """

    def __init__(self, path: Path | str, options: ReadOptions = DEFAULT) -> None:
        self.path = path
        self.notes = Notes(str(path))
        self._options = options
        self._stamps: StampIndex | None = None
        with open_container(path) as container:
            stream = video_stream(path, container, options.stream)
            first = next(decoded(None, container, stream), None)
            if first is None:
                raise _undecodable(path, stream)
            self._first_pts = first.pts
            self.orientation = orientation_of(first.frame)
            self.info = self._info(container, stream, first)
            self._tell(container, stream)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is odd about the video, as far as it was read."""
        return self.notes.sentences()

    @property
    def files(self) -> tuple[Path, ...]:
        """The file that it reads; none of an address."""
        return (self.path,) if isinstance(self.path, Path) else ()

    def index_of(self, name: str) -> int | None:
        """Return the index of the frame of that name: they are numbers."""
        return int(name) if name.isdecimal() else None

    def names_of(self, number: int) -> dict[int, str]:
        """Return the name of the frame of that number."""
        return {number: f"{number:05d}"}

    def index_at(self, seconds: float) -> int:
        """Return the index of the first frame that begins then or later, by all time stamps."""
        with self._opened() as (container, stream):
            times = Times(stream)
            begins = [times.of(pts) for pts in picture_stamps(container, stream, self._first_pts)]
        return bisect_left(begins, seconds - _ROUNDING)

    def __iter__(self) -> Iterator[Frame]:
        return self.frames()

    def frames(self, start: int = 0) -> Generator[Frame, None, None]:
        """Yield the frames from ``start`` on in order of presentation.

        On machines of many cores they are converted by a few threads, with a picture more ahead
        than there are threads. A file that was cut short yields the frames that are there and then
        raises MediaError, as one does that ends before ``start``.
        """
        return ordered_map(self._frame, self._pictures(start), workers=worker_count())

    def frames_reversed(self, until: int) -> Iterator[Frame]:
        """Yield the frames from ``until`` back to 0, the same as forwards; raises MediaError."""
        return reversed_frames(self, until)

    def frames_near(self, start: int, fingerprints: Fingerprints, run_up: int) -> Iterator[Frame]:
        """Yield what seems to be the frames from ``start`` on, after a seek before them.

        `reversed_frames` checks them. None where there is no time to seek by.
        """
        pictures = self._pictures_near(start, fingerprints, run_up)
        return ordered_map(self._frame, pictures, workers=worker_count())

    def _info(self, container: InputContainer, stream: VideoStream, first: Picture) -> SourceInfo:
        frame, aspect = first.frame, stream.sample_aspect_ratio or Fraction(1)
        interlaced = frame.interlaced_frame or stream.codec_context.field_order in INTERLACED
        return SourceInfo(
            path=str(self.path),
            kind="video",
            size_hw=self.orientation.size_hw(frame.height, frame.width),
            frames_per_second=average_rate(stream),
            rotation_degrees=self.orientation.rotation_degrees,
            codec=stream.codec_context.codec.name,
            pixel_format=frame.format.name,
            has_audio=bool(container.streams.audio),
            start_seconds=(stream.start_time or 0) * (stream.time_base or Fraction(1)),
            pixel_aspect=1 / aspect if self.orientation.transpose else aspect,
            interlaced=interlaced,
            bit_depth=max(part.bits for part in frame.format.components),
            transfer=TRANSFERS.get(frame.color_trc, ""),
            colour=ColourTags(
                int(frame.color_primaries), int(frame.color_trc), int(frame.colorspace)
            ),
            frame_count=frame_count(self.path, container, stream),
        )

    def _tell(self, container: InputContainer, stream: VideoStream) -> None:
        """Note what the user should know of the video before it is read."""
        count = len(moving_streams(container))
        if count > 1 and self._options.stream is None:
            number = moving_streams(container).index(stream)
            self.notes.add(f"has {count} video streams; number {number}, from 0, is read")
        if self._deinterlaces:
            self.notes.add(f"is interlaced; its pictures are deinterlaced by FFmpeg's {FILTER}")
        if isinstance(self.path, Path) and ends_inside_picture(self.path):
            self.notes.add("ends inside of a picture: it was cut short, or its recording stopped")
        if self.info.transfer:
            self.notes.add(f"has a high dynamic range ({self.info.transfer}), which is tone-mapped")

    @property
    def _deinterlaces(self) -> bool:
        return self.info.interlaced and self._options.deinterlace

    def _pictures(self, start: int) -> Iterator[_Timed]:
        """Decode the pictures from ``start`` on; raises MediaError as `frames` does."""
        entry = self._entry(start)
        count = entry.index
        with self._opened() as (container, stream):
            if entry.ticks is not None:
                container.seek(entry.ticks, stream=stream)
            file = self.path if isinstance(self.path, Path) else None
            times = Times(stream)
            pictures = self._whole(decoded(file, container, stream, before=entry.index))
            for index, picture in enumerate(pictures, entry.index):
                seconds = times.of(picture.pts)
                count += 1
                if picture.damaged:
                    self.notes.damaged(index)
                if index >= start:
                    yield _Timed(index, picture, seconds, times.duration(picture))
        if count <= start:
            raise no_such_frame(str(self.path), start, count)

    def _entry(self, start: int) -> Entry:
        """Return where to begin to decode for the frames from ``start`` on.

        Deinterlacing needs the picture before as well, and addresses would be read twice.
        """
        nowhere = Entry()
        if start <= NEAR or self._deinterlaces or not isinstance(self.path, Path):
            return nowhere
        with self._opened() as (container, stream):
            if self._first_pts is None or not can_seek(stream):
                return nowhere
            if self._stamps is None or not self._stamps.has(start):
                packets = container.demux(stream)
                self._stamps = index_stamps(packets, self._first_pts, start)
            began = stream.start_time
        index = self._stamps
        if not index.sure or not index.has(start) or began is None or began > self._first_pts:
            return nowhere
        for run_up in RUN_UPS:
            with self._opened() as (container, stream):
                entry = entry_before(container, stream, index.stamps, start, run_up)
            if entry is not None:
                return entry
        return nowhere

    def _pictures_near(
        self, start: int, fingerprints: Fingerprints, run_up: int
    ) -> Iterator[_Timed]:
        """Decode what seems to be the pictures from ``start`` on, up to the first failure."""
        import av

        with self._opened() as (container, stream):
            if stream.start_time is None or stream.time_base is None:
                return
            times, index = Times(stream), start
            ticks = stream.start_time + int(fingerprints.seconds[start - run_up] / stream.time_base)
            with contextlib.suppress(av.FFmpegError, MediaError):
                container.seek(ticks, stream=stream)
                for picture in self._whole(decoded(None, container, stream)):
                    seconds = times.of(picture.pts)
                    if seconds >= fingerprints.seconds[start]:
                        yield _Timed(index, picture, seconds, times.duration(picture))
                        index += 1

    @contextlib.contextmanager
    def _opened(self) -> Iterator[tuple[InputContainer, VideoStream]]:
        with open_container(self.path) as container:
            yield container, video_stream(self.path, container, self._options.stream)

    def _whole(self, pictures: Iterator[Picture]) -> Iterator[Picture]:
        return deinterlaced(pictures) if self._deinterlaces else pictures

    def _frame(self, one: _Timed) -> Frame:
        """Turn a decoded picture into an upright frame; called by several threads at once."""
        frame = one.picture.frame
        orientation = orientation_of(frame)
        deep = orientation.apply(to_deep_rgb(frame)) if self._is_deep else None
        return Frame(
            one.index,
            f"{one.index:05d}",
            self._of_first_size(one.index, orientation.apply(to_rgb(frame))),
            one.seconds,
            duration_seconds=one.duration_seconds,
            damaged=one.picture.damaged,
            deep=None if deep is None else self._of_first_size(one.index, deep),
        )

    @property
    def _is_deep(self) -> bool:
        """Whether frames get all values of the source."""
        return self._options.deep and (self.info.bit_depth > 8 or bool(self.info.transfer))

    def _of_first_size(self, index: int, image: npt.NDArray[Value]) -> npt.NDArray[Value]:
        height, width = self.info.size_hw
        if image.shape[:2] == (height, width):
            return image
        self.notes.once(
            "size",
            f"changes its size at frame {index}, to {image.shape[1]} x {image.shape[0]}; such "
            f"pictures are scaled to {width} x {height}, as the first",
        )
        smaller = image.shape[0] > height
        method = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(image, (width, height), interpolation=method), image.dtype)


def _undecodable(path: Path | str, stream: VideoStream) -> MediaError:
    """Say that not one frame came out; of encrypted MP4, why."""
    locked = _is_encrypted(path, stream.index)
    return MediaError(
        str(path),
        got="an encrypted video" if locked else "a video without a frame that can be decoded",
        expected="one without copy protection" if locked else "at least one frame",
        remedy="check that it plays, and copy or export it again if it does not",
    )


def _is_encrypted(path: Path | str, index: int) -> bool:
    with open_container(path) as container:
        first = next(container.demux(container.streams[index]), None)
        return first is not None and first.has_sidedata("encryption_info")


_ROUNDING = 0.0005  # seconds: times are given and stored to milliseconds
INTERLACED = (2, 3, 4, 5)
"""FFmpeg's orders of fields, all but 1 for progressive and 0 for unknown."""


class Times:
    """Presentation times in seconds from the start of a stream, always rising.

    Raw streams have no time stamps, and broken ones repeat them: such a frame comes one average
    frame duration after the one before it.
    """

    def __init__(self, stream: VideoStream) -> None:
        self._start = stream.start_time
        self._time_base = stream.time_base or 1 / average_rate(stream)
        self._step = float(1 / average_rate(stream))
        self._says_durations = not is_avi(stream)
        self._last: float | None = None

    def of(self, pts: int | None) -> float:
        """Return the time of the next frame of the stream, by its time stamp."""
        last, seconds = self._last, None
        if pts is not None:
            start = self._start = pts if self._start is None else self._start
            seconds = max(0.0, float((pts - start) * self._time_base))
        if seconds is None or (last is not None and seconds <= last):
            seconds = 0.0 if last is None else last + self._step
        self._last = seconds
        return seconds

    def duration(self, picture: Picture) -> float | None:
        """Return how long a picture is shown, if the stream says so."""
        if picture.duration is None or not self._says_durations:
            return None
        return float(picture.duration * self._time_base)
