"""Frames by index or by name, and what to say of those that a source does not have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, overload

from ..errors import FrameError, UsageError, param

if TYPE_CHECKING:
    from .reader import Source

Given = TypeVar("Given")
FrameId = int | str
"""A frame by its index from 0, or by its name: ``"name:00040"``; ``"start"`` is the start frame."""
NAME_PREFIX = "name:"
START = "start"
"""The frame that tracking starts at; see `FrameNames.start`."""


@dataclass(slots=True)
class FrameNames:
    """Turns what a user says of frames into indices; ``hints`` are for those who meant a name."""

    source: Source
    start: int = 0
    hints: list[str] = field(default_factory=list)

    @overload
    def index(self, frame: FrameId) -> int: ...

    @overload
    def index(self, frame: None) -> None: ...

    def index(self, frame: FrameId | None) -> int | None:
        """Return the index of a frame; raises FrameError where no frame has that name."""
        if frame is None:
            return None
        if frame == START:
            return self.start
        if isinstance(frame, int):
            self._hint(frame)
            return frame
        name = str(frame).removeprefix(NAME_PREFIX)
        found = self.source.index_of(name)
        if found is None:
            raise FrameError(
                f"{self.source.info.path}, frame {name!r}",
                got="no frame of that name",
                expected="the name of an image without its ending, or a number such as 00040",
                remedy="look at the names of the images",
            )
        return found

    def by_index(self, given: Mapping[int, Given] | Mapping[FrameId, Given]) -> dict[int, Given]:
        """Return what is given for frames by their indices; raises UsageError for one named twice.

        Raises FrameError as `index`.
        """
        found: dict[int, Given] = {}
        for frame, one in given.items():
            index = self.index(frame)
            if index in found:
                raise UsageError(f"frame {frame}", got=f"frame {index} twice", expected="once")
            found[index] = one
        return found

    def _hint(self, index: int) -> None:
        """Note that another frame has a name that is this number, if so."""
        names = self.source.names_of(index)
        if not names or index in names:
            return
        other, name = next(iter(names.items()))
        self.hints.append(
            f"frame {index}, counted from 0, is not the one called {name}, which is frame {other}; "
            f"{NAME_PREFIX}{name} means that one"
        )


def check_frame_id(parameter: str, frame: FrameId) -> None:
    """Raise UsageError for what is neither an index nor a name of a frame."""
    if isinstance(frame, int) and not isinstance(frame, bool):
        good = frame >= 0
    else:
        good = frame == START or bool(re.fullmatch(f"{NAME_PREFIX}.+", str(frame)))
    if not good:
        raise UsageError(
            param(parameter),
            got=f"{frame}",
            expected=f"a frame, counted from 0, or by its name as {NAME_PREFIX}00040",
        )


def no_such_frame(path: str, index: int, count: int) -> FrameError:
    """Say that a source of ``count`` frames has none of that ``index``, which counts from 0."""
    return FrameError(
        f"{path}, frame {index}",
        got=f"{count} frame{'s' if count > 1 else ''}",
        expected=f"a frame from 0 to {count - 1}",
        remedy="count frames from 0, as the masks are named and track.json does",
    )
