"""Frames of a video file, by PyAV: upright 8-bit RGB with presentation times."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from ..errors import MediaError
from ..runtime.ordered_pool import ordered_map, worker_count
from ..structures import Frame, RgbImage, SourceInfo
from .container import (
    average_rate,
    end_seconds,
    frame_count,
    open_container,
    reason,
    stated_seconds,
    video_stream,
)
from .frame_numbers import no_such_frame
from .orientation import Orientation
from .reversing import Fingerprints, reversed_frames

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.sidedata.sidedata import SideData
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream


END_TOLERANCE_SECONDS = 0.25
"""How far a stream may fall short of its header, whose writers round and drop last frames."""


@dataclass(frozen=True, slots=True)
class _Decoded:
    index: int
    picture: VideoFrame
    seconds: float


class VideoSource:
    """A video file read by PyAV.

    Opening decodes the first frame, so that ``info`` tells what the frames will be. Each call of
    ``frames`` opens the file anew and closes it when it ends, fails or is dropped.
    Raises MediaError when the file is not a video that can be decoded.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with open_container(path) as container:
            stream = video_stream(path, container)
            first = next(decoded(path, container, stream), None)
            if first is None:
                raise MediaError(
                    str(path),
                    got="a video without a frame that can be decoded",
                    expected="at least one frame",
                    remedy="check that it plays, and copy or export it again if it does not",
                )
            self.orientation = orientation_of(first)
            self.info = SourceInfo(
                path=str(path),
                kind="video",
                size_hw=self.orientation.size_hw(first.height, first.width),
                frame_count=frame_count(container, stream),
                frames_per_second=average_rate(stream),
                rotation_degrees=self.orientation.rotation_degrees,
                codec=stream.codec_context.codec.name,
                pixel_format=first.format.name,
                has_audio=bool(container.streams.audio),
            )

    @property
    def files(self) -> tuple[Path, ...]:
        """The file that it reads."""
        return (self.path,)

    def __iter__(self) -> Iterator[Frame]:
        return self.frames()

    def frames(self, start: int = 0) -> Generator[Frame, None, None]:
        """Yield the frames from ``start`` on in order of presentation.

        On machines of many cores they are converted by a few threads, with a picture more ahead
        than there are threads. A file that ends early, or cannot be decoded further, yields the
        frames before that and then raises MediaError, as one does that ends before ``start``.
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

    def _pictures(self, start: int) -> Iterator[_Decoded]:
        """Decode the pictures from ``start`` on; raises MediaError as `frames` does."""
        count = 0
        with open_container(self.path) as container:
            stream = video_stream(self.path, container)
            times = Times(stream)
            for index, picture in enumerate(decoded(self.path, container, stream)):
                seconds = times.of(picture)
                count += 1
                if index >= start:
                    yield _Decoded(index, picture, seconds)
        if count <= start:
            raise no_such_frame(str(self.path), start, count)

    def _pictures_near(
        self, start: int, fingerprints: Fingerprints, run_up: int
    ) -> Iterator[_Decoded]:
        """Decode what seems to be the pictures from ``start`` on, up to the first failure."""
        import av

        with open_container(self.path) as container:
            stream = video_stream(self.path, container)
            if stream.start_time is None or stream.time_base is None:
                return
            times, index = Times(stream), start
            ticks = stream.start_time + int(fingerprints.seconds[start - run_up] / stream.time_base)
            with contextlib.suppress(av.FFmpegError):
                container.seek(ticks, stream=stream)
                for picture in container.decode(stream):
                    seconds = times.of(picture)
                    if seconds >= fingerprints.seconds[start]:
                        yield _Decoded(index, picture, seconds)
                        index += 1

    def _frame(self, one: _Decoded) -> Frame:
        """Turn a decoded picture into an upright frame; called by several threads at once."""
        image = orientation_of(one.picture).apply(to_rgb(one.picture))
        self._check_size(one.index, image)
        return Frame(one.index, f"{one.index:05d}", image, one.seconds)

    def _check_size(self, index: int, image: RgbImage) -> None:
        height, width = self.info.size_hw
        if image.shape[:2] != (height, width):
            raise MediaError(
                f"{self.path}, frame {index}",
                got=f"a picture of {image.shape[1]} x {image.shape[0]}",
                expected=f"{width} x {height}, as the first",
                remedy="convert the video to one size first",
            )


class Times:
    """Presentation times in seconds from the start of a stream, always rising.

    Raw streams have no time stamps, and broken ones repeat them: such a frame comes one average
    frame duration after the one before it.
    """

    def __init__(self, stream: VideoStream) -> None:
        self._start = stream.start_time
        self._time_base = stream.time_base or 1 / average_rate(stream)
        self._step = float(1 / average_rate(stream))
        self._last: float | None = None

    def of(self, picture: VideoFrame) -> float:
        """Return the time of the next frame of the stream."""
        last, seconds = self._last, None
        if picture.pts is not None:
            start = self._start = picture.pts if self._start is None else self._start
            seconds = max(0.0, float((picture.pts - start) * self._time_base))
        if seconds is None or (last is not None and seconds <= last):
            seconds = 0.0 if last is None else last + self._step
        self._last = seconds
        return seconds


def decoded(path: Path, container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Yield decoded pictures; raises MediaError where the stream breaks off or ends early.

    What cannot be decoded before the first picture is passed over: cut streams often begin so.
    """
    import av

    count = 0
    covered = Fraction(0)
    try:
        for packet in container.demux(stream):
            cut = packet.is_corrupt and count > 0
            for picture in decode_packet(stream, None if cut else packet, forgiving=count == 0):
                yield picture
                count += 1
            if cut:
                raise broken(path, count, stream, "the file ends in the middle of one")
            covered = max(covered, end_seconds(packet, stream))
    except av.FFmpegError as error:
        raise broken(path, count, stream, reason(error)) from error
    stated = stated_seconds(container, stream)
    if count and stated is not None and stated - covered > END_TOLERANCE_SECONDS:
        why = f"the file ends at {float(covered):.2f} s of {float(stated):.2f} s"
        raise broken(path, count, stream, why)


