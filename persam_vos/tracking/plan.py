"""Which frames are tracked, from which masks, and which way: forwards, backwards, or both."""

from __future__ import annotations

import logging
from collections.abc import Collection, Generator, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from ..errors import MaskError, UsageError
from ..media.frame_numbers import FrameNames, no_such_frame
from ..media.reader import Source, open_source
from ..media.reference_masks import MaskInput, ReferenceMasks, mask_files, read_reference_masks
from ..media.reference_prompts import FramePrompts, Prompt, read_prompts, refuse_unknown
from ..media.region import Region
from ..media.selection import select
from ..request import Direction, TrackRequest
from ..runtime.timer import StageTimer
from ..scoring.label_files import present_ids
from ..structures import Frame, LabelMap, TrackedFrame
from ..targets.target import Target
from .engine import Engine
from .propagate import Reference, StateKeeper, empty_frames, track_frames
from .target_refind import FoundAgain, TargetRefinder
from .target_search import Sighting
from .targets import target_of

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrackPlan:
    """What to track of a source; produced by `plan_request` and ``evaluation``.

    Its two halves are consumed by `drive`.

    ``references`` are labels by frame index, or what makes them as tracking gets there. ``prompts``
    are those that have no labels yet: `start.make_references` makes them. One of either is of frame
    ``start``; with a ``target`` there may be none, until it is found there. What came of that is
    the ``sighting``; if the target is not in the video, masks are empty. ``refinder`` looks for the
    target's objects where tracking does not see them. With a region ``roi`` all
    of these are of it alone, as is what is tracked; frames come out whole. ``keep_alpha`` asks for
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
    roi: Region | None = None
    target: Target | None = None
    sighting: Sighting | None = None
    refinder: TargetRefinder | None = None

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
        has_earlier = self.start > self.source.info.first_frame
        return self.direction == "backward" or (self.direction == "both" and has_earlier)

    @property
    def has_forward(self) -> bool:
        """Whether there is a forward half: the frames after the start frame, and maybe itself."""
        return self.direction != "backward"

    @property
    def frame_count(self) -> int | None:
        """How many frames will be tracked, as far as the source tells."""
        info = self.source.info
        before = (self.start - info.first_frame) // info.stride
        if not self.has_forward:
            return before + 1
        if info.frame_count is None or self.has_backward:
            return info.frame_count
        return max(1, info.frame_count - before)

    @property
    def found_again(self) -> tuple[FoundAgain, ...]:
        """What the target found while frames were tracked."""
        return () if self.refinder is None else self.refinder.in_order

    def backward(
        self, engine: Engine, timer: StageTimer | None = None, keeper: StateKeeper | None = None
    ) -> Generator[TrackedFrame, None, None]:
        """Track from the start frame back to the first one; masks apply as they are met.

        Where the ``keeper`` has a state, from the frame behind it: all are read, so that what is
        odd about the source is told as ever.
        """
        frames, done = self.source.frames_reversed(self.start), _last_index(keeper)
        missing = (frame for frame in frames if done is None or frame.index < done)
        return self._track(missing, engine, timer, keeper)

    def forward(
        self, engine: Engine, timer: StageTimer | None = None, keeper: StateKeeper | None = None
    ) -> Generator[TrackedFrame, None, None]:
        """Track to the last frame, from the start frame or, if that went back, the one after it.

        Where the ``keeper`` has a state, likewise from the frame behind it.
        """
        done = _last_index(keeper)
        count = self.start if done is None else done + 1
        frames = self.source.frames(self.start)
        missing = (frame for frame in frames if done is None or frame.index > done)
        with closing(self._track(missing, engine, timer, keeper)) as tracked_frames:
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

    def seen(self, index: int) -> Frame:
        """Return what is tracked of a frame; raises MediaError for one that does not exist."""
        with closing(self.source.frames(index)) as frames:
            return self.cropped(next(frames))

    def cropped(self, frame: Frame) -> Frame:
        """Return what is tracked of a frame of the source."""
        return frame if self.roi is None else self.roi.crop(frame)

    def _track(
        self,
        frames: Iterable[Frame],
        engine: Engine,
        timer: StageTimer | None,
        keeper: StateKeeper | None,
    ) -> Generator[TrackedFrame, None, None]:
        """Track frames in the order in which they come; without references masks are empty."""
        if not self.references:
            assert self.target is not None, "which is not in the video"
            return empty_frames(frames, self.target.object_ids)
        track = partial(
            track_frames,
            references=self.references,
            engine=engine,
            timer=timer,
            keep_alpha=self.keep_alpha,
            refinder=self.refinder,
            keeper=keeper,
        )
        return track(frames) if self.roi is None else self.roi.track(frames, track)

    def _check_on_the_way(self, index: int) -> None:
        info = self.source.info
        first = info.first_frame if self.has_backward else max(info.first_frame, self.start)
        last = None if self.has_forward else self.start
        skipped = (index - info.first_frame) % info.stride
        if index < first or (last is not None and index > last) or skipped:
            expected = f"{first} or later" if last is None else f"{first} to {last}"
            if info.stride > 1:
                expected += f", every {info.stride} from {info.first_frame}"
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
        info = self.source.info
        if info.last_frame is None or index <= info.last_frame:
            return
        if info.first_frame or info.stride > 1:
            raise no_such_frame(info.path, index, info.last_frame + 1)
        # What a video says of itself is an estimate: only looking helps.
        with closing(self.source.frames(index)) as frames:
            next(frames)


def _last_index(keeper: StateKeeper | None) -> int | None:
    """Return the index of the last frame that was tracked before, None where there is none."""
    state = None if keeper is None else keeper.restored
    return None if state is None or state.last is None else state.last.frame.index


def plan_request(request: TrackRequest) -> tuple[TrackPlan, ReferenceMasks]:
    """Open the source of a request, read its masks, prompts and target, and check that they fit.

    Raises MediaError, MaskError or UsageError for input that cannot be understood.
    """
    source = select(open_source(request.source, options=request.reading), request.selection)
    info = source.info
    _log.info("%s opened: %s, %s x %s", info.path, info.kind, *reversed(info.size_hw))
    return plan_source(source, request)


def plan_source(source: Source, request: TrackRequest) -> tuple[TrackPlan, ReferenceMasks]:
    """Read the masks, prompts and target of a request for a source that is open.

    Raises as `plan_request`. The request's own source is not looked at.
    """
    info = source.info
    naming = FrameNames(source)
    start_frame = naming.index(request.start_frame)
    naming.start = info.first_frame if start_frame is None else start_frame
    if start_frame is None and request.masks is not None:
        start_frame = info.first_frame
    later = naming.by_index(request.later_masks)
    rough_masks, shown_prompts = (
        naming.by_index(request.rough_masks),
        naming.by_index(request.prompts),
    )
    prompted = {*shown_prompts, *rough_masks}
    target = target_of(request)
    start, by_frame = naming.start, dict[int, MaskInput]()
    if target is None or request.masks is not None or later or prompted:
        start, by_frame = masks_by_frame(request.masks, start_frame, later, prompted)
    options = replace(request.mask_options, pixel_aspect=info.pixel_aspect)
    objects = request.objects if by_frame else None
    reference = read_reference_masks(by_frame, info.size_hw, objects=objects, options=options)
    rough = read_reference_masks(rough_masks, info.size_hw, options=options)
    label_maps = _in_region(request.roi, reference.label_maps, info.size_hw)
    rough_maps = _in_region(request.roi, rough.label_maps, info.size_hw)
    prompts = {
        frame: FramePrompts(
            _prompts_in_region(
                request.roi,
                read_prompts(shown_prompts.get(frame, ()), info.size_hw, frame),
                frame,
            ),
            rough_maps.get(frame),
        )
        for frame in sorted(prompted)
    }
    plan = TrackPlan(
        source,
        label_maps,
        start,
        request.direction,
        prompts,
        request.keeps_alpha,
        request.roi,
        target,
    )
    shown = sorted({*reference.object_ids}.union(*(one.object_ids for one in prompts.values())))
    if target is not None:
        shown = sorted({*shown, *target.object_ids})
    frames = ", ".join(map(str, sorted({*by_frame, *prompted})))
    _log.info("masks and prompts of frames %s read: objects %s", frames, shown)
    warnings = (*naming.hints, *reference.warnings, *rough.warnings)
    return plan, ReferenceMasks(reference.label_maps, tuple(shown), warnings)


def _in_region(
    roi: Region | None, label_maps: Mapping[int, LabelMap], size_hw: tuple[int, int]
) -> Mapping[int, LabelMap]:
    """Return labels of the region alone, by frame; raises as `Region` for what is not in it."""
    if roi is None:
        return label_maps
    roi.check_inside(size_hw)
    return {
        frame: roi.crop_labels(labels, f"masks of frame {frame}")
        for frame, labels in label_maps.items()
    }


def _prompts_in_region(
    roi: Region | None, prompts: Mapping[int, Prompt], frame: int
) -> Mapping[int, Prompt]:
    if roi is None:
        return prompts
    return {
        object_id: roi.crop_prompt(prompt, f"object {object_id} on frame {frame}")
        for object_id, prompt in prompts.items()
    }


def input_files(request: TrackRequest, source: Source | None = None) -> tuple[Path, ...]:
    """Return all files that a request reads, from ``source`` if any: nothing may replace them."""
    files = () if source is None else source.files
    given = (request.masks, *request.later_masks.values(), *request.rough_masks.values())
    target = [Path(request.target)] if isinstance(request.target, str | Path) else []
    masks = (path for one in given for path in mask_files(one))
    return (*files, *masks, *target, *([request.label_map] if request.label_map else []))


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
