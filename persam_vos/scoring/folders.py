"""Scores of a folder of predictions against a folder of truth, clips as subfolders.

Which objects and frames count follows the DAVIS 2017 evaluation toolkit, semi-supervised. Where it
counts what is not there, or stops without saying why, this does not:

* Objects are the ids in a clip's first truth frame. The toolkit counts from 1 to the largest of
  them, so ids with gaps give it objects that nobody annotated, each worth a perfect score.
* Ids in a prediction that are none of these are refused; the toolkit refuses those above the
  largest. An id that the truth shows only later is not scored, as in the toolkit, and noted.
* 255 in the truth is background, as in the toolkit, unless ``void_label`` says otherwise. A clip
  whose first truth frame holds no other value than 0 and 255 has one object (DAVIS 2016).
* The first and the last frame are not scored, and need not be predicted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import cv2

from ..errors import ScoringError
from ..runtime.process_pool import map_in_processes
from ..structures import ObjectMode
from .clip import ClipTask, score_clip
from .label_files import list_label_files
from .sequence import SequenceScore, SplitScore


def score_folders(
    prediction_dir: Path,
    truth_dir: Path,
    *,
    sequences: Sequence[str] | None = None,
    object_mode: ObjectMode = "multi",
    object_ids: Mapping[str, Sequence[int]] | None = None,
    void_label: int | None = None,
    allow_missing: bool = False,
    workers: int = 0,
) -> SplitScore:
    """Score the label maps below one folder against those below another.

    ``truth_dir`` holds PNG label maps (one clip) or clips as subfolders; ``prediction_dir`` holds
    the same names. ``sequences`` limits the clips and gives their order. ``object_mode`` "single"
    takes all labels above 0 as one object (DAVIS 2016). ``object_ids`` gives the objects of clips
    by name where they are not those of the first truth frame. Truth pixels of ``void_label`` count
    for no object. With ``allow_missing``, a clip or a frame that is not predicted scores 0, an
    object that is not predicted is empty everywhere, and the notes say so; without, they are
    errors. ``workers`` processes score one clip each; this one does if there are none. Raises
    ScoringError, naming the file or folder, when anything is missing, cannot be read, or does not
    fit.
    """
    truth_dirs = find_clips(truth_dir, sequences)
    prediction_dirs = _match_clips(prediction_dir, truth_dir, truth_dirs)
    if not allow_missing:
        _require_clips(prediction_dir, prediction_dirs)
    tasks = [
        ClipTask(
            name=name,
            prediction_dir=prediction_dirs[name],
            truth_dir=truth_dirs[name],
            single_object=object_mode == "single",
            object_ids=tuple(object_ids[name]) if object_ids and name in object_ids else None,
            void_label=void_label,
            allow_missing=allow_missing,
        )
        for name in truth_dirs
    ]
    return SplitScore(tuple(_run(tasks, workers)), _extra_clips_note(prediction_dir, truth_dirs))


def find_clips(folder: Path, sequences: Sequence[str] | None = None) -> dict[str, Path]:
    """Return clip names and folders of label maps below ``folder``, by name or as ``sequences``.

    A folder that holds PNG files itself is one clip with its name. Raises ScoringError when there
    is no clip, or one of ``sequences`` is not there.
    """
    if list_label_files(folder):
        found = {folder.resolve().name: folder}
    else:
        children = sorted(path for path in folder.iterdir() if path.is_dir())
        found = {path.name: path for path in children if list_label_files(path)}
    if not found:
        raise ScoringError(
            f"no truth in {folder}",
            got="no PNG files in it or its subfolders",
            expected="label maps, or clips as subfolders",
            remedy="give the folder that holds the clips, such as Annotations/480p",
        )
    if sequences is None:
        return found
    absent = [name for name in sequences if name not in found]
    if absent:
        raise ScoringError(
            f"truth in {folder}",
            got=f"no label maps for {', '.join(absent)}",
            expected="a subfolder of PNG files for each clip",
            remedy="check the names of the clips",
        )
    return {name: found[name] for name in sequences}


def _match_clips(
    prediction_dir: Path, truth_dir: Path, truth_dirs: Mapping[str, Path]
) -> dict[str, Path | None]:
    """Return the folder of predictions of each clip, None where there is none."""
    own_files = list_label_files(prediction_dir)
    if own_files and list(truth_dirs.values()) == [truth_dir]:
        return dict.fromkeys(truth_dirs, prediction_dir)
    folders = {name: prediction_dir / name for name in truth_dirs}
    return {
        name: folder if folder.is_dir() and list_label_files(folder) else None
        for name, folder in folders.items()
    }


def _require_clips(prediction_dir: Path, prediction_dirs: Mapping[str, Path | None]) -> None:
    """Raise ScoringError when a clip has no predictions."""
    missing = [name for name, folder in prediction_dirs.items() if folder is None]
    if missing:
        raise ScoringError(
            f"predictions in {prediction_dir}",
            got=f"no label maps for {len(missing)} of {len(prediction_dirs)} clips"
            f" ({', '.join(missing)})",
            expected="a subfolder of PNG files for each clip",
            remedy="predict them, or allow missing clips, which then score 0",
        )


def _extra_clips_note(prediction_dir: Path, truth_dirs: Mapping[str, Path]) -> tuple[str, ...]:
    """Return a note on predicted clips that are not scored, if there are any."""
    extra = sorted(
        path.name
        for path in prediction_dir.iterdir()
        if path.is_dir() and path.name not in truth_dirs and list_label_files(path)
    )
    return (f"predicted, but not in the truth: {', '.join(extra)}",) if extra else ()


def _run(tasks: Sequence[ClipTask], workers: int) -> Iterable[SequenceScore]:
    """Yield the scores of the clips in order; the first error stops the rest."""
    workers = min(workers, len(tasks))
    if workers < 1:
        yield from map(score_clip, tasks)
        return
    yield from map_in_processes(score_clip, tasks, workers=workers, start=_use_one_thread)


def _use_one_thread() -> None:
    """Keep a worker to one core: the clips are the parallel part."""
    cv2.setNumThreads(1)
