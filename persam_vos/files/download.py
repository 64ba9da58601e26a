"""Bring one published file to this machine: resumed, checked, and moved into place when whole.

Who fetches what is the business of ``weights`` and ``datasets``; they turn FetchError into their
own kind of error with ``reported_as``.
"""

from __future__ import annotations

import hashlib
import http.client
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ..errors import FetchError, PersamVosError
from .cache import cannot_write, require_space
from .progress import ProgressCallback

CHUNK_BYTES: Final = 1 << 20
# To connect, and the longest silence after that: then we connect again and go on where we were.
TIMEOUT_SECONDS: Final = 5.0
MAX_CONNECTIONS: Final = 20
# A server that sends less than this in such a time holds us up: one byte before each time-out.
SLOWEST: Final = (60_000, 60.0)  # bytes, seconds
_LONGEST_NUMBER: Final = 15  # digits of a size


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A published file: its name here, its size in bytes and its sha256 in hex, where known."""

    name: str
    size_bytes: int | None
    sha256: str | None


@contextmanager
def reported_as(kind: type[PersamVosError]) -> Iterator[None]:
    """Raise FetchErrors of the block (or of the function that this decorates) as ``kind``."""
    try:
        yield
    except FetchError as error:
        raise kind(str(error)) from None


def download(url: str, target: Path, expected: RemoteFile, on_progress: ProgressCallback) -> None:
    """Fetch ``url`` to ``target`` by way of ``target.part``, which is kept to resume from.

    The caller keeps other processes from doing the same. A size that is not known is asked from
    the server; content without a known sha256 is checked by its size. Raises FetchError when the
    server cannot be reached or gives up, the disk is full, or the content is not the expected one.
    """
    part = target.with_name(f"{target.name}.part")
    if expected.sha256 is None:
        part.unlink(missing_ok=True)  # nothing would tell of what else it might be the beginning
    size_bytes = _ask_size(url) if expected.size_bytes is None else expected.size_bytes
    expected = replace(expected, size_bytes=size_bytes)
    # A wrong file that was put together from two runs deserves one try from the start.
    for may_restart in (True, False) if part.exists() else (False,):
        require_space(target.parent, size_bytes - _size(part))
        _Download(url, part, expected.name, size_bytes, on_progress).run()
        try:
            check_file(part, expected, what=f"what {url} sends")
        except FetchError:
            part.unlink()
            if not may_restart:
                raise
        else:
            part.replace(target)
            return


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file in hex; raise FetchError when it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise FetchError(
            str(path), got=error.strerror or repr(error), expected="a readable file"
        ) from None


def check_file(path: Path, expected: RemoteFile, *, what: str = "") -> None:
    """Raise FetchError, with what was got and expected, unless the file is the expected one.

    ``what`` names it in the message; its path when empty.
    """
    if not path.is_file():
        raise FetchError(f"{path} is not there")
    size_bytes = path.stat().st_size
    digest = sha256_of(path) if expected.sha256 else None
    if digest != expected.sha256 or expected.size_bytes not in (None, size_bytes):
        raise FetchError(
            f"{what or path} is corrupt, truncated or another file",
            got=_describe(digest, size_bytes),
            expected=_describe(expected.sha256, expected.size_bytes),
        )


@dataclass(frozen=True, slots=True)
class _Download:
    """One file that is being fetched into ``part``, over one connection or several."""

    url: str
    part: Path
    name: str
    size_bytes: int
    on_progress: ProgressCallback

    def run(self) -> None:
        """Connect, and connect again while that brings bytes, until ``part`` has its full size."""
        problem = ""
        for _ in range(MAX_CONNECTIONS):
            before = _size(self.part)
            if before >= self.size_bytes:
                return
            problem = self._receive()
            if _size(self.part) <= before:
                break
        if _size(self.part) < self.size_bytes:
            raise FetchError(f"{problem} after {_size(self.part)} of {self.size_bytes} bytes")

    def _receive(self) -> str:
        """Append to ``part`` what one connection brings; return what ended it."""
        request = _request(self.url)
        if have := _size(self.part):
            request.add_header("Range", f"bytes={have}-")
        try:
            with _opened(request) as response:
                self._store(response)
                return "the connection broke off"
        except urllib.error.HTTPError as error:
            if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                self.part.unlink(missing_ok=True)  # nothing to resume from: start anew next time
            return _problem_of(error)
        except (http.client.HTTPException, OSError) as error:
            return _problem_of(error)

    def _store(self, response: http.client.HTTPResponse) -> None:
        """Write a response to ``part``: at its end when the server resumes, else from the start."""
        done = _first_byte(response)
        if done not in (0, _size(self.part)):
            raise FetchError(
                "the server sends another part of the file",
                got=f"bytes from {done}",
                expected=f"bytes from {_size(self.part)}",
            )
        if response.length is not None and done + response.length != self.size_bytes:
            raise FetchError(
                "the server has another file",
                got=f"{done + response.length} bytes",
                expected=f"{self.size_bytes} bytes",
            )
        with _writing(self.part):
            stream = self.part.open("ab" if done else "wb")
        with stream:
            self.on_progress(self.name, done, self.size_bytes)
            pace = _Pace()
            while chunk := response.read1(min(CHUNK_BYTES, self.size_bytes - done)):
                with _writing(self.part):
                    stream.write(chunk)
                    stream.flush()
                done += len(chunk)
                pace.add(len(chunk))
                self.on_progress(self.name, done, self.size_bytes)


class _Pace:
    """Notices a server that keeps a connection open, and sends next to nothing."""

    def __init__(self) -> None:
        self._since, self._bytes = time.monotonic(), 0

    def add(self, count: int) -> None:
        """Count received bytes; raises TimeoutError when they come too slowly."""
        least, seconds = SLOWEST
        self._bytes += count
        if time.monotonic() - self._since < seconds:
            return
        if self._bytes < least:
            raise TimeoutError(f"{self._bytes} bytes in {seconds:.0f} s")
        self._since, self._bytes = time.monotonic(), 0


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to other hosts, which publishers use, but none that leaves encryption."""

    def redirect_request(
        self, req: urllib.request.Request, *details: Any
    ) -> urllib.request.Request | None:
        """Return the request for the new address; raises FetchError for one that is not safe."""
        address = str(details[-1])
        if req.type == "https" and not address.lower().startswith("https:"):
            raise FetchError(
                req.full_url,
                got=f"a redirect to {address}",
                expected="one to an encrypted address",
                remedy="try again elsewhere: someone may be between you and the server",
            )
        return super().redirect_request(req, *details)


