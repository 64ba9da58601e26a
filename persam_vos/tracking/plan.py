"""Which frames are tracked, from which masks, and which way: forwards, backwards, or both."""

from __future__ import annotations

import logging
from collections.abc import Collection, Generator, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import MaskError, UsageError, param
from ..media.frame_numbers import no_such_frame
from ..media.reader import Source, open_source
from ..media.reference_masks import MaskInput, ReferenceMasks, mask_files, read_reference_masks
from ..media.reference_prompts import FramePrompts, read_prompts, refuse_unknown
from ..request import Direction, TrackRequest
from ..runtime.timer import StageTimer
from ..scoring.label_files import present_ids
from ..structures import Frame, TrackedFrame
from ..targets.target import Target
from ..targets.target_file import read_target
from .engine import Engine
from .propagate import Reference, empty_frames, track_frames
from .target_search import Sighting

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrackPlan:
    """What to track of a source; produced by `plan_request` and ``evaluation``.

    Its two halves are consumed by `drive`.

    ``references`` are labels by frame index, or what makes them as tracking gets there. ``prompts``
    are those that have no labels yet: `start.make_references` makes them. One of either is of frame
    ``start``; with a ``target`` there may be none, until it is found there. What came of that is
    the ``sighting``; if the target is not in the video, masks are empty. ``keep_alpha`` asks for
    soft masks beside the labels. Frames keep their indices and names, whichever way they come.
    Raises MaskError for a mask of a frame that is not on the way, UsageError for prompts of one or
    of an object that is not known there, MediaError for a frame that does not exist; where nobody
    knows how many there are, the last is raised after the last frame.
    """

    source: Source
    references: Mapping[int, Reference]
    start: int
    direction: Direction = "both"
    prompts: Mapping[int, FramePrompts] = field(default_factory=dict)
    keep_alpha: bool = False
    target: Target | None = None
    sighting: Sighting | None = None

    def __post_init__(self) -> None:
        frames = {*self.references, *self.prompts}
        for index in sorted(frames):
            self._check_on_the_way(index)
        self._check_there(max(frames, default=self.start))
        for index, prompts in self.prompts.items():
            refuse_unknown(prompts, self.masked_ids(index) | self.tracked_ids(index), index)

    def masked_ids(self, index: int) -> frozenset[int]:
        """Return the objects that have a mask on a frame."""
        labels = self.references.get(index)
        return frozenset() if labels is None or callable(labels) else present_ids(labels)

    def tracked_ids(self, index: int) -> frozenset[int]:
        """Return the objects that are tracked when a frame is reached, whatever it shows itself."""
        way = range(self.start, index) if index > self.start else range(index + 1, self.start + 1)
        shown = [self.masked_ids(frame) for frame in self.references if frame in way]
        shown += [prompts.object_ids for frame, prompts in self.prompts.items() if frame in way]
        return frozenset().union(*shown)

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
        return self._track(self.source.frames_reversed(self.start), engine, timer)

    def forward(
        self, engine: Engine, timer: StageTimer | None = None
    ) -> Generator[TrackedFrame, None, None]:
        """Track to the last frame, from the start frame or, if that went back, the one after it."""
        count = self.start
        frames = self.source.frames(self.start)
        with closing(self._track(frames, engine, timer)) as tracked_frames:
            for tracked in tracked_frames:
                count = tracked.index + 1
                if tracked.index > self.start or not self.has_backward:
                    yield tracked
        last = max(self.references, default=self.start)
        if last >= count:
            raise no_such_frame(self.source.info.path, last, count)

    def frames(
        self, engine: Engine, timer: StageTimer | None = None
    ) -> Generator[TrackedFrame, None, None]:
        """Track backwards, then forwards; every frame comes once."""
        if self.has_backward:
            yield from self.backward(engine, timer)
        if self.has_forward:
            yield from self.forward(engine, timer)

    def _track(
        self, frames: Iterable[Frame], engine: Engine, timer: StageTimer | None
    ) -> Generator[TrackedFrame, None, None]:
        """Track frames in the order in which they come; without references masks are empty."""
        references, keep_alpha = self.references, self.keep_alpha
        if not references:
            assert self.target is not None, "which is not in the video"
            return empty_frames(frames, self.target.object_ids)
        return track_frames(frames, references, engine, timer=timer, keep_alpha=keep_alpha)

    def _check_on_the_way(self, index: int) -> None:
        first = 0 if self.has_backward else max(0, self.start)
        last = None if self.has_forward else self.start
        if index < first or (last is not None and index > last):
            expected = f"{first} or later" if last is None else f"{first} to {last}"
            what, kind = (
                ("masks", MaskError) if index in self.references else ("prompts", UsageError)
            )
            raise kind(
                f"{what} of frame {index}",
                got="a frame that is not tracked",
                expected=f"{expected}, from start frame {self.start} and direction "
                f"{self.direction}",
                remedy=f"leave these {what} out, or change start frame or direction",
            )

    def _check_there(self, index: int) -> None:
        count = self.source.info.frame_count
        if count is not None and index >= count:
            # What a video says of itself is an estimate: only looking helps.
            with closing(self.source.frames(index)) as frames:
                next(frames)


