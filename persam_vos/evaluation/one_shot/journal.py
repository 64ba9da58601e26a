"""``finished.jsonl``: the episodes that a run has finished, so that it can be resumed.

The first line says what the episodes were made with, every other line is an episode.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...errors import OutputError, param
from ...files.journal import JournalFile
from ...scoring.episodes import EpisodeCounts

JOURNAL = "finished.jsonl"


@dataclass(frozen=True, slots=True)
class FinishedEpisode:
    """An episode with its pixels; ``seconds`` is how long learning and segmenting took."""

    fold: int
    number: int
    class_id: int
    counts: EpisodeCounts
    seconds: float

    @property
    def key(self) -> tuple[int, int]:
        """What it is known by."""
        return self.fold, self.number


class Journal:
    """The journal of a run; finished episodes of an earlier one with the same settings are kept.

    Raises OutputError for a journal of other settings, and for one that cannot be written.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self._file = JournalFile(folder / JOURNAL)
        kept = self._file.head()
        if kept is not None:
            _require_same(self._file.path, kept, settings)
        self._file.open(settings)
        found = map(_from_json, self._file.records())
        self.finished = {one.key: one for one in found}

    def add(self, episode: FinishedEpisode) -> None:
        """Write an episode down, at once."""
        self._file.add(asdict(episode), sync=True)
        self.finished[episode.key] = episode

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def journal_settings(folder: Path) -> Mapping[str, Any] | None:
    """Return what the episodes in a folder were made with, None where there is no journal."""
    return JournalFile(folder / JOURNAL).head()


def _require_same(path: Path, kept: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    now = json.loads(json.dumps(dict(settings)))
    different = sorted(name for name in {*kept, *now} if kept.get(name) != now.get(name))
    if different:
        raise OutputError(
            param("output", path.parent),
            got=f"episodes that were finished with other settings ({', '.join(different)})",
            expected="a folder of the same run, or a new one",
            remedy=f"choose another folder, or add {param('overwrite', True)} to start over",
        )


def _from_json(told: dict[str, Any]) -> FinishedEpisode:
    counts: dict[str, Any] = told.pop("counts")
    for name in ("intersection", "union"):
        counts[name] = tuple(counts[name])
    return FinishedEpisode(counts=EpisodeCounts(**counts), **told)
