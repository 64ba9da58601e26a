"""``finished.jsonl``: the episodes that a run has finished, so that it can be resumed.

The first line says what the episodes were made with, every other line is an episode. A line counts
when it is whole: a killed run may leave the last one half-written.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from ...errors import OutputError, param
from ...files.atomic import output_error, write_texts
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
        self._path = folder / JOURNAL
        self.finished: dict[tuple[int, int], FinishedEpisode] = {}
        kept = whole_lines(self._path)
        if kept:
            _require_same(self._path, json.loads(kept[0]), settings)
            found = (_from_json(json.loads(line)) for line in kept[1:])
            self.finished = {one.key: one for one in found}
        lines = [json.dumps(dict(settings)), *(_as_line(one) for one in self.finished.values())]
        write_texts(folder, {JOURNAL: "".join(f"{line}\n" for line in lines)})
        self._file: TextIO | None = None

    def add(self, episode: FinishedEpisode) -> None:
        """Write an episode down, at once."""
        try:
            if self._file is None:
                self._file = self._path.open("a", encoding="utf-8")
            self._file.write(_as_line(episode) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise output_error(self._path, error) from error
        self.finished[episode.key] = episode

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def whole_lines(path: Path) -> list[str]:
    """Return the lines of a journal that are whole and JSON objects; none where there is none."""
    try:
        text = path.read_text("utf-8", errors="replace")
    except OSError:
        return []
    lines = text.split("\n")[:-1]  # what follows the last line break was cut off
    return [line for line in lines if _is_object(line)]


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _require_same(path: Path, kept: dict[str, Any], settings: Mapping[str, Any]) -> None:
    now = json.loads(json.dumps(dict(settings)))
    different = sorted(name for name in {*kept, *now} if kept.get(name) != now.get(name))
    if different:
        raise OutputError(
            param("output", path.parent),
            got=f"episodes that were finished with other settings ({', '.join(different)})",
            expected="a folder of the same run, or a new one",
            remedy=f"choose another folder, or add {param('overwrite', True)} to start over",
        )


def _as_line(episode: FinishedEpisode) -> str:
    return json.dumps(asdict(episode))


def _from_json(told: dict[str, Any]) -> FinishedEpisode:
    counts: dict[str, Any] = told.pop("counts")
    for name in ("intersection", "union"):
        counts[name] = tuple(counts[name])
    return FinishedEpisode(counts=EpisodeCounts(**counts), **told)