def plan_request(request: TrackRequest) -> tuple[TrackPlan, ReferenceMasks]:
    """Open the source of a request, read all masks, prompts and its target, and check that they fit.

    Raises MediaError, MaskError or UsageError for input that cannot be understood.
    """
    source = open_source(request.source, reader=request.reader)
    info = source.info
    _log.info("%s opened: %s, %s x %s", info.path, info.kind, *reversed(info.size_hw))
    return plan_source(source, request)


def plan_source(source: Source, request: TrackRequest) -> tuple[TrackPlan, ReferenceMasks]:
    """Read the masks, prompts and target of a request for a source that is open.

    Raises as `plan_request`. The request's own source is not looked at.
    """
    info = source.info
    target = _read_target(request)
    prompted = {*request.prompts, *request.rough_masks}
    start, by_frame = request.start_frame or 0, dict[int, MaskInput]()
    if target is None or request.masks is not None or request.later_masks or prompted:
        start, by_frame = masks_by_frame(
            request.masks, request.start_frame, request.later_masks, prompted
        )
    objects = request.objects if by_frame else None
    reference = read_reference_masks(by_frame, info.size_hw, objects=objects)
    rough = read_reference_masks(request.rough_masks, info.size_hw)
    prompts = {
        frame: FramePrompts(
            read_prompts(request.prompts.get(frame, ()), info.size_hw, frame),
            rough.label_maps.get(frame),
        )
        for frame in sorted(prompted)
    }
    plan = TrackPlan(
        source,
        reference.label_maps,
        start,
        request.direction,
        prompts,
        request.keeps_alpha,
        target,
    )
    shown = sorted({*reference.object_ids}.union(*(one.object_ids for one in prompts.values())))
    if target is not None:
        shown = sorted({*shown, *target.object_ids})
    frames = ", ".join(map(str, sorted({*by_frame, *prompted})))
    _log.info("masks and prompts of frames %s read: objects %s", frames, shown)
    warnings = (*reference.warnings, *rough.warnings)
    return plan, ReferenceMasks(reference.label_maps, tuple(shown), warnings)


def input_files(request: TrackRequest, source: Source | None = None) -> tuple[Path, ...]:
    """Return all files that a request reads, from ``source`` if any: nothing may replace them."""
    files = () if source is None else source.files
    given = (request.masks, *request.later_masks.values(), *request.rough_masks.values())
    target = [Path(request.target)] if isinstance(request.target, str | Path) else []
    return (*files, *target, *(path for masks in given for path in mask_files(masks)))


def _read_target(request: TrackRequest) -> Target | None:
    """Read the target of a request, with the objects that are asked for."""
    target = request.target
    if isinstance(target, str | Path):
        target = read_target(target)
    if target is None or request.objects is None:
        return target
    wanted = [i for i in target.object_ids if i in request.objects]
    if not wanted and request.masks is None:
        raise UsageError(
            param("objects"),
            got=", ".join(map(str, sorted(request.objects))),
            expected=f"ids in the target: {', '.join(map(str, target.object_ids))}",
            remedy="select some of these",
        )
    return target.keep(wanted) if wanted else None


def masks_by_frame(
    first: MaskInput | None,
    start: int | None,
    later: Mapping[int, MaskInput] | None,
    prompted: Collection[int] = (),
) -> tuple[int, dict[int, MaskInput]]:
    """Return the start frame, and all masks by the frame that they show, of what a user gives.

    ``prompted`` are frames on which objects are shown by something else. Without ``first`` the
    start frame needs masks in ``later``, or to be prompted; it is the earliest such frame unless
    ``start`` says otherwise. Raises MaskError for no masks, or several for one frame.
    """
    masks = dict(later or {})
    if first is None:
        return _start_in({*masks, *prompted}, start), masks
    start = start or 0
    if start in masks:
        raise MaskError(
            f"masks of frame {start}",
            got="two: the first mask, and one for this frame",
            expected="one, which may show several objects",
            remedy="leave one out, or change the start frame",
        )
    return start, {start: first, **masks}


def _start_in(frames: Collection[int], start: int | None) -> int:
    if frames and (start is None or start in frames):
        return min(frames) if start is None else start
    raise MaskError(
        "masks",
        got=f"masks of frames {', '.join(map(str, sorted(frames)))}" if frames else "none",
        expected="a mask of the first frame" if start is None else f"one of frame {start}",
        remedy="give one that shows each object",
    )
