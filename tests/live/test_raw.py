"""Raw frames: their formats, what they become, and bytes that do not fit."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from live_sources import SIZE_HW, reading
from media_clips import picture

from persam_vos.errors import MediaError, UsageError
from persam_vos.live.raw import RawFormat, raw_frames
from persam_vos.media.picture import to_rgb


@pytest.mark.parametrize("pixels", ["rgb24", "bgr24", "gray", "yuv420p"])
def test_pixels_are_what_ffmpeg_makes_of_them(pixels: str) -> None:
    frames = [
        av.VideoFrame.from_ndarray(picture(index), format="rgb24").reformat(format=pixels)
        for index in range(3)
    ]
    data = b"".join(frame.to_ndarray().tobytes() for frame in frames)
    form = RawFormat.parse(f"96x64:{pixels}")
    found = list(raw_frames(reading(data), form))
    assert form.frame_bytes * 3 == len(data)
    assert [one.index for one in found] == [0, 1, 2]
    for one, frame in zip(found, frames, strict=True):
        image = one.to_image()
        assert image.flags.writeable, "torch warns of arrays that are not"
        np.testing.assert_array_equal(image, to_rgb(frame))


def test_times_are_by_rate_or_by_arrival() -> None:
    form, data = RawFormat(2, 1, "gray"), bytes(8)
    steady = list(raw_frames(reading(data), form, Fraction(10)))
    assert [one.seconds for one in steady] == [0, 0.1, 0.2, 0.3]
    assert steady[0].facts.frames_per_second == 10
    live = list(raw_frames(reading(data), form))
    assert [one.seconds for one in live] == [one.arrived - live[0].arrived for one in live]


def test_bytes_that_come_in_small_pieces_make_whole_frames() -> None:
    data = picture(1).tobytes()
    read = reading(data)
    (one,) = raw_frames(lambda count: read(min(count, 1000)), RawFormat(96, 64, "rgb24"))
    np.testing.assert_array_equal(one.to_image(), picture(1))


def test_an_end_in_the_middle_of_a_frame_is_told_after_the_frames_before_it() -> None:
    frames = raw_frames(reading(bytes(250)), RawFormat(10, 10, "gray"))
    assert [next(frames).index, next(frames).index] == [0, 1]
    with pytest.raises(MediaError, match=r"got 50 bytes after 2 frames, expected .* 100 bytes"):
        next(frames)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("640x480", "expected WIDTHxHEIGHT:PIXELS"),
        ("640x480:nv12", "rgb24, bgr24, gray, yuv420p"),
        ("640x480:rgb24@30", "expected WIDTHxHEIGHT:PIXELS"),
        ("0x480:rgb24", "1 to 16384 pixels"),
        ("99999x2:rgb24", "1 to 16384 pixels"),
        ("95x64:yuv420p", "even sides"),
        ("-1x2:gray", "expected WIDTHxHEIGHT:PIXELS"),
    ],
)
def test_formats_that_cannot_be_are_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError, match="raw: got ") as caught:
        RawFormat.parse(text)
    assert words in str(caught.value)
    assert str(caught.value).endswith("write it as in 640x480:rgb24")


def test_a_format_knows_its_bytes() -> None:
    height, width = SIZE_HW
    assert RawFormat(width, height, "yuv420p").frame_bytes == height * width * 3 // 2
