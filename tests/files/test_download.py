"""Downloads against a real server on this machine."""

from __future__ import annotations

import hashlib
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from persam_vos.errors import FetchError
from persam_vos.files import download as download_module
from persam_vos.files.download import RemoteFile, download
from persam_vos.files.progress import silent

CONTENT = bytes(range(256)) * 40_000  # 10 MB: more than the buffers of a socket hold
HALF = len(CONTENT) // 2


def remote_file(name: str, content: bytes) -> RemoteFile:
    return RemoteFile(name, len(content), hashlib.sha256(content).hexdigest())


@pytest.fixture
def get(file_server, tmp_path):
    """Download what the server has as big.bin, expecting CONTENT."""
    file_server.files["/big.bin"] = CONTENT
    expected = remote_file("big.bin", CONTENT)

    def run(on_progress=silent) -> Path:
        download(f"{file_server.url}/big.bin", tmp_path / "big.bin", expected, on_progress)
        return Path(tmp_path / "big.bin")

    return run


def test_whole_file_arrives_and_nothing_else_is_left(get, tmp_path):
    seen = []
    path = get(lambda *report: seen.append(report))
    assert path.read_bytes() == CONTENT
    assert [p.name for p in tmp_path.iterdir()] == ["big.bin"]
    assert seen[0] == ("big.bin", 0, len(CONTENT))
    assert seen[-1] == ("big.bin", len(CONTENT), len(CONTENT))
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)


@pytest.mark.parametrize("drops", [[HALF], [HALF, HALF - 5], [1], [len(CONTENT) - 1]])
def test_broken_connection_is_resumed_where_it_broke(get, file_server, drops):
    file_server.drops = list(drops)
    assert get().read_bytes() == CONTENT
    starts = [sum(drops[:n]) for n in range(1, len(drops) + 1)]
    assert file_server.requested == [None, *(f"bytes={start}-" for start in starts)]


def test_next_run_resumes_what_the_last_one_left(get, file_server, tmp_path):
    file_server.drops = [HALF, 0]
    with pytest.raises(FetchError, match=f"broke off after {HALF} of {len(CONTENT)} bytes"):
        get()
    assert [p.name for p in tmp_path.iterdir()] == ["big.bin.part"]
    assert get().read_bytes() == CONTENT
    assert file_server.requested[-1] == f"bytes={HALF}-"


@pytest.mark.parametrize("size", [HALF, len(CONTENT), len(CONTENT) + 9])
def test_wrong_leftover_is_thrown_away(get, file_server, tmp_path, size):
    (tmp_path / "big.bin.part").write_bytes(bytes(size))
    assert get().read_bytes() == CONTENT
    assert file_server.requested[-1] is None


def test_server_without_ranges_starts_over(get, file_server):
    file_server.ranges = False
    file_server.drops = [HALF]
    assert get().read_bytes() == CONTENT


def test_wrong_content_is_refused_with_both_digests(get, file_server, tmp_path):
    wrong = CONTENT[::-1]
    file_server.files["/big.bin"] = wrong
    with pytest.raises(FetchError) as caught:
        get()
    for part in ("big.bin", *(hashlib.sha256(content).hexdigest() for content in (wrong, CONTENT))):
        assert part in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"<html>", CONTENT[:HALF], CONTENT + b"x"])
def test_file_of_another_size_is_refused_unread(get, file_server, tmp_path, content):
    file_server.files["/big.bin"] = content
    with pytest.raises(FetchError, match=f"another file: got {len(content)} bytes, expected"):
        get()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_refusal_of_the_server_is_reported(get, file_server, status):
    file_server.status = status
    with pytest.raises(FetchError, match=f"HTTP {status}"):
        get()
    assert len(file_server.requested) == 1


def test_closed_port_fails_at_once(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/big.bin"
        with pytest.raises(FetchError, match="no connection"):
            download(url, tmp_path / "big.bin", remote_file("big.bin", CONTENT), silent)


def test_silent_server_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(download_module, "TIMEOUT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}/big.bin"
        with pytest.raises(FetchError, match="timed out"):
            download(url, tmp_path / "big.bin", remote_file("big.bin", CONTENT), silent)


def test_too_small_disk_is_told_before_anything_is_requested(file_server, tmp_path):
    huge = replace(remote_file("big.bin", CONTENT), size_bytes=10**18)
    with pytest.raises(FetchError, match=r"not enough space.*got .* MB free, expected 1000000000"):
        download(f"{file_server.url}/big.bin", tmp_path / "big.bin", huge, silent)
    assert file_server.requested == []


@pytest.mark.parametrize("drops", [[], [HALF]])
def test_file_of_unknown_size_and_digest_is_fetched_by_what_the_server_says(
    file_server, tmp_path, drops
):
    file_server.files["/big.bin"] = CONTENT
    file_server.drops = drops
    unknown = RemoteFile("big.bin", None, None)
    download(f"{file_server.url}/big.bin", tmp_path / "big.bin", unknown, silent)
    assert (tmp_path / "big.bin").read_bytes() == CONTENT


def test_server_that_tells_no_size_is_refused(file_server, tmp_path):
    file_server.files["/big.bin"] = CONTENT
    file_server.tells_size = False
    with pytest.raises(FetchError, match="no size from the server"):
        unknown = RemoteFile("big.bin", None, None)
        download(f"{file_server.url}/big.bin", tmp_path / "big.bin", unknown, silent)