def _opened(request: urllib.request.Request) -> http.client.HTTPResponse:
    """Send a request; raises OSError or HTTPException."""
    opener = urllib.request.build_opener(_SafeRedirects)
    response: http.client.HTTPResponse = opener.open(request, timeout=TIMEOUT_SECONDS)
    return response


def _first_byte(response: http.client.HTTPResponse) -> int:
    """Return where in the file a response begins, -1 where a part does not say."""
    if response.status != http.HTTPStatus.PARTIAL_CONTENT:
        return 0
    said = re.match(r"bytes (\d{1,15})-", response.headers.get("Content-Range", ""))
    return int(said[1]) if said else -1


def _describe(sha256: str | None, size_bytes: int | None) -> str:
    """Name a content by its sha256, if that is known, and its size."""
    return f"sha256 {sha256} ({size_bytes} bytes)" if sha256 else f"{size_bytes} bytes"


def _request(url: str, method: str = "GET") -> urllib.request.Request:
    return urllib.request.Request(url, headers={"User-Agent": "persam-vos"}, method=method)


def _ask_size(url: str) -> int:
    """Ask the server how many bytes a file has; raise FetchError when it does not say."""
    try:
        with _opened(_request(url, "HEAD")) as response:
            length = response.headers.get("Content-Length", "")
    except (http.client.HTTPException, OSError) as error:
        raise FetchError(f"{url}: {_problem_of(error)}") from None
    if not (length.isdecimal() and len(length) <= _LONGEST_NUMBER):
        raise FetchError(f"{url}", got="no size from the server", expected="Content-Length")
    return int(length)


def _problem_of(error: Exception) -> str:
    """Say in a few words why a connection failed."""
    if isinstance(error, urllib.error.HTTPError):
        with error:
            return f"HTTP {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError):
        return f"no connection ({error.reason})"
    return f"the connection broke off ({error!r})"


def _size(path: Path) -> int:
    """Return the size of a file in bytes, 0 when it is not there."""
    return path.stat().st_size if path.exists() else 0


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Tell a failure of the disk from one of the network, which is an OSError as well."""
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error) from None
