"""Streams that FFmpeg demuxes, over loopback and from pipes; what they may not open."""

from __future__ import annotations

import http.server
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from live_sources import SIZE_HW, jpeg, reading, served, video_bytes
from media_clips import picture
from rtsp_server import rtsp_server

from persam_vos.errors import MediaError
from persam_vos.live.capture import Captured
from persam_vos.live.stream import address_frames, stdin_stream_frames
from persam_vos.media.reader import open_source

FRAMES = 8


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.ts"
    path.write_bytes(video_bytes(FRAMES))
    return path


def test_a_stream_over_tcp_has_the_frames_of_the_file(clip: Path) -> None:
    with served(clip.read_bytes()) as address:
        live = list(address_frames(address, 20))
    whole = list(open_source(clip))
    assert [one.index for one in live] == list(range(FRAMES))
    assert [one.seconds for one in live] == pytest.approx([one.time_seconds for one in whole])
    for one, other in zip(live, whole, strict=True):
        np.testing.assert_array_equal(one.to_image(), other.image)
    assert live[0].facts.frames_per_second == 25
    assert live[0].facts.codec == "mpeg2video"
    assert live[0].arrived < live[-1].arrived


@pytest.mark.parametrize(
    ("form", "codec"), [("matroska", "mpeg4"), ("mpegts", "mpeg2video"), ("flv", "flv")]
)
def test_containers_are_read_from_a_pipe(form: str, codec: str) -> None:
    data = video_bytes(FRAMES, form, codec)
    live = list(stdin_stream_frames(reading(data), 20))
    assert [one.index for one in live] == list(range(FRAMES))
    assert live[0].frame().size_hw == SIZE_HW


def test_a_stream_that_is_joined_in_the_middle_begins_with_what_can_be_decoded() -> None:
    data = video_bytes(40)
    live = list(stdin_stream_frames(reading(data[len(data) // 4 :]), 20))
    assert 10 < len(live) < 40
    assert [one.index for one in live] == list(range(len(live)))


def test_damage_in_the_middle_is_passed_over() -> None:
    data = bytearray(video_bytes(40))
    third = len(data) // 3
    data[third : third + 2000] = bytes(2000)
    assert len(list(stdin_stream_frames(reading(bytes(data)), 20))) > 20


@pytest.mark.parametrize("data", [b"\x00garbage" * 5000, bytes(range(256)) * 200, b"abc"])
def test_garbage_is_explained(data: bytes) -> None:
    with pytest.raises(MediaError, match="stdin: got ") as caught:
        list(stdin_stream_frames(reading(data), 20))
    assert "expected " in str(caught.value)


def test_a_source_that_is_not_there_is_explained_at_once() -> None:
    with pytest.raises(MediaError, match=r"tcp://127\.0\.0\.1:1: got .*Connection refused"):
        next(address_frames("tcp://127.0.0.1:1", 20))


@pytest.mark.parametrize("sent", [b"", video_bytes(40)], ids=["nothing", "some frames"])
def test_a_source_that_stalls_is_given_up(sent: bytes) -> None:
    with served(sent, hold=True) as address, pytest.raises(MediaError, match=r"no frame for 0\.7"):
        list(address_frames(address, 0.7))


def test_an_rtsp_camera_is_read_over_tcp() -> None:
    with rtsp_server(FRAMES) as address:
        live = list(address_frames(address, 20))
    assert [one.index for one in live] == list(range(FRAMES))
    assert np.abs(live[3].to_image().astype(int) - picture(3)).mean() < 8


def test_datagrams_are_read_until_none_comes() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    stop, data = threading.Event(), video_bytes(60)

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            while not stop.is_set():
                for start in range(0, len(data), 1316):
                    sender.sendto(data[start : start + 1316], ("127.0.0.1", port))
                    time.sleep(0.001)

    thread = threading.Thread(target=send)
    thread.start()
    frames = address_frames(f"udp://127.0.0.1:{port}", 1)
    live = [next(frames) for _ in range(FRAMES)]
    stop.set()
    thread.join()
    assert [one.index for one in live] == list(range(FRAMES))
    with pytest.raises(MediaError, match="got no frame for 1 s"):
        list(frames)


class _Parts(http.server.BaseHTTPRequestHandler):
    """Sends JPEGs as cameras do: one part of a message each."""

    def do_GET(self) -> None:
        if self.path != "/camera":
            body = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n" + self.path[1:].encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/vnd.apple.mpegurl")
            self.end_headers()
            self.wfile.write(body + b"\n#EXT-X-ENDLIST\n")
            return
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for index in range(FRAMES):
            data = jpeg(picture(index))
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
            self.wfile.write(head.encode() + data + b"\r\n")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Parts) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_camera_that_sends_jpegs_over_http_is_read_until_it_hangs_up(web: str) -> None:
    live: list[Captured] = []
    with pytest.raises(MediaError, match=f"got {FRAMES} frames, then it broke off"):
        live.extend(address_frames(f"{web}/camera", 20))
    assert len(live) == FRAMES
    assert np.abs(live[3].to_image().astype(int) - picture(3)).mean() < 4


@pytest.mark.parametrize("target", ["file://{}", "{}", "clip.ts"])
def test_playlists_cannot_reach_files(
    web: str, clip: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    monkeypatch.chdir(clip.parent)
    name = target.format(clip)
    with pytest.raises(MediaError):
        list(address_frames(f"{web}/{name}", 5))
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{name}\n#EXT-X-ENDLIST\n"
    for text in (playlist, f"ffconcat version 1.0\nfile {name}\n"):
        with pytest.raises(MediaError):
            list(stdin_stream_frames(reading(text.encode()), 5))
