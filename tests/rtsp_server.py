"""A small RTSP server (RFC 2326): one client, MPEG-2 video as RTP within the same connection."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import av
from live_sources import SIZE_HW
from media_clips import picture

SDP = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=test\r\nt=0 0\r\nm=video 0 RTP/AVP 32\r\na=control:v\r\n"
)


class _Interleaved:
    """What the RTP muxer writes to: each packet goes out with its channel and length."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def write(self, packet: bytes) -> int:
        channel = 1 if packet[1] in range(200, 205) else 0  # RTCP has packet types of its own
        head = b"$" + bytes([channel]) + len(packet).to_bytes(2, "big")
        self._connection.sendall(head + bytes(packet))
        return len(packet)


def _play(connection: socket.socket, count: int) -> None:
    output: Any = _Interleaved(connection)
    with av.open(output, "w", format="rtp", buffer_size=1400) as container:
        stream = container.add_stream("mpeg2video", rate=25, options={"bf": "0", "g": "10"})
        stream.height, stream.width = SIZE_HW
        stream.pix_fmt = "yuv420p"
        for index in range(count):
            frame = av.VideoFrame.from_ndarray(picture(index), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _serve(server: socket.socket, count: int) -> None:
    connection, _ = server.accept()
    with connection, connection.makefile("rb") as requests:
        head: dict[str, str] = {}
        for line in requests:
            name, _, value = line.decode().strip().partition(" ")
            if name:
                head.setdefault(name.rstrip(":"), value)
                continue
            method, answer, body = next(iter(head)), "", ""
            if method == "DESCRIBE":
                body = SDP
                answer = f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
            elif method == "SETUP":
                answer = f"Transport: {head['Transport']}\r\nSession: 1\r\n"
            reply = f"RTSP/1.0 200 OK\r\nCSeq: {head['CSeq']}\r\n{answer}\r\n{body}"
            connection.sendall(reply.encode())
            if method == "PLAY":
                _play(connection, count)
                return
            head = {}


@contextmanager
def rtsp_server(count: int) -> Iterator[str]:
    """Yield an address that sends so many frames, and then hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                _serve(server, count)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"rtsp://127.0.0.1:{server.getsockname()[1]}/test"
        thread.join()