def decode_packet(
    stream: VideoStream, packet: Packet[VideoStream] | None, *, forgiving: bool
) -> list[VideoFrame]:
    """Return the pictures that one packet completes; None stands for the end of the stream."""
    import av

    try:
        return stream.codec_context.decode(packet)
    except av.FFmpegError:
        if forgiving:
            return []
        raise


def broken(path: Path, count: int, stream: VideoStream, why: str) -> MediaError:
    """Say where a stream broke off."""
    expected = f"{stream.frames} frames" if stream.frames else "a whole video"
    return MediaError(
        str(path),
        got=f"{count} frames ({why})",
        expected=expected,
        remedy="the frames before it are good; copy or export the video again for the rest",
    )


def orientation_of(picture: VideoFrame) -> Orientation:
    """Return how a decoded picture has to be turned."""
    from av.sidedata.sidedata import SideDataContainer

    # Not `picture.side_data`: it and its picture hold each other, with all pixels, until Python's
    # cycle collector comes by, which took over a thousand frames.
    side_data = SideDataContainer(picture)  # type: ignore[call-arg]  # its stub has no __init__
    matrix = side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return Orientation()
    return Orientation.from_display_matrix(bytes(cast("SideData", matrix)))


def to_rgb(picture: VideoFrame) -> RgbImage:
    """Convert a picture of any pixel format to (H, W, 3) uint8 RGB, alpha dropped.

    Matrix and range are those the stream is tagged with; untagged is BT.601 limited, as in FFmpeg.
    Without these flags swscale is up to 3 levels off and repeats chroma samples.
    """
    from av.video.reformatter import Interpolation

    flags = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
    rgb = _own.reformatter.reformat(picture, format="rgb24", interpolation=flags, threads=1)
    return np.asarray(rgb.to_ndarray(), dtype=np.uint8)


class _OwnReformatter(threading.local):
    """A thread's swscale context, for all its pictures: each by itself would make another.

    Contexts are used with one thread. By default they start one for each core, which on 16 of them
    takes longer than to convert a picture.
    """

    def __init__(self) -> None:
        from av.video.reformatter import VideoReformatter

        self.reformatter = VideoReformatter()


_own = _OwnReformatter()
