"""A region of interest: tracked at its own resolution, its labels put back into whole pictures."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..errors import MaskError, UsageError, param
from ..scoring.label_files import present_ids
from ..structures import Frame, LabelMap, ObjectResult, TrackedFrame
from .reference_prompts import Prompt

LEAST_SIDE = 16
"""Pixels; a region that is smaller shows nothing."""


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of the upright picture, in pixels: its top left corner, width and height.

    Raises UsageError for one without an area.

    >>> Region.parse("10,20,640,360")
    Region(x=10, y=20, width=640, height=360)
    """

    x: int
    y: int
    width: int
    height: int

    def __post_init__(self) -> None:
        if min(self.x, self.y) < 0 or min(self.width, self.height) < LEAST_SIDE:
            raise UsageError(
                param("roi"),
                got=str(self),
                expected=f"x,y from 0, and width and height of {LEAST_SIDE} pixels at least",
            )

    def __str__(self) -> str:
        return f"{self.x},{self.y},{self.width},{self.height}"

    @classmethod
    def parse(cls, text: str) -> Region:
        """Read ``x,y,width,height``; raises UsageError for anything else."""
        try:
            x, y, width, height = (int(part) for part in text.split(","))
        except ValueError as error:
            raise UsageError(
                param("roi"), got=repr(text), expected="x,y,width,height in pixels"
            ) from error
        return cls(x, y, width, height)

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the picture."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)

    def check_inside(self, size_hw: tuple[int, int]) -> None:
        """Raise UsageError for a region that reaches out of pictures of (height, width)."""
        height, width = size_hw
        if self.x + self.width > width or self.y + self.height > height:
            raise UsageError(
                param("roi"),
                got=f"{self}, which reaches out of the picture",
                expected=f"a part of {width} x {height} pixels",
                remedy="measure it in the video as it is shown",
            )

    def crop(self, frame: Frame) -> Frame:
        """Return a frame with the region alone, as contiguous pixels."""
        return replace(frame, image=np.ascontiguousarray(frame.image[self.window]))

    def crop_labels(self, label_map: LabelMap, subject: str) -> LabelMap:
        """Return the labels in the region; raises MaskError for an object that is outside of it."""
        cropped = np.ascontiguousarray(label_map[self.window])
        outside = sorted(present_ids(label_map) - present_ids(cropped))
        if outside:
            raise MaskError(
                subject,
                got=f"object {outside[0]} outside of the region {self}",
                expected="objects that are in it",
                remedy="choose another region, or leave that object out",
            )
        return cropped

    def crop_prompt(self, prompt: Prompt, subject: str) -> Prompt:
        """Return a prompt in pixels of the region; raises UsageError where it is not in it."""
        box = prompt.box_xyxy
        moved = replace(
            prompt,
            box_xyxy=None if box is None else self._clipped(box),
            points_xy=[(x - self.x, y - self.y) for x, y in prompt.points_xy],
        )
        return moved.in_pixels((self.height, self.width), f"{subject}, in the region {self}")

    def _clipped(self, box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        """Move a box, and cut off what is outside."""
        x0, y0, x1, y1 = box
        return (
            max(0.0, x0 - self.x),
            max(0.0, y0 - self.y),
            min(float(self.width), x1 - self.x),
            min(float(self.height), y1 - self.y),
        )

    def track(
        self,
        frames: Iterable[Frame],
        track: Callable[[Iterator[Frame]], Generator[TrackedFrame, None, None]],
    ) -> Generator[TrackedFrame, None, None]:
        """Hand crops of ``frames`` to ``track``; yield what it finds, in whole pictures.

        ``track`` yields one result for each frame, in their order.
        """
        whole: deque[Frame] = deque()

        def crops() -> Iterator[Frame]:
            for frame in frames:
                whole.append(frame)
                yield self.crop(frame)

        with closing(track(crops())) as tracked:
            for one in tracked:
                yield self._uncrop(one, whole.popleft())

    def _uncrop(self, tracked: TrackedFrame, frame: Frame) -> TrackedFrame:
        return TrackedFrame(
            frame,
            self._put_back(tracked.label_map, frame.size_hw),
            tuple(self._moved(one) for one in tracked.objects),
            {
                object_id: self._put_back(alpha, frame.size_hw)
                for object_id, alpha in tracked.alphas.items()
            },
        )

    def _put_back(
        self, part: npt.NDArray[np.uint8], size_hw: tuple[int, int]
    ) -> npt.NDArray[np.uint8]:
        whole = np.zeros(size_hw, part.dtype)
        whole[self.window] = part
        return whole

    def _moved(self, result: ObjectResult) -> ObjectResult:
        if result.box_xyxy is None:
            return result
        x0, y0, x1, y1 = result.box_xyxy
        box = (x0 + self.x, y0 + self.y, x1 + self.x, y1 + self.y)
        return replace(result, box_xyxy=box)
