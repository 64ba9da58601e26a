"""Which frames are tracked, from which masks, and which way: forwards, backwards, or both."""

from __future__ import annotations

import logging
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import MaskError
from ..media.frame_numbers import FrameNames, no_such_frame
from ..media.reader import Source, open_source
from ..media.reference_masks import MaskInput, ReferenceMasks, mask_files, read_reference_masks
from ..request import Direction, TrackRequest
from ..runtime.timer import StageTimer
from ..structures import LabelMap, TrackedFrame
from .engine import Engine
from .propagate import track_frames

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrackPlan:
    """What to track of a source; produced by `plan_request` and ``evaluation``.

    Its two halves are consumed by `drive`.

    ``references`` are labels (H, W) by frame index, one of them for frame ``start``. Frames keep
    their indices and names, whichever way they come. Raises MaskError for a mask of a frame that is
    not on the way, MediaError for one that does not exist; where nobody knows how many there are,
    the last is raised after the last frame.
    """

    source: Source
    references: Mapping[int, LabelMap]
    start: int
    direction: Direction = "both"

    def __post_init__(self) -> None:
        for index in sorted(self.references):
            self._check_on_the_way(index)
        self._check_there(max(self.references))

    @property
    def has_backward(self) -> bool:
        """Whether there is a backward half: the start frame, and those before it."""
        return self.direction == "backward" or (self.direction == "both" and self.start > 0)

    @property
    def has_forward(self) -> bool:
        """Whether there is a forward half: the frames after the start frame, and maybe itself."""
        return self.direction != "backward"

    @property
    def frame_count(self) -> int | None:
        """How many frames will be tracked, as far as the source tells."""
        if not self.has_forward:
            return self.start + 1
        count = self.source.info.frame_count
        if count is None or self.has_backward:
            return count
        return max(1, count - self.start)

    def backward(
        self, engine: Engine, timer: StageTimer | None = None
    ) -> Generator[TrackedFrame, None, None]:
        """Track from the start frame back to the first one; masks apply as they are met."""
        frames = self.source.frames_reversed(self.start)
        return track_frames(frames, self.references, engine, timer=timer)

    def forward(
        self, engine: Engine, timer: StageTimer | None = None
    ) -> Generator[TrackedFrame, None, None]:
        """Track to the last frame, from the start frame or, if that went back, the one after it."""
        count = self.start
        frames = self.source.frames(self.start)
        with closing(track_frames(frames, self.references, engine, timer=timer)) as tracked_frames:
            for tracked in tracked_frames:
                count = tracked.index + 1
                if tracked.index > self.start or not self.has_backward:
                    yield tracked
        if max(self.references) >= count:
            raise no_such_frame(self.source.info.path, max(self.references), count)

    def frames(
        self, engine: Engine, timer: StageTimer | None = None
    ) -> Generator[TrackedFrame, None, None]:
        """Track backwards, then forwards; every frame comes once."""
        if self.has_backward:
            yield from self.backward(engine, timer)
        if self.has_forward:
            yield from self.forward(engine, timer)

    def _check_on_the_way(self, index: int) -> None:
        first = 0 if self.has_backward else max(0, self.start)
        last = None if self.has_forward else self.start
        if index < first or (last is not None and index > last):
            expected = f"{first} or later" if last is None else f"{first} to {last}"
            raise MaskError(
                f"masks of frame {index}",
                got="a frame that is not tracked",
                expected=f"{expected}, from start frame {self.start} and direction "
                f"{self.direction}",
                remedy="leave this mask out, or change start frame or direction",
            )

    def _check_there(self, index: int) -> None:
        count = self.source.info.frame_count
        if count is not None and index >= count:
            # What a video says of itself is an estimate: only looking helps.
            with closing(self.source.frames(index)) as frames:
                next(frames)


def plan_request(request: TrackRequest) -> tuple[TrackPlan, ReferenceMasks]:
    """Open the source of a request, read all masks, and check that they fit together.

    Raises MediaError or MaskError for input that cannot be understood.
    """
    source = open_source(request.source, options=request.reading)
    info = source.info
    _log.info("%s opened: %s, %s x %s", info.path, info.kind, *reversed(info.size_hw))
    naming = FrameNames(source)
    start_frame = naming.index(request.start_frame)
    later = {naming.index(frame): masks for frame, masks in request.later_masks.items()}
    start, by_frame = masks_by_frame(request.masks, start_frame, later)
    options = replace(request.mask_options, pixel_aspect=info.pixel_aspect)
    reference = read_reference_masks(
        by_frame, info.size_hw, objects=request.objects, options=options
    )
    reference = replace(reference, warnings=(*naming.hints, *reference.warnings))
    frames = ", ".join(map(str, sorted(by_frame)))
    _log.info("masks of frames %s read: objects %s", frames, reference.object_ids)
    return TrackPlan(source, reference.label_maps, start, request.direction), reference


def input_files(request: TrackRequest, source: Source) -> tuple[Path, ...]:
    """Return all files that a request reads: nothing may replace them."""
    given = (request.masks, *request.later_masks.values())
    masks = (path for one in given for path in mask_files(one))
    return (*source.files, *masks, *([request.label_map] if request.label_map else []))


def masks_by_frame(
    first: MaskInput | None, start: int | None, later: Mapping[int, MaskInput] | None
) -> tuple[int, dict[int, MaskInput]]:
    """Return the start frame, and all masks by the frame that they show, of what a user gives.

    Without ``first`` the start frame needs masks in ``later``; it is their earliest frame unless
    ``start`` says otherwise. Raises MaskError for no masks, or several for one frame.
    """
    masks = dict(later or {})
    if first is None:
        return _start_in(masks, start), masks
    start = start or 0
    if start in masks:
        raise MaskError(
            f"masks of frame {start}",
            got="two: the first mask, and one for this frame",
            expected="one, which may show several objects",
            remedy="leave one out, or change the start frame",
        )
    return start, {start: first, **masks}


def _start_in(masks: Mapping[int, MaskInput], start: int | None) -> int:
    if masks and (start is None or start in masks):
        return min(masks) if start is None else start
    raise MaskError(
        "masks",
        got=f"masks of frames {', '.join(map(str, sorted(masks)))}" if masks else "none",
        expected="a mask of the first frame" if start is None else f"one of frame {start}",
        remedy="give one that shows each object",
    )
