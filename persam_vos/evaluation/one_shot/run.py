"""All episodes of a one-shot data set, one after the other, resumed where a run was stopped."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...datasets.episodes import Episode
from ...datasets.one_shot import EvalSize, OneShotRun, episodes_text
from ...errors import DatasetError, PersamVosError
from ...files.atomic import make_folder, write_texts
from ...files.output import remove_files
from ...files.progress import ProgressCallback
from ...media.label_png import write_label_png
from ...photos.make import new_photo_method
from ...photos.settings import PhotoSettings
from ...request import EngineChoice
from ...scoring.episodes import FoldScore, count_episode, score_fold
from ...tracking.load import load_choice
from ..fingerprint import run_settings
from ..results import hold_folder
from .journal import FinishedEpisode, Journal
from .output import EPISODES, PREDICTIONS, REPORT, check_output
from .pictures import SQUARE_SIDE, load_shot
from .pictures_ahead import PicturesAhead
from .remembering import RememberingEngine
from .report import write_report
from .results import RESULTS, OneShotScore, results_text
from .segmenters import PhotoSegmenter, Segmenter, StoredMasks

MakeSegmenter = Callable[[], tuple[Segmenter, dict[str, Any]]]
"""Makes who answers, and says what the answers depend on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OneShotEvents:
    """What `evaluate_one_shot` calls as things happen.

    ``on_start`` with the numbers of all episodes and of those that an earlier run finished,
    ``on_episode`` as one is finished.
    """

    on_start: Callable[[int, int], None] | None = None
    on_episode: Callable[[FinishedEpisode], None] | None = None


def photo_segmenter(
    choice: EngineChoice, settings: PhotoSettings, on_progress: ProgressCallback | None = None
) -> MakeSegmenter:
    """Return what loads a method for photos."""

    def make() -> tuple[Segmenter, dict[str, Any]]:
        engine = RememberingEngine.of(load_choice(choice, on_progress, share_cores=True))
        facts = asdict(settings) | {"without": sorted(settings.without)}
        told = {"photos": facts, **run_settings(engine, "single")}
        return PhotoSegmenter(new_photo_method(engine, settings)), told

    return make


def stored_masks(folder: Path) -> MakeSegmenter:
    """Return what takes masks from a folder; raises DatasetError if there is none."""

    def make() -> tuple[Segmenter, dict[str, Any]]:
        if not folder.is_dir():
            raise DatasetError(str(folder), got="no such folder", expected="a folder of masks")
        return StoredMasks(folder), {"predictions": str(folder.resolve())}

    return make


def evaluate_one_shot(
    run: OneShotRun,
    output: Path,
    make: MakeSegmenter,
    *,
    eval_size: EvalSize | None = None,
    overwrite: bool = False,
    sandbox: bool = False,
    events: OneShotEvents | None = None,
) -> OneShotScore:
    """Answer and score the episodes of a run, and write the files (see ``evaluation.one_shot``).

    Episodes that an earlier run with the same settings finished are kept; ``overwrite`` starts
    over. ``eval_size`` is the data set's own if None. With ``sandbox`` another process decodes
    pictures first, see `media.sandbox`. Raises OutputError for an output that was
    made otherwise or cannot be written, DatasetError, naming fold and class, for files that cannot
    be used, and what ``make`` raises.
    """
    events = events or OneShotEvents()
    size = eval_size or run.info.eval_size
    earlier = check_output(output, run)
    segmenter, told = make()
    text = episodes_text(run)
    settings = {
        "dataset": run.info.name,
        "root": str(run.root.resolve()),
        "shots": run.shots,
        "eval_size": size,
        "episodes": hashlib.sha256(text.encode()).hexdigest(),
        **told,
    }
    with hold_folder(output):
        remove_files(earlier if overwrite else ())
        with closing(Journal(output, settings)) as journal:
            remove_files(output / name for name in (RESULTS, REPORT))
            write_texts(output, {EPISODES: text})
            if events.on_start is not None:
                events.on_start(len(run.episodes), len(journal.finished))
            todo = [one for one in run.episodes if (one.fold, one.number) not in journal.finished]
            for one in _answers(run, todo, output, segmenter, size, sandbox=sandbox):
                journal.add(one)
                if events.on_episode is not None:
                    events.on_episode(one)
            score = _score(run, journal, size, settings)
        write_texts(output, {RESULTS: results_text(score)})
        write_report(output, run, score, journal.finished)
    return score


def _answers(
    run: OneShotRun,
    episodes: Sequence[Episode],
    output: Path,
    segmenter: Segmenter,
    size: EvalSize,
    *,
    sandbox: bool,
) -> Iterator[FinishedEpisode]:
    """Yield episodes as they are answered."""
    side = SQUARE_SIDE if size == "square" else None
    learned: tuple[Any, ...] | None = None
    with PicturesAhead([_files(run, one) for one in episodes] if sandbox else ()) as ahead:
        for episode in episodes:
            shown = (episode.fold, episode.class_id, episode.supports)
            try:
                ahead.wait(_files(run, episode))
                finished = _answer(run, output, segmenter, episode, side, learn=shown != learned)
            except PersamVosError as error:
                name = run.fold(episode.fold).classes[episode.class_id]
                raise type(error)(
                    f"fold {episode.fold}, class {name}, episode {episode.number}: {error.args[0]}"
                ) from error
            learned = shown
            yield finished


def _files(run: OneShotRun, episode: Episode) -> list[Path]:
    fold = run.fold(episode.fold)
    picks = (episode.query, *episode.supports)
    return [path for one in picks for path in fold.shot(episode.class_id, one).files]


def _answer(
    run: OneShotRun,
    output: Path,
    segmenter: Segmenter,
    episode: Episode,
    side: int | None,
    *,
    learn: bool,
) -> FinishedEpisode:
    """Answer one episode, and write its mask."""
    fold = run.fold(episode.fold)
    query = load_shot(fold.shot(episode.class_id, episode.query), side)
    supports = [load_shot(fold.shot(episode.class_id, one), side) for one in episode.supports]
    started = time.perf_counter()
    if learn:
        segmenter.learn(supports)
    name = fold.result_name(episode)
    mask = segmenter.segment(query, name)
    seconds = time.perf_counter() - started
    path = output / PREDICTIONS / f"{name}.png"
    make_folder(path.parent)
    write_label_png(path, mask.astype(np.uint8))
    counts = count_episode(mask, query.mask, query.void)
    return FinishedEpisode(
        episode.fold, episode.number, episode.class_id, counts, round(seconds, 3)
    )


def _score(
    run: OneShotRun, journal: Journal, size: EvalSize, settings: dict[str, Any]
) -> OneShotScore:
    folds: dict[int, FoldScore] = {}
    for fold in run.folds:
        keys = [(one.fold, one.number) for one in run.episodes if one.fold == fold.number]
        own = [journal.finished[key] for key in keys]
        if own:
            # Of a part of the episodes, classes that it does not reach are not at fault.
            ids = fold.classes if run.whole else sorted({one.class_id for one in own})
            folds[fold.number] = score_fold(ids, ((one.class_id, one.counts) for one in own))
    names = {fold.number: fold.classes for fold in run.folds}
    redrawn = sum(fold.redrawn for fold in run.folds)
    return OneShotScore(
        run.info.name, run.info.title, folds, names, run.shots, size, run.whole, redrawn, settings
    )
