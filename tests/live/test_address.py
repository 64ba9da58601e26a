"""What can be named as a live source, and how it is shown."""

from __future__ import annotations

import pytest

from persam_vos.errors import UsageError
from persam_vos.live.address import PROTOCOLS, camera_number, check_source, shown_name, stalled


@pytest.mark.parametrize(
    "source", ["-", "0", "12", "rtsp://h/1", "RTSP://h", "udp://@:5000", "srt://h:9", "tcp://h:1"]
)
def test_cameras_addresses_and_stdin_are_sources(source: str) -> None:
    check_source(source)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("clip.mp4", "got 'clip.mp4', expected the number of a camera"),
        ("", "got ''"),
        ("file:///etc/passwd", "begins with file://, expected one of rtsp://"),
        ("concat://a|b", "begins with concat://"),
        ("http://", "begins with http://"),
        ("-1", "got '-1'"),
    ],
)
def test_all_else_is_refused(source: str, words: str) -> None:
    with pytest.raises(UsageError, match="source: got ") as caught:
        check_source(source)
    assert words in str(caught.value)


def test_no_address_may_lead_to_a_file() -> None:
    opened = {protocol for allowed in PROTOCOLS.values() for protocol in allowed.split(",")}
    assert not opened & {"file", "pipe", "fd", "concat", "subfile", "crypto", "data", "async"}


def test_cameras_have_numbers() -> None:
    assert [camera_number(source) for source in ("0", "11", "-", "rtsp://0")] == [0, 11, None, None]


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("-", "stdin"),
        ("2", "camera 2"),
        ("rtsp://cam/1", "rtsp://cam/1"),
        ("rtsp://me@cam/1", "rtsp://me@cam/1"),
        ("rtsp://me:s:ecret@cam:554/1?a=b", "rtsp://me:***@cam:554/1?a=b"),
        ("udp://@:5000", "udp://@:5000"),
    ],
)
def test_passwords_are_not_shown(source: str, shown: str) -> None:
    assert shown_name(source) == shown


def test_a_stalled_source_is_explained() -> None:
    words = "stdin: got no frame for 0.5 s, expected a source that goes on sending; check it"
    assert str(stalled("stdin", 0.5)).startswith(words)
