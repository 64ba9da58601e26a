"""One run at a time writes to an output."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ..errors import OutputError, param
from .atomic import make_folder, output_error
from .output import refuse_unwritable

LOCK = "lock"


def may_be_held(output: Path, state: str) -> bool:
    """Tell whether a run may hold an output, by the file that `output_lock` makes."""
    return (output / state / LOCK).exists()


@contextmanager
def output_lock(output: Path, state: str) -> Iterator[None]:
    """Hold the output of a run, by a file in its subfolder ``state``, until the block is left.

    The system lets go of it when the process ends, however it does. Folders that were made for it
    are removed if nothing else came into them. Where a file system knows no locks there is none.
    Raises OutputError for an output that another run holds, or that cannot be written.
    """
    refuse_unwritable(output)
    folder = output / state
    made = [one for one in (folder, *folder.parents) if not one.exists()]
    file = make_folder(folder) / LOCK
    try:
        with hold_file(file, output):
            try:
                yield
            finally:
                with contextlib.suppress(OSError):
                    file.unlink(missing_ok=True)  # while it is held: no other run has it
    finally:
        with contextlib.suppress(OSError):
            for one in dict.fromkeys([folder, *made]):
                one.rmdir()


@contextmanager
def hold_file(file: Path, output: Path) -> Iterator[None]:
    """Hold a file that stands for an output until the block is left; it is made if need be.

    Raises OutputError as `output_lock`.
    """
    lock = FileLock(file, timeout=0)
    try:
        with contextlib.suppress(NotImplementedError):
            lock.acquire()
    except Timeout as error:
        raise OutputError(
            param("output", output),
            got="a folder that another run is writing to",
            expected="one run at a time",
            remedy="wait until it ends, stop it, or choose another folder",
        ) from error
    except OSError as error:
        raise output_error(output, error) from error
    try:
        yield
    finally:
        lock.release()
