"""Which reader takes what: by the name of the source, and by the first bytes on stdin."""

from __future__ import annotations

import pytest
from live_sources import jpeg, piped, served, video_bytes
from media_clips import picture

from persam_vos.errors import MediaError
from persam_vos.live.raw import RawFormat
from persam_vos.live.settings import LiveSettings
from persam_vos.live.source import live_frames


@pytest.mark.parametrize(
    ("data", "settings", "codec", "count"),
    [
        (video_bytes(4), {}, "mpeg2video", 4),
        (b"".join(map(jpeg, map(picture, range(3)))), {"rate": 5}, "mjpeg", 3),
        (bytes(200), {"raw": RawFormat(10, 10, "gray")}, "rawvideo", 2),
    ],
    ids=["container", "jpeg", "raw"],
)
def test_stdin_is_read_as_what_it_is(
    data: bytes, settings: dict[str, float | RawFormat], codec: str, count: int
) -> None:
    with piped(data[:1], data[1:]) as descriptor:
        given = LiveSettings(stdin=descriptor, **settings)  # type: ignore[arg-type]
        found = list(live_frames("-", given))
    assert [one.facts.codec for one in found] == [codec] * count


def test_an_address_is_opened() -> None:
    with served(video_bytes(4)) as address:
        assert len(list(live_frames(address, LiveSettings()))) == 4


def test_an_empty_stdin_is_explained() -> None:
    with piped() as descriptor, pytest.raises(MediaError, match="stdin: got nothing, expected"):
        list(live_frames("-", LiveSettings(stdin=descriptor)))


def test_a_camera_is_opened_when_its_first_frame_is_asked_for() -> None:
    frames = live_frames("98", LiveSettings())
    with pytest.raises(MediaError, match="camera 98"):
        next(frames)
