"""The files of a run: scores, times, and archives for a benchmark's server."""

from __future__ import annotations

import contextlib
import json
import zipfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..datasets.clips import Split
from ..errors import OutputError, param
from ..files.atomic import TEMPORARY, atomic_path, make_folder, output_error, write_texts
from ..files.limits import read_json
from ..files.output import replaceable
from ..files.output_lock import hold_file
from ..scoring import SplitScore, own_report_files, report_file_names, report_files, results
from ..scoring.label_files import list_label_files
from .clip_file import CLIP_FILE, check_own, remove_own

RESULTS, RUN, PREDICTIONS, SUBMISSION = "results.json", "run.json", "predictions", "submission.zip"
REPORT = "report.html"
GLOBAL = "global_results-{}.csv"
_NO_TIME = (1980, 1, 1, 0, 0, 0)  # the same masks give the same archive


@contextmanager
def output_folder(path: Path, names: tuple[str, ...], *, overwrite: bool) -> Iterator[None]:
    """Make the output folder, hold it against other runs, and remove results of earlier ones.

    ``names`` are the results that the run writes; with ``overwrite``, the masks that a run wrote go
    too. Raises OutputError when the folder is in use or cannot be written.
    """
    with hold_folder(path):
        _remove(path, names, masks=overwrite)
        yield


@contextmanager
def hold_folder(path: Path) -> Iterator[None]:
    """Make a folder and hold it against other runs; raises OutputError when it is in use."""
    with hold_file(make_folder(path) / ".lock", path):
        yield


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


def check_output(
    path: Path,
    names: tuple[str, ...],
    *,
    resume: bool,
    overwrite: bool,
    inputs: Collection[Path] = (),
) -> None:
    """Raise OutputError, before anything is done, for results that a run may not replace.

    ``names`` are the results that it writes. With ``resume``, an earlier run may have made them.
    ``inputs`` are files that the run reads. These, and what no run lists as its own, are never
    replaced: see `replaceable`.
    """
    if path.exists() and not path.is_dir():
        raise OutputError(param("output", path), got="a file", expected="a folder or a new name")
    expected = "a folder without results" + (", or one of this command" if resume else "")
    written = [path / name for name in (*names, RUN)]
    masks = []
    if resume:
        for folder in _mask_folders(path):
            check_own(folder, inputs)
        masks = [path / PREDICTIONS] if _holds_something(path / PREDICTIONS) else []
    replaceable(
        path,
        [*written, *masks],
        own={*_own_results(path, names), *masks},
        inputs=inputs,
        overwrite=overwrite or (resume and _made_by_tracking(path)),
        expected=expected,
    )


def _holds_something(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def _made_by_tracking(path: Path) -> bool:
    """Tell whether a folder was written by a run that tracks (and not by one that only scores)."""
    return _run_facts(path).get("settings") is not None


def _own_results(path: Path, names: tuple[str, ...]) -> list[Path]:
    """Return the results that ``run.json`` or ``results.json`` vouch for."""
    if "settings" in _run_facts(path):
        return [path / name for name in (*names, RUN)]
    return list(own_report_files(path, names))


def _run_facts(path: Path) -> dict[str, Any]:
    """Return what ``run.json`` says, nothing if it is not there or none of ours."""
    try:
        facts = read_json(path / RUN)
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _mask_folders(path: Path) -> list[Path]:
    """Return the folders of clips in which something is, and that of all clips if it has masks."""
    predictions = path / PREDICTIONS
    if not predictions.is_dir():
        return []
    folders = [predictions, *(one for one in predictions.iterdir() if one.is_dir())]
    return [one for one in folders if list_label_files(one) or (one / CLIP_FILE).exists()]


def _remove(path: Path, names: tuple[str, ...], *, masks: bool) -> None:
    """Remove results, so that none of them outlives what it was made from."""
    try:
        for old in (*(path / name for name in names), *path.glob(f"{TEMPORARY}*")):
            old.unlink(missing_ok=True)
        if masks:
            for folder in _mask_folders(path):
                remove_own(folder)
                with contextlib.suppress(OSError):  # somebody's notes keep it
                    folder.rmdir()
            with contextlib.suppress(OSError):
                (path / PREDICTIONS).rmdir()
    except OSError as error:
        raise output_error(path, error) from error
