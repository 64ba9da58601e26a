"""Servers that lie, stall or never end: each answer is written out byte by byte."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from persam_vos.errors import FetchError
from persam_vos.files import download as download_module
from persam_vos.files.download import RemoteFile, download
from persam_vos.files.progress import silent

CONTENT = bytes(range(256)) * 400
EXPECTED = RemoteFile("a.bin", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
UNKNOWN = RemoteFile("a.bin", None, None)
OK = b"HTTP/1.1 200 OK\r\n"

Answer = Callable[[str, socket.socket], None]


class Server:
    """Answers each connection by ``answer``, which gets the request's head and the socket."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/a.bin"
        self.answer: Answer = lambda _head, _connection: None
        self.heads: list[str] = []
        self.over = threading.Event()

    def run(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                self.heads.append(connection.recv(65536).decode())
                self.answer(self.heads[-1], connection)


@pytest.fixture
def server() -> Iterator[Server]:
    one = Server()
    thread = threading.Thread(target=one.run)
    thread.start()
    yield one
    one.over.set()
    one.socket.shutdown(socket.SHUT_RDWR)
    one.socket.close()
    thread.join()


def sends(*parts: bytes) -> Answer:
    def answer(_head: str, connection: socket.socket) -> None:
        for part in parts:
            connection.sendall(part)

    return answer


def length(count: int | str) -> bytes:
    return f"Content-Length: {count}\r\n\r\n".encode()


def fetch(server: Server, folder: Path, expected: RemoteFile = EXPECTED) -> Path:
    path = folder / "a.bin"
    download(server.url, path, expected, silent)
    return path


def nothing_is_there(folder: Path) -> bool:
    return not (folder / "a.bin").exists()


def test_a_body_without_an_end_is_read_up_to_the_size_that_is_known(
    server: Server, tmp_path: Path
) -> None:
    def answer(_head: str, connection: socket.socket) -> None:
        connection.sendall(OK + b"\r\n")
        while not server.over.is_set():
            connection.sendall(bytes(65536))

    server.answer = answer
    with pytest.raises(FetchError, match=r"got sha256 \w+ \(102400 bytes\), expected sha256"):
        fetch(server, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("claimed", [0, 5, len(CONTENT) - 1, len(CONTENT) + 1, 10**14])
def test_a_length_that_is_not_that_of_the_file_is_refused(
    server: Server, tmp_path: Path, claimed: int
) -> None:
    server.answer = sends(OK + length(claimed), CONTENT)
    with pytest.raises(FetchError, match="the server has another file"):
        fetch(server, tmp_path)
    assert nothing_is_there(tmp_path)


@pytest.mark.parametrize("claimed", ["9" * 5000, "-5", "1e9", "0x20", "", "٣"])
def test_a_length_that_is_no_number_is_not_believed(
    server: Server, tmp_path: Path, claimed: str
) -> None:
    server.answer = sends(OK + b"Content-Length: " + claimed.encode() + b"\r\n\r\n")
    with pytest.raises(FetchError, match="no size from the server"):
        fetch(server, tmp_path, UNKNOWN)


def test_a_size_that_no_disk_has_is_told_before_anything_is_fetched(
    server: Server, tmp_path: Path
) -> None:
    server.answer = sends(OK + length(9 * 10**14))
    with pytest.raises(FetchError, match="not enough space on the disk"):
        fetch(server, tmp_path, UNKNOWN)
    assert len(server.heads) == 1


def test_another_part_than_was_asked_for_is_refused(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.bin.part").write_bytes(CONTENT[:1000])
    part = b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 500-102399/102400\r\n"
    server.answer = sends(part + length(len(CONTENT) - 500), CONTENT[500:])
    with pytest.raises(FetchError, match="got bytes from 500, expected bytes from 1000"):
        fetch(server, tmp_path)
    assert "Range: bytes=1000-" in server.heads[0]
    assert nothing_is_there(tmp_path)


def test_a_leftover_is_not_continued_where_nothing_would_tell_that_it_is_of_another_file(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "a.bin.part").write_bytes(b"of yesterday")
    server.answer = sends(OK + length(len(CONTENT)), CONTENT)
    assert fetch(server, tmp_path, UNKNOWN).read_bytes() == CONTENT
    assert not any("Range" in head for head in server.heads)


def test_another_file_of_the_same_size_is_refused_and_removed(
    server: Server, tmp_path: Path
) -> None:
    server.answer = sends(OK + length(len(CONTENT)), CONTENT[::-1])
    with pytest.raises(FetchError, match="corrupt, truncated or another file"):
        fetch(server, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_sends_next_to_nothing_is_given_up(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download_module, "SLOWEST", (1000, 0.1))
    monkeypatch.setattr(download_module, "MAX_CONNECTIONS", 2)

    def answer(_head: str, connection: socket.socket) -> None:
        connection.sendall(OK + length(len(CONTENT)))
        for _ in range(200):
            connection.sendall(b"x")
            time.sleep(0.01)

    server.answer = answer
    with pytest.raises(FetchError, match="bytes in 0 s"):
        fetch(server, tmp_path)
    assert nothing_is_there(tmp_path)


def redirect(address: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nLocation: {address}\r\nContent-Length: 0\r\n\r\n".encode()


def test_a_redirect_to_another_host_brings_the_same_file_or_none(
    server: Server, tmp_path: Path
) -> None:
    elsewhere = server.url.replace("127.0.0.1", "localhost").replace("a.bin", "b.bin")

    def answer(head: str, connection: socket.socket) -> None:
        there = head.startswith("GET /b.bin")
        connection.sendall(OK + length(len(CONTENT)) + CONTENT if there else redirect(elsewhere))

    server.answer = answer
    assert fetch(server, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("address", ["file:///etc/passwd", "data:text/plain,x", "javascript:x"])
def test_a_redirect_to_what_is_no_server_is_refused(
    server: Server, tmp_path: Path, address: str
) -> None:
    server.answer = sends(redirect(address))
    with pytest.raises(FetchError):
        fetch(server, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_redirects_in_a_circle_end(server: Server, tmp_path: Path) -> None:
    server.answer = sends(redirect(server.url))
    with pytest.raises(FetchError, match="HTTP 302"):
        fetch(server, tmp_path)
    assert len(server.heads) < 20


def test_a_redirect_that_leaves_encryption_is_refused() -> None:
    import urllib.request

    handler = download_module._SafeRedirects()
    request = urllib.request.Request("https://example.org/a.bin")
    with pytest.raises(FetchError, match=r"a redirect to http://example\.org/a\.bin"):
        handler.redirect_request(request, None, 302, "", {}, "http://example.org/a.bin")
    fine = handler.redirect_request(request, None, 302, "", {}, "https://example.com/a.bin")
    assert fine is not None
    assert fine.full_url == "https://example.com/a.bin"


def test_words_of_a_server_cannot_rewrite_the_terminal(server: Server, tmp_path: Path) -> None:
    server.answer = sends(b"HTTP/1.1 404 gone \x1b[2J\x1b]0;title\x07\r\n\r\n")
    with pytest.raises(FetchError) as caught:
        fetch(server, tmp_path)
    assert str(caught.value).isprintable()
