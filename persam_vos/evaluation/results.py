"""The files of a run: scores, times, and archives for a benchmark's server."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ..datasets.clips import Split
from ..errors import OutputError, param
from ..files.atomic import TEMPORARY, atomic_path, make_folder, output_error, write_texts
from ..files.output import refuse_existing
from ..scoring import SplitScore, report_file_names, report_files, results
from ..scoring.label_files import list_label_files

RESULTS, RUN, PREDICTIONS, SUBMISSION = "results.json", "run.json", "predictions", "submission.zip"
REPORT = "report.html"
GLOBAL = "global_results-{}.csv"
_NO_TIME = (1980, 1, 1, 0, 0, 0)  # the same masks give the same archive


@contextmanager
def output_folder(path: Path, names: tuple[str, ...], *, overwrite: bool) -> Iterator[None]:
    """Make the output folder, hold it against other runs, and remove results of earlier ones.

    ``names`` are the results that the run writes; with ``overwrite``, the masks go too. Raises
    OutputError when the folder is in use or cannot be written.
    """
    lock = FileLock(make_folder(path) / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise OutputError(
            param("output", path),
            got="a folder that another run is writing to",
            expected="a folder of its own for each run",
            remedy="wait for the other run, or choose another folder",
        ) from None
    except OSError as error:
        raise output_error(path, error) from error
    try:
        _remove(path, names, masks=overwrite)
        yield
    finally:
        lock.release()


def score_texts(score: SplitScore, split: Split, settings: dict[str, Any] | None) -> dict[str, str]:
    """Return the result files by name; they depend on nothing but masks, truth and settings."""
    run = {"dataset": split.dataset, "split": split.name, "mode": split.mode, "settings": settings}
    told = results(score)
    everything = {"version": told.pop("version"), "run": run, **told}
    text = json.dumps(everything, indent=1, allow_nan=False) + "\n"
    return report_files(score, split.name) | {RESULTS: text}


def result_names(split: Split) -> tuple[str, ...]:
    """Return the names of all result files that a run may write."""
    return (*report_file_names(split.name), SUBMISSION, REPORT)


def write_run_file(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write ``run.json``."""
    write_texts(folder, {RUN: json.dumps(dict(facts), indent=1) + "\n"})


def write_submission(folder: Path, split: Split) -> Path:
    """Pack the masks as the benchmark's server wants them; the same masks give the same bytes."""
    path = folder / SUBMISSION
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for clip in split.clips:
            for mask in list_label_files(folder / PREDICTIONS / clip.name):
                inside = Path(split.submission_folder) / clip.name / mask.name
                archive.writestr(zipfile.ZipInfo(inside.as_posix(), _NO_TIME), mask.read_bytes())
    return path


def check_output(path: Path, names: tuple[str, ...], *, resume: bool, overwrite: bool) -> None:
    """Raise OutputError, before anything is done, for results that a run may not replace.

    ``names`` are the results that it writes. With ``resume``, an earlier run may have made them.
    """
    if path.exists() and not path.is_dir():
        raise OutputError(param("output", path), got="a file", expected="a folder or a new name")
    if overwrite or (resume and _made_by_tracking(path)):
        return
    expected = "a folder without results" + (", or one of this command" if resume else "")
    refuse_existing(path, (PREDICTIONS, *names) if resume else names, expected=expected)


def _made_by_tracking(path: Path) -> bool:
    """Tell whether a folder was written by a run that tracks (and not by one that only scores)."""
    try:
        facts = json.loads((path / RUN).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(facts, dict) and facts.get("settings") is not None


def _remove(path: Path, names: tuple[str, ...], *, masks: bool) -> None:
    """Remove results, so that none of them outlives what it was made from."""
    try:
        for old in (*(path / name for name in names), *path.glob(f"{TEMPORARY}*")):
            old.unlink(missing_ok=True)
        if masks and (path / PREDICTIONS).is_dir():
            shutil.rmtree(path / PREDICTIONS)
    except OSError as error:
        raise output_error(path, error) from error
