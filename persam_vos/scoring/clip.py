"""Scores of one clip from its folders of label maps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import ScoringError
from ..structures import LabelMap
from .frame import VOID_LABEL
from .label_files import list_label_files, present_ids, read_label_file
from .sequence import SequenceScore, score_sequence


@dataclass(frozen=True, slots=True)
class ClipTask:
    """What to score; produced by ``folders``, consumed by ``score_clip``, maybe elsewhere.

    ``prediction_dir`` is None when there is none; ``object_ids`` is None for those of the first
    truth frame. The other fields are the options of ``score_folders``.
    """

    name: str
    prediction_dir: Path | None
    truth_dir: Path
    single_object: bool
    object_ids: tuple[int, ...] | None
    void_label: int | None
    allow_missing: bool


@dataclass(slots=True)
class _Seen:
    """The ids that went by while the frames of a clip were scored."""

    predicted: frozenset[int] = frozenset()
    true: frozenset[int] = frozenset()


def score_clip(task: ClipTask) -> SequenceScore:
    """Score one clip. Raises ScoringError, naming the file or folder, as ``score_folders``."""
    truth_files = _from_first_object(task, list_label_files(task.truth_dir))
    if len(truth_files) < 3:
        raise ScoringError(
            f"truth of clip {task.name} in {task.truth_dir}",
            got=f"{len(truth_files)} label maps",
            expected="3 or more, since the first and the last are not scored",
        )
    scored = truth_files[1:-1]
    predicted = _prediction_files(task, scored)
    first = read_label_file(truth_files[0])
    single = task.single_object or present_ids(first) == {VOID_LABEL}
    object_ids = _object_ids(task, first, single, truth_files[0])
    seen = _Seen()
    frames = [(predicted[truth.name], truth) for truth in scored if truth.name in predicted]
    pairs = _read_pairs(frames, object_ids, single, first.shape, seen)
    region = np.zeros((len(scored), len(object_ids)))
    boundary = region.copy()
    if frames:
        part = score_sequence(pairs, object_ids, void_label=None if single else task.void_label)
        rows = [truth.name in predicted for truth in scored]
        region[rows], boundary[rows] = part.region, part.boundary
    unseen = _unseen_objects(task, object_ids, single, seen, truth_files) if frames else []
    surplus = _surplus(task, truth_files)
    return SequenceScore(
        name=task.name,
        frame_names=tuple(path.stem for path in scored),
        object_ids=object_ids,
        region=region,
        boundary=boundary,
        notes=(
            *_notes(len(scored), len(frames), unseen, seen.true - set(object_ids) - {VOID_LABEL}),
            *([f"{surplus} predicted frames have no truth: not scored"] if surplus else []),
        ),
    )


def _from_first_object(task: ClipTask, files: Sequence[Path]) -> Sequence[Path]:
    """Leave out label maps before the first one that shows an object, if objects are not given."""
    if task.object_ids is not None:
        return files
    shown = (index for index, path in enumerate(files) if read_label_file(path).any())
    return files[next(shown, 0) :]


def _surplus(task: ClipTask, truth_files: Sequence[Path]) -> int:
    """Return how many predicted frames come after the first truth and have none themselves."""
    if task.prediction_dir is None:
        return 0
    names = {path.name for path in list_label_files(task.truth_dir)}
    files = list_label_files(task.prediction_dir)
    return sum(path.name not in names and path.name > truth_files[0].name for path in files)


def _prediction_files(task: ClipTask, scored: Sequence[Path]) -> dict[str, Path]:
    """Return the predictions of the scored frames by file name; missing ones only if allowed."""
    files = (
        {path.name: path for path in list_label_files(task.prediction_dir)}
        if (task.prediction_dir)
        else {}
    )
    missing = [path.name for path in scored if path.name not in files]
    if missing and not task.allow_missing:
        shown = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
        raise ScoringError(
            f"predictions of clip {task.name} in {task.prediction_dir}",
            got=f"{len(missing)} of {len(scored)} scored frames missing ({shown})",
            expected="a label map of the same name for each frame",
            remedy="predict them, or allow missing frames, which then score 0",
        )
    return {path.name: files[path.name] for path in scored if path.name in files}


def _object_ids(task: ClipTask, first: LabelMap, single: bool, path: Path) -> tuple[int, ...]:
    """Return the ids to score; raise ScoringError if there are none."""
    if single:
        return (1,)
    object_ids = task.object_ids or tuple(sorted(present_ids(first) - {VOID_LABEL}))
    if not object_ids:
        raise ScoringError(
            f"truth of clip {task.name}",
            got=f"no object in {path}",
            expected="the objects of the clip in its first frame",
        )
    return object_ids


def _read_pairs(
    frames: Sequence[tuple[Path, Path]],
    object_ids: tuple[int, ...],
    single: bool,
    size_hw: tuple[int, ...],
    seen: _Seen,
) -> Iterator[tuple[LabelMap, LabelMap]]:
    """Yield the (prediction, truth) label maps of a clip, checked; ``seen`` is filled."""
    allowed = frozenset(object_ids)
    for prediction_path, truth_path in frames:
        truth = _read_sized(truth_path, size_hw, single)
        prediction = _read_sized(prediction_path, size_hw, single)
        predicted_ids = present_ids(prediction)
        if not predicted_ids <= allowed:
            raise ScoringError(
                f"cannot score {prediction_path}",
                got=f"object ids {_listed(predicted_ids - allowed)}",
                expected=f"only {_listed(allowed)}, the objects of the clip",
                remedy="give predicted objects the ids that they have in the first truth frame",
            )
        seen.predicted |= predicted_ids
        seen.true |= present_ids(truth)
        yield prediction, truth


def _read_sized(path: Path, size_hw: tuple[int, ...], single: bool) -> LabelMap:
    """Read a label map, as one object if ``single``; raise ScoringError on another size."""
    labels = read_label_file(path)
    if labels.shape != size_hw:
        raise ScoringError(
            f"cannot score {path}",
            got=f"{labels.shape[1]} x {labels.shape[0]} pixels",
            expected=f"{size_hw[1]} x {size_hw[0]}, as the first truth frame",
            remedy="write label maps at the size of the truth",
        )
    return (labels > 0).astype(np.uint8) if single else labels


def _unseen_objects(
    task: ClipTask,
    object_ids: tuple[int, ...],
    single: bool,
    seen: _Seen,
    truth_files: Sequence[Path],
) -> list[int]:
    """Return the objects that no prediction shows; raise ScoringError unless they are allowed.

    An object in the prediction of the first or last frame was not forgotten, but lost.
    """
    unseen = set(object_ids) - seen.predicted
    assert task.prediction_dir is not None  # there are predicted frames
    for path in (task.prediction_dir / truth_files[index].name for index in (0, -1)):
        if unseen and path.is_file():
            labels = read_label_file(path)
            unseen -= {1} if single and labels.any() else present_ids(labels)
    if unseen and not task.allow_missing:
        raise ScoringError(
            f"predictions of clip {task.name} in {task.prediction_dir}",
            got=f"no pixel of object {_listed(unseen)} on any frame",
            expected=f"objects {_listed(object_ids)}",
            remedy="predict them, or allow missing objects, which are then empty everywhere",
        )
    return sorted(unseen)


def _notes(
    frame_count: int, predicted_count: int, unseen: Sequence[int], later: frozenset[int] | set[int]
) -> tuple[str, ...]:
    """Return what a reader of the scores has to know."""
    notes = []
    if not predicted_count:
        notes.append("clip missing in the predictions: scored 0")
    elif predicted_count < frame_count:
        missing = frame_count - predicted_count
        notes.append(f"{missing} of {frame_count} frames missing in the predictions: scored 0")
    if unseen:
        notes.append(f"object {_listed(unseen)} missing in the predictions: taken as empty")
    if later:
        notes.append(f"object {_listed(later)} not in the first truth frame: not scored")
    return tuple(notes)


def _listed(ids: frozenset[int] | set[int] | Sequence[int]) -> str:
    """Return ids as text, in order."""
    return ", ".join(str(object_id) for object_id in sorted(ids))
