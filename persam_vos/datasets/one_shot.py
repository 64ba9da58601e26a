"""The one-shot data sets by name, and the episodes of a run: drawn, or read from a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal

from ..errors import DatasetError, UsageError, param
from ..files.limits import parse_json
from .annotations import explained, read_lines
from .coco20i import coco20i_folds
from .episodes import Episode, Fold, Pick
from .fss1000 import fss1000_folds
from .lvis92i import lvis92i_folds
from .paco_part import paco_part_folds
from .pascal5i import pascal5i_folds
from .pascal_part import pascal_part_folds
from .perseg import perseg_folds

EvalSize = Literal["square", "original"]
"""Whether pictures and masks are squared before anything else, or left at their own size."""
_EPISODE = '{"fold", "number", "class_id", "query": [image, instance], "supports": [...]} a line'
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class OneShotInfo:
    """One data set; ``find`` takes a root, numbers of folds and of supports, and yields folds.

    ``eval_size`` is the size at which its published figures count.
    """

    name: str
    title: str
    purpose: str
    fold_count: int
    eval_size: EvalSize
    find: Callable[[Path, Sequence[int], int], Iterator[Fold]]


ONE_SHOT: Final[dict[str, OneShotInfo]] = {
    info.name: info
    for info in (
        OneShotInfo("perseg", "PerSeg", "personal objects", 1, "original", perseg_folds),
        OneShotInfo("fss1000", "FSS-1000", "a thousand classes", 1, "square", fss1000_folds),
        OneShotInfo("lvis92i", "LVIS-92i", "920 classes", 10, "square", lvis92i_folds),
        OneShotInfo("pascal-part", "PASCAL-Part", "parts", 4, "square", pascal_part_folds),
        OneShotInfo("paco-part", "PACO-Part", "parts of things", 4, "square", paco_part_folds),
        OneShotInfo("coco20i", "COCO-20i", "classes of COCO", 4, "square", coco20i_folds),
        OneShotInfo("pascal5i", "PASCAL-5i", "classes of PASCAL VOC", 4, "square", pascal5i_folds),
    )
}


@dataclass(frozen=True, slots=True)
class OneShotRun:
    """What there is to do; produced by `open_one_shot`, consumed by ``evaluation.one_shot``.

    ``whole`` tells whether the episodes are all that the folds have.
    """

    info: OneShotInfo
    root: Path
    folds: tuple[Fold, ...]
    episodes: tuple[Episode, ...]
    shots: int
    whole: bool

    def fold(self, number: int) -> Fold:
        """Return the fold of a number."""
        return next(one for one in self.folds if one.number == number)


def open_one_shot(
    dataset: str,
    root: Path,
    *,
    folds: Sequence[int] = (),
    shots: int = 1,
    limit: int | None = None,
    episodes: Path | None = None,
) -> OneShotRun:
    """Open a tree, and draw the episodes of its folds or read them from a file.

    ``folds`` are numbers from 0, none for all; ``limit`` takes the first episodes of each fold.
    Every picture of them is there when this returns. Raises UsageError for folds that the data set
    has not, DatasetError naming what is missing or wrong.
    """
    info = ONE_SHOT[dataset]
    if not root.is_dir():
        raise DatasetError(
            param("root", root), got="no such folder", expected="the data set's tree"
        )
    wrong = [one for one in folds if not 0 <= one < info.fold_count]
    if wrong:
        raise UsageError(
            f"{param('fold')} of {info.title}",
            got=str(wrong[0]),
            expected=f"0 to {info.fold_count - 1}" if info.fold_count > 1 else "0, its only one",
        )
    numbers = sorted(set(folds)) or range(info.fold_count)
    opened = tuple(info.find(root, numbers, shots))
    if episodes is None:
        chosen = [one for fold in opened for one in islice(fold.episodes(), limit)]
    else:
        listed = [one for one in read_episodes(episodes) if one.fold in numbers]
        chosen = [
            one
            for fold in opened
            for one in islice((each for each in listed if each.fold == fold.number), limit)
        ]
    run = OneShotRun(
        info, root, opened, tuple(chosen), shots, whole=limit is None and episodes is None
    )
    _require_pictures(run)
    return run


def _require_pictures(run: OneShotRun) -> None:
    """Raise DatasetError unless the files of all episodes are there."""
    if not run.episodes:
        raise DatasetError(
            f"{run.info.title} {run.root}", got="no episode", expected="one or more to try"
        )
    wanted = dict.fromkeys(
        (one.fold, one.class_id, pick)
        for one in run.episodes
        for pick in (one.query, *one.supports)
    )
    missing: dict[Path, str] = {}
    for number, class_id, pick in wanted:
        fold = run.fold(number)
        for file in fold.shot(class_id, pick).files:
            if not file.is_file():
                missing.setdefault(file, f"fold {number}, class {fold.classes[class_id]}")
    if missing:
        named = [
            f"{file.relative_to(run.root)} ({where})"
            for file, where in list(missing.items())[:_MOST_NAMED]
        ]
        more = len(missing) - len(named)
        raise DatasetError(
            f"{run.info.title} {run.root}",
            got=f"no {', no '.join(named)}" + (f", and {more} more missing" if more else ""),
            expected="all pictures and masks of its episodes",
            remedy="complete the data set, or try the first episodes with "
            f"{param('limit')} or one fold with {param('fold')}",
        )


def episodes_text(run: OneShotRun) -> str:
    """Return the episodes of a run as JSON lines, which `read_episodes` understands.

    They also say, for people and other programs, the class and crops in words and pixels, and the
    ``name`` of the episode's mask.
    """
    return "".join(json.dumps(_as_json(one, run.fold(one.fold))) + "\n" for one in run.episodes)


def read_episodes(path: Path) -> list[Episode]:
    """Read the episodes of a file; raises DatasetError, naming the line that is wrong."""
    episodes = []
    for number, line in enumerate(read_lines(path), 1):
        with explained(Path(f"{path}, line {number}"), _EPISODE):
            episodes.append(_from_json(parse_json(line)))
    return episodes


def _as_json(episode: Episode, fold: Fold) -> dict[str, Any]:
    picks = (episode.query, *episode.supports)
    boxes = [fold.shot(episode.class_id, pick).crop_xyxy for pick in picks]
    return {
        "fold": episode.fold,
        "number": episode.number,
        "class_id": episode.class_id,
        "class": fold.classes[episode.class_id],
        "name": fold.result_name(episode),
        "query": [episode.query.image, episode.query.instance],
        "supports": [[one.image, one.instance] for one in episode.supports],
        "boxes_xyxy": boxes if any(boxes) else None,
    }


def _from_json(told: dict[str, Any]) -> Episode:
    def pick(image: str, instance: int | None) -> Pick:
        return Pick(str(image), None if instance is None else int(instance))

    supports = tuple(pick(*one) for one in told["supports"])
    if not supports:
        raise ValueError("no supports")
    return Episode(
        int(told["fold"]),
        int(told["number"]),
        int(told["class_id"]),
        pick(*told["query"]),
        supports,
    )
