"""The folder of a one-shot run: what is in it, and whether a run may write there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ...datasets.one_shot import ONE_SHOT, OneShotRun
from ...errors import OutputError, param
from ...files.limits import parse_json
from ...files.output import inside, refuse_unwritable, replaceable
from .journal import JOURNAL, journal_settings
from .results import RESULTS

EPISODES, PREDICTIONS, REPORT = "episodes.jsonl", "predictions", "report.html"
_NAMES = (EPISODES, JOURNAL, RESULTS, REPORT)


def check_output(folder: Path, run: OneShotRun) -> frozenset[Path]:
    """Return the files of an earlier run in a folder, none for a new one; nothing is touched.

    Raises OutputError for files in the way that no earlier run lists, for those that this one
    reads, and for a folder that cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(param("output", folder), got="a file", expected="a folder or a new name")
    refuse_unwritable(folder)
    own = _own_files(folder)
    names = (run.fold(one.fold).result_name(one) for one in run.episodes)
    masks = (folder / PREDICTIONS / f"{name}.png" for name in names)
    shots = (
        run.fold(one.fold).shot(one.class_id, pick)
        for one in run.episodes
        for pick in (one.query, *one.supports)
    )
    replaceable(
        folder,
        [*(folder / name for name in _NAMES), *masks],
        own=own,
        inputs=(file for shot in shots for file in shot.files),
        overwrite=True,  # an earlier run is gone on with; its journal tells if that may be
        expected="a folder without results, or one of this command",
    )
    return own


def _own_files(folder: Path) -> frozenset[Path]:
    """Return the files of an earlier run, whose journal vouches for them."""
    settings = journal_settings(folder)
    if settings is None or settings.get("dataset") not in ONE_SHOT:
        return frozenset()
    masks = (f"{PREDICTIONS}/{name}.png" for name in _episode_names(folder / EPISODES))
    return inside(folder, [*_NAMES, *masks])


def _episode_names(path: Path) -> Iterator[str]:
    """Yield the names of the masks in a list of episodes, as far as it can be read."""
    try:
        for line in path.read_text("utf-8").splitlines():
            episode = parse_json(line)
            if isinstance(episode, dict) and isinstance(episode.get("name"), str):
                yield episode["name"]
    except (OSError, ValueError):
        return
