"""Download one published file: resume where it broke off, check it, then move it into place."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from persam_vos.errors import WeightsError

from .cache import CHUNK_BYTES, ProgressCallback, check_file, require_space
from .registry import WeightsFile

# To connect, and the longest silence after that: then we connect again and go on where we were.
TIMEOUT_SECONDS: Final = 5.0
MAX_CONNECTIONS: Final = 20


def download(url: str, target: Path, expected: WeightsFile, on_progress: ProgressCallback) -> None:
    """Fetch ``url`` to ``target`` by way of ``target.part``, which is kept to resume from.

    The caller keeps other processes from doing the same. Raises WeightsError when the server
    cannot be reached or gives up, the disk is full, or the content has not the expected sha256.
    """
    part = target.with_name(f"{target.name}.part")
    # A wrong file that was put together from two runs deserves one try from the start.
    for may_restart in (True, False) if part.exists() else (False,):
        require_space(target.parent, expected.size_bytes - _size(part))
        _fill(url, part, expected, on_progress)
        try:
            check_file(part, expected, what=f"what {url} sends")
        except WeightsError:
            part.unlink()
            if not may_restart:
                raise
        else:
            part.replace(target)
            return


def _size(path: Path) -> int:
    """Return the size of a file in bytes, 0 when it is not there."""
    return path.stat().st_size if path.exists() else 0


def _fill(url: str, part: Path, expected: WeightsFile, on_progress: ProgressCallback) -> None:
    """Connect, and connect again while that brings bytes, until ``part`` has its full size."""
    problem = ""
    for _ in range(MAX_CONNECTIONS):
        before = _size(part)
        if before >= expected.size_bytes:
            return
        problem = _receive(url, part, expected, on_progress)
        if _size(part) <= before:
            break
    if _size(part) < expected.size_bytes:
        raise WeightsError(f"{problem} after {_size(part)} of {expected.size_bytes} bytes")


def _receive(url: str, part: Path, expected: WeightsFile, on_progress: ProgressCallback) -> str:
    """Append to ``part`` what one connection brings; return what ended it."""
    have = _size(part)
    request = urllib.request.Request(url, headers={"User-Agent": "persam-vos"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            _store(response, part, expected, on_progress)
            return "the connection broke off"
    except urllib.error.HTTPError as error:
        with error:
            if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                part.unlink(missing_ok=True)  # nothing to resume from: start anew next time
            return f"HTTP {error.code} {error.reason}"
    except urllib.error.URLError as error:
        return f"no connection ({error.reason})"
    except (http.client.HTTPException, OSError) as error:
        return f"the connection broke off ({error!r})"


def _store(
    response: http.client.HTTPResponse,
    part: Path,
    expected: WeightsFile,
    on_progress: ProgressCallback,
) -> None:
    """Write a response to ``part``: at its end when the server resumes, else from the start."""
    resumes = response.status == http.HTTPStatus.PARTIAL_CONTENT
    done = _size(part) if resumes else 0
    if response.length is not None and done + response.length != expected.size_bytes:
        raise WeightsError(
            "the server has another file",
            got=f"{done + response.length} bytes",
            expected=f"{expected.size_bytes} bytes, sha256 {expected.sha256}",
        )
    with _writing(part):
        stream = part.open("ab" if resumes else "wb")
    with stream:
        on_progress(expected.name, done, expected.size_bytes)
        while chunk := response.read(min(CHUNK_BYTES, expected.size_bytes - done)):
            with _writing(part):
                stream.write(chunk)
                stream.flush()
            done += len(chunk)
            on_progress(expected.name, done, expected.size_bytes)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Tell a failure of the disk from one of the network, which is an OSError as well."""
    try:
        yield
    except OSError as error:
        raise WeightsError(f"cannot write {path}", got=error.strerror or repr(error)) from None
