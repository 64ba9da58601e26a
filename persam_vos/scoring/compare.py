"""Two runs side by side, clip by clip, from their ``results.json``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ScoringError
from ..files.limits import parse_json
from .report import RESULTS_FILE, RESULTS_VERSION

_REMEDY = "give the output folder that `persam-vos eval` or `score` finished"


@dataclass(frozen=True, slots=True)
class Means:
    """Mean J (``region``) and F (``boundary``) over objects, in [0, 1]; or their differences."""

    region: float
    boundary: float

    @property
    def jf(self) -> float:
        """The mean of J and F."""
        return (self.region + self.boundary) / 2

    def minus(self, other: Means) -> Means:
        """Return how much higher these are."""
        return Means(self.region - other.region, self.boundary - other.boundary)


@dataclass(frozen=True, slots=True)
class Change:
    """The means of one clip, or of all, in two runs."""

    name: str
    before: Means
    after: Means

    @property
    def difference(self) -> Means:
        """After minus before: below 0 is a regression."""
        return self.after.minus(self.before)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs; produced by `compare`, consumed by the command line.

    ``total`` is over the objects of the clips that both have, each object weighing the same;
    ``clips`` are these, the worst regression of J&F first. ``notes`` are sentences on what else
    the runs differ in.
    """

    total: Change
    clips: tuple[Change, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Results:
    """What is compared of a ``results.json``: the run, and the objects of each clip by id."""

    run: Mapping[str, Any]
    clips: Mapping[str, Mapping[int, Means]]


def compare(before: Path, after: Path) -> Comparison:
    """Compare the results in two folders.

    Raises ScoringError when a folder holds no ``results.json`` that can be understood, or when the
    two have no clip in common.
    """
    old, new = _read(before), _read(after)
    common = [name for name in old.clips if name in new.clips]
    if not common:
        raise ScoringError(
            f"{before} and {after}",
            got=f"no clip in common ({_some(old.clips)}; {_some(new.clips)})",
            expected="results of the same clips",
            remedy="compare runs on one dataset",
        )
    changes = [_change(name, [old.clips[name]], [new.clips[name]]) for name in common]
    return Comparison(
        total=_change(
            "total", [old.clips[name] for name in common], [new.clips[name] for name in common]
        ),
        clips=tuple(sorted(changes, key=lambda change: (change.difference.jf, change.name))),
        only_before=tuple(name for name in old.clips if name not in new.clips),
        only_after=tuple(name for name in new.clips if name not in old.clips),
        notes=(*_run_notes(old.run, new.run), *_object_notes(common, old, new)),
    )


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as JSON values, unrounded."""
    return {
        "version": 1,
        "total": _change_values(comparison.total),
        "clips": [{"name": one.name, **_change_values(one)} for one in comparison.clips],
        "only_before": list(comparison.only_before),
        "only_after": list(comparison.only_after),
        "notes": list(comparison.notes),
    }


def _change_values(change: Change) -> dict[str, Any]:
    parts = {"before": change.before, "after": change.after, "difference": change.difference}
    return {
        name: {"J&F": means.jf, "J": means.region, "F": means.boundary}
        for name, means in parts.items()
    }


def _change(
    name: str, before: Iterable[Mapping[int, Means]], after: Iterable[Mapping[int, Means]]
) -> Change:
    return Change(name, _mean(before), _mean(after))


def _mean(clips: Iterable[Mapping[int, Means]]) -> Means:
    objects = [means for clip in clips for means in clip.values()]
    return Means(
        math.fsum(one.region for one in objects) / len(objects),
        math.fsum(one.boundary for one in objects) / len(objects),
    )


def _read(folder: Path) -> _Results:
    """Return the results in a folder; raises ScoringError unless they are there and whole."""
    path = folder / RESULTS_FILE
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        got = getattr(error, "strerror", None) or "bytes that are no text"
        raise ScoringError(
            f"cannot read {path}", got=got, expected="the results of a run", remedy=_REMEDY
        ) from error
    try:
        told = parse_json(text)
        version = told["version"]
        if version == RESULTS_VERSION:
            return _Results(dict(told.get("run", {})), _clips(told["sequences"]))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        what = " ".join(f"{type(error).__name__}: {error}".split())
        raise ScoringError(
            f"cannot use {path}", got=what, expected="the results of a run", remedy=_REMEDY
        ) from error
    raise ScoringError(
        f"cannot use {path}",
        got=f"version {version!r}",
        expected=f"version {RESULTS_VERSION}",
        remedy="score the masks again with this program",
    )


def _clips(sequences: Any) -> dict[str, dict[int, Means]]:
    """Return the means of each object of each clip; raises ValueError where there are none."""
    clips = {
        str(clip["name"]): {
            int(one["id"]): Means(_score(one["J"]["mean"]), _score(one["F"]["mean"]))
            for one in clip["objects"]
        }
        for clip in sequences
    }
    if not clips or not all(clips.values()):
        raise ValueError("clips without objects, or no clips")
    return clips


def _score(value: Any) -> float:
    number = float(value)
    if not 0 <= number <= 1:
        raise ValueError(f"a score of {value}")
    return number


def _run_notes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Say what the runs were given that differs, where both say it."""
    before, after = dict(_flat(old)), dict(_flat(new))
    return [
        f"{name}: {before[name]} before, {after[name]} after"
        for name in before
        if name in after and before[name] != after[name]
    ]


def _flat(values: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Yield names and texts, those of inner mappings by their own names."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value)
        else:
            yield name, str(value)


def _object_notes(common: Iterable[str], old: _Results, new: _Results) -> list[str]:
    return [
        f"clip {name}: objects {_some(before)} before, {_some(after)} after"
        for name in common
        if (before := old.clips[name]).keys() != (after := new.clips[name]).keys()
    ]


def _some(names: Iterable[Any]) -> str:
    """Return up to four names as text."""
    listed = [str(name) for name in names]
    return ", ".join(listed[:4]) + (f" and {len(listed) - 4} more" if len(listed) > 4 else "")
