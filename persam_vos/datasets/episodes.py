"""What a one-shot data set is to the rest: folds of episodes, each an object shown and asked for.

An episode shows an object in supports, whose masks are known, and asks for it in a query. Which
ones they are is drawn at random, in the very draws of the programs that others publish figures
with: `Draws`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ..errors import DatasetError, UsageError, param

Choice = TypeVar("Choice")


@dataclass(frozen=True, slots=True)
class Pick:
    """A picture of an episode by name.

    ``image`` is what the data set calls it; ``instance`` is which object in it, where the data set
    asks for one and not for all of the class.
    """

    image: str
    instance: int | None = None


@dataclass(frozen=True, slots=True)
class Episode:
    """Produced by a `Fold` or an episodes file, consumed by ``evaluation.one_shot``."""

    fold: int
    number: int
    class_id: int
    query: Pick
    supports: tuple[Pick, ...]


@dataclass(frozen=True, slots=True)
class PixelMask:
    """A mask in an image file: inside are pixels from ``low`` to ``high``.

    ``grey`` converts colours to grey values first; else values, or indices of a palette, are taken
    as they are stored. Pixels of the value ``void`` count neither as inside nor as outside.
    """

    path: Path
    low: int
    high: int = 255
    grey: bool = False
    void: int | None = None


@dataclass(frozen=True, slots=True)
class ShapeMask:
    """A mask in COCO's forms: the union of ``segmentations``, which ``source`` holds.

    Each is a list of polygons (flat x, y in pixels), run lengths ``{"size": (h, w), "counts"}``, or
    an (H, W) array.
    """

    segmentations: tuple[Any, ...]
    source: Path


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture with its mask; ``crop_xyxy`` is the part that counts, its ends exclusive."""

    image: Path
    mask: PixelMask | ShapeMask
    crop_xyxy: tuple[int, int, int, int] | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that have to be there."""
        return (self.image, self.mask.path) if isinstance(self.mask, PixelMask) else (self.image,)


class Fold(ABC):
    """A part of a data set whose episodes are scored together; ``classes`` are names by id.

    ``redrawn`` counts episodes that were drawn and could not be used.
    """

    def __init__(self, number: int, classes: Mapping[int, str]) -> None:
        self.number = number
        self.classes = dict(classes)
        self.redrawn = 0

    @abstractmethod
    def episodes(self) -> Iterator[Episode]:
        """Draw all episodes; every call draws the same."""

    @abstractmethod
    def shot(self, class_id: int, pick: Pick) -> Shot:
        """Return the files of a picture; raises DatasetError for one that the fold has not."""

    def result_name(self, episode: Episode) -> str:
        """Return the path, without a suffix, of an episode's mask below a folder of results."""
        return f"fold{self.number}/{episode.number:05d}"

    def unknown(self, class_id: int, pick: Pick) -> DatasetError:
        """Return the error for a picture that the fold has not."""
        which = "" if pick.instance is None else f", object {pick.instance}"
        return DatasetError(
            f"fold {self.number}, class {self.classes.get(class_id, class_id)}",
            got=f"a picture {pick.image}{which} that is not listed for it",
            expected="pictures of the data set",
            remedy="use episodes that were drawn from this data set",
        )


class Draws:
    """Random choices as the published programs make them.

    They seed numpy's old global generator with 0 for each fold, and each draw permutes a whole
    sequence; this generator is private and gives the same.
    """

    def __init__(self, seed: int = 0) -> None:
        self._random = np.random.RandomState(seed)

    def one(self, choices: Sequence[Choice]) -> Choice:
        """Draw one of a sequence."""
        return choices[int(self._random.choice(len(choices), 1, replace=False)[0])]

    def others(self, choices: Sequence[Choice], query: Choice, count: int) -> tuple[Choice, ...]:
        """Draw ``count`` that are not the query; they may repeat."""
        supports: list[Choice] = []
        while len(supports) < count:
            support = self.one(choices)
            if support != query:
                supports.append(support)
        return tuple(supports)


def require_choices(choices: Sequence[Hashable], count: int, what: str) -> None:
    """Raise DatasetError unless there are ``count`` different ones: draws would never end."""
    if len(set(choices)) < count:
        raise DatasetError(
            what,
            got=f"{len(set(choices))} pictures",
            expected=f"{count} or more, a query and others to show",
            remedy="complete the data set",
        )


def require_one_shot(shots: int, dataset: str) -> None:
    """Raise UsageError for a data set whose references are given, if more are asked for."""
    if shots != 1:
        raise UsageError(
            param("shots"), got=str(shots), expected=f"1: {dataset} has one reference an object"
        )
