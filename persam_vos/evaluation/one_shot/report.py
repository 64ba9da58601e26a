"""``report.html`` of a one-shot run: its figures beside published ones, and its worst episodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from ...datasets.episodes import Episode
from ...datasets.one_shot import OneShotRun
from ...files.atomic import write_texts
from ...scoring.label_files import read_label_file
from ..report_pictures import PREDICTION_RGB, TRUTH_RGB, draw_outlines, jpeg_address
from .journal import FinishedEpisode
from .output import PREDICTIONS, REPORT
from .pictures import SQUARE_SIDE, ShotPicture, load_shot
from .results import OneShotScore, table_rows

WORST_EPISODES = 12
WORST_CLASSES = 40
_PICTURE_WIDTH = 320
_TEMPLATE = "report_template.html"


@dataclass(frozen=True, slots=True)
class _WorstEpisode:
    """One of the worst episodes; pictures are ``data:`` addresses."""

    class_name: str
    fold: int
    number: int
    iou: float
    query: str
    reference: str
    name: str


def write_report(
    folder: Path,
    run: OneShotRun,
    score: OneShotScore,
    finished: Mapping[tuple[int, int], FinishedEpisode],
) -> Path:
    """Write ``report.html`` beside the masks of a run; return its path.

    The worst episode of each of the worst classes is shown. Raises OutputError when it cannot be
    written, DatasetError and ScoringError for pictures and masks that have gone.
    """
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["percent"] = lambda value: f"{100 * value:.1f}"
    environment.filters["number"] = lambda value: "" if value is None else f"{value:.1f}"
    template = environment.from_string(files(__package__).joinpath(_TEMPLATE).read_text("utf-8"))
    classes: list[dict[str, Any]] = [
        {"fold": number, "name": score.class_names[number][one.class_id], "score": one}
        for number, fold in score.folds.items()
        for one in fold.classes
    ]
    classes.sort(key=lambda one: (one["score"].iou, one["fold"], one["name"]))
    html = template.render(
        score=score,
        rows=table_rows(score),
        classes=classes[:WORST_CLASSES],
        class_count=len(classes),
        episode_count=sum(fold.episode_count for fold in score.folds.values()),
        seconds=sum(one.seconds for one in finished.values()),
        worst=list(_worst(folder, run, finished)),
        settings=list(_flat(score.settings)),
        side=SQUARE_SIDE,
        program=version("persam-vos"),
        colours={"truth": TRUTH_RGB, "prediction": PREDICTION_RGB},
    )
    write_texts(folder, {REPORT: html})
    return folder / REPORT


def worst_episodes(
    run: OneShotRun, finished: Mapping[tuple[int, int], FinishedEpisode]
) -> list[Episode]:
    """Return the worst episodes, at most one of a class, the worst first."""
    worst: dict[tuple[int, int], Episode] = {}

    def iou(one: Episode) -> float:
        return finished[one.fold, one.number].counts.iou

    for one in sorted(run.episodes, key=lambda one: (iou(one), one.fold, one.number)):
        worst.setdefault((one.fold, one.class_id), one)
    return list(worst.values())[:WORST_EPISODES]


def _worst(
    folder: Path, run: OneShotRun, finished: Mapping[tuple[int, int], FinishedEpisode]
) -> Iterator[_WorstEpisode]:
    for episode in worst_episodes(run, finished):
        fold = run.fold(episode.fold)
        counts = finished[episode.fold, episode.number].counts
        name = fold.result_name(episode)
        predicted = read_label_file(folder / PREDICTIONS / f"{name}.png")
        # As they were answered: squared where that changes the size of masks.
        query = load_shot(fold.shot(episode.class_id, episode.query), None)
        if query.mask.shape != predicted.shape:
            query = load_shot(fold.shot(episode.class_id, episode.query), SQUARE_SIDE)
        reference = load_shot(fold.shot(episode.class_id, episode.supports[0]), None)
        yield _WorstEpisode(
            fold.classes[episode.class_id],
            episode.fold,
            episode.number,
            counts.iou,
            _drawn(query, (predicted > 0).astype(np.uint8)),
            _drawn(reference, np.zeros(reference.mask.shape, np.uint8)),
            name,
        )


def _drawn(picture: ShotPicture, predicted: Any) -> str:
    truth = picture.mask.astype(np.uint8)
    width = max(1, min(_PICTURE_WIDTH, picture.image.shape[1]))
    return jpeg_address(draw_outlines(picture.image, truth, predicted, width=width))


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield settings as name and text, those inside others as ``outer.inner``."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", str(value)
