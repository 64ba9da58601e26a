"""What a user asks for: which objects to track through which video, and with which network."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from .config import (
    CHECKPOINT_SECONDS,
    ENCODER_NAMES,
    KEPT_CHECKPOINTS,
    EncoderName,
    MethodSettings,
)
from .errors import UsageError, param, require_one_of
from .exports.registry import ChosenExport, parse_export
from .media.frame_numbers import FrameId, check_frame_id
from .media.read_options import Reader, ReadOptions
from .media.reader import source_name
from .media.reference_masks import MaskInput, MaskLike, MaskOptions
from .media.reference_prompts import Prompt
from .media.region import Region
from .media.selection import Place, Selection
from .weights.registry import DEFAULT_WEIGHTS

if TYPE_CHECKING:
    from .targets.target import Target

Direction = Literal["both", "forward", "backward"]
"""Of ``both`` nothing is left but forwards where tracking starts at the first frame."""

Resume = bool | Literal["anyway"]
"""Whether to go on with the run in the output; ``anyway`` also where the last digits may differ."""

LaterMasks = Mapping[int, MaskInput] | Mapping[FrameId, MaskInput]
"""Masks by the frame that they show."""

NAME = "{name}"
"""What stands for a video's name in the paths of masks, see `TrackRequest.from_template`."""

_OBJECT_IDS = range(1, 256)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackRequest:
    """A video, the objects to track through it, and where the results go.

    Produced by callers and the command line, consumed by `track_to_folder` and `track_many`.

    ``source`` is a video file, a folder of images or a glob; ``masks`` shows each object on frame
    ``start_frame``, the first one by default. ``later_masks`` has masks of other frames: they add
    objects or correct them from there on. ``prompts`` has boxes and points of any frames, from
    which the network makes masks; ``rough_masks`` has scribbles or coarse masks, which it snaps to
    the objects. A point on an object that is tracked or has a mask there refines that mask. Frames
    are indices from 0, or names as ``"name:00040"``. Without ``masks``, the earliest frame of these
    is where tracking starts. ``target``, made by `fit_target`, or its file, shows objects in other
    pictures: alone, it is looked for from ``start_frame`` on, and tracking starts where it is
    found; beside masks, it helps to find its objects again. ``direction`` is both, forward or
    backward from there; ``objects`` keeps some of the ids of masks, and makes 255 an object if it
    is among them. ``invert_mask`` swaps object and background of black and white masks;
    ``label_map`` is a file that says which colour is which object.

    ``reader``, ``stream``, ``deinterlace`` and ``allow_network`` are those of `ReadOptions`.
    ``start``, ``end`` and ``stride`` choose frames, see `Selection`; results have the numbers and
    times of the whole video. ``roi`` is the part of the picture that is tracked; masks, prompts and
    results are of the whole of it.

    Results go to the folder ``output``, by default ``NAME_tracked`` after the source; an earlier
    result is replaced only with ``overwrite``. ``overlay`` asks for a video that shows the masks,
    ``alpha`` in [0, 1] is the strength of their fill, and ``constant_rate`` gives it evenly spaced
    pictures where those of the source are not. ``exports`` names other formats to write when all is
    tracked, as ``"coco"`` or ``"rgba:alpha=premultiplied"`` (see ``exports.registry``);
    ``keep_alpha`` keeps soft masks for them, also for later.

    ``resume`` goes on with the run that is in ``output``, killed or finished, with the same masks
    or corrected ones: what they cannot change stays, and all is as one run would have made it. Any
    other fact that changed is named and refused; with ``"anyway"`` not one that only changes last
    digits. For this the state is saved every ``checkpoint_every`` seconds, 0 for never; of each
    half ``keep_checkpoints``, spread over it, stay when all is done.

    ``profile`` finds out where the time goes. ``command`` is what the log says was run.

    Raises UsageError for values that no video could make right.

    >>> request = TrackRequest(source="shots/dog.mp4", masks="dog.png", alpha=0.3)
    >>> request.folder.name
    'dog_tracked'
    >>> TrackRequest(source="dog.mp4", masks="dog.png", alpha=3)
    Traceback (most recent call last):
    persam_vos.errors.UsageError: alpha: got 3, expected 0 to 1
    """

    source: str | Path
    masks: MaskInput | None = None
    output: Path | None = None
    start_frame: FrameId | None = None
    later_masks: LaterMasks = field(default_factory=dict)
    prompts: Mapping[int, Sequence[Prompt]] | Mapping[FrameId, Sequence[Prompt]] = field(
        default_factory=dict
    )
    rough_masks: LaterMasks = field(default_factory=dict)
    target: str | Path | Target | None = None
    direction: Direction = "both"
    objects: Collection[int] | None = None
    invert_mask: bool = False
    label_map: Path | None = None
    reader: Reader = "pyav"
    stream: int | None = None
    deinterlace: bool = True
    allow_network: bool = False
    start: Place | None = None
    end: Place | None = None
    stride: int = 1
    roi: Region | None = None
    overlay: bool = True
    alpha: float = 0.5
    constant_rate: bool = False
    overwrite: bool = False
    keep_alpha: bool = False
    exports: Sequence[str] = ()
    resume: Resume = False
    checkpoint_every: float = CHECKPOINT_SECONDS
    keep_checkpoints: int = KEPT_CHECKPOINTS
    profile: bool = False
    command: str = ""

    def __post_init__(self) -> None:
        require_one_of("direction", self.direction, get_args(Direction))
        require_one_of("reader", self.reader, get_args(Reader))
        if not 0 <= self.alpha <= 1:
            raise UsageError(param("alpha"), got=f"{self.alpha}", expected="0 to 1")
        self._check_resume()
        if self.start_frame is not None:
            check_frame_id("start_frame", self.start_frame)
        for name in ("later_masks", "prompts", "rough_masks"):
            for frame in getattr(self, name):
                check_frame_id(name, frame)
        _ = self.selection  # checks itself
        if self.stream is not None and self.stream < 0:
            raise UsageError(
                param("stream"), got=f"{self.stream}", expected="a video stream, counted from 0"
            )
        wrong = [number for number in self.objects or () if number not in _OBJECT_IDS]
        if wrong:
            raise UsageError(
                param("objects"), got=f"object id {wrong[0]}", expected="ids from 1 to 255"
            )

        if isinstance(self.exports, str):
            raise UsageError(
                param("exports"), got="a text", expected="a list", remedy=f"[{self.exports!r}]"
            )
        self.chosen_exports()

    def _check_resume(self) -> None:
        if self.resume and self.overwrite:
            raise UsageError(
                param("resume"), got=f"{param('overwrite')} too", expected="one of the two"
            )
        for name in ("checkpoint_every", "keep_checkpoints"):
            if not getattr(self, name) >= 0:
                raise UsageError(param(name), got=f"{getattr(self, name)}", expected="0 or more")

    @property
    def keeps_alpha(self) -> bool:
        """Whether soft masks are kept, since that is asked for or an export shows them."""
        return self.keep_alpha or any(one.exporter.soft for one in self.chosen_exports())

    def chosen_exports(self) -> tuple[ChosenExport, ...]:
        """Return the exports with their options; raises UsageError for one that makes no sense."""
        return tuple(parse_export(text) for text in self.exports)

    @property
    def folder(self) -> Path:
        """Where the results go."""
        return self.output or default_output(self.source)

    @property
    def reading(self) -> ReadOptions:
        """How the source is to be read."""
        return ReadOptions(
            reader=self.reader,
            stream=self.stream,
            deinterlace=self.deinterlace,
            allow_network=self.allow_network,
        )

    @property
    def selection(self) -> Selection:
        """Which frames are wanted; raises UsageError for what are no frames."""
        return Selection(self.start, self.end, self.stride)

    @property
    def mask_options(self) -> MaskOptions:
        """How masks are to be understood."""
        return MaskOptions(invert=self.invert_mask, label_map=self.label_map)

    @classmethod
    def from_template(
        cls, template: TrackRequest, source: str | Path, *, parent: Path | None = None
    ) -> TrackRequest:
        """Return the request for one of several videos.

        ``{name}`` in the paths of masks becomes the name of ``source``; results go to
        ``NAME_tracked`` in the folder ``parent``, or here.

        >>> several = TrackRequest(source="shots", masks="masks/{name}.png")
        >>> one = TrackRequest.from_template(several, "shots/dog.mp4", parent=Path("cuts"))
        >>> one.masks, one.folder == Path("cuts/dog_tracked")
        ('masks/dog.png', True)
        """
        name = source_name(source)
        later = {frame: _named(masks, name) for frame, masks in template.later_masks.items()}
        rough = {frame: _named(masks, name) for frame, masks in template.rough_masks.items()}
        return replace(
            template,
            source=source,
            masks=None if template.masks is None else _named(template.masks, name),
            later_masks=later,
            rough_masks=rough,
            output=default_output(source, parent),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineChoice:
    """Which network to load, and how to run it; consumed by `load_engine`, see there.

    Holds no network itself, so that it can be handed to other processes. ``encoder`` is what
    pictures are compared by where targets or photos are looked for; ``encoder_checkpoint`` a file
    of DINOv2 or DINOv3 that is used in its place.
    """

    weights: str = DEFAULT_WEIGHTS
    checkpoint: Path | None = None
    device: str = "auto"
    dtype: str = "auto"
    backend: str = "auto"
    settings: MethodSettings = field(default_factory=MethodSettings)
    encoder: EncoderName = "sam"
    encoder_checkpoint: Path | None = None

    def __post_init__(self) -> None:
        require_one_of("encoder", self.encoder, ENCODER_NAMES)


def default_output(source: str | Path, parent: Path | None = None) -> Path:
    """Return where the results of a source go if nobody says; in ``parent``, or here."""
    return Path(parent or "") / f"{source_name(source)}_tracked"


def _named(masks: MaskInput, name: str) -> MaskInput:
    """Put the name of a video into the paths of masks; arrays are what they are."""
    if isinstance(masks, str | Path | np.ndarray):
        return _named_one(masks, name)
    if isinstance(masks, Mapping):
        return {object_id: _named_one(mask, name) for object_id, mask in masks.items()}
    return [_named_path(mask, name) for mask in masks]


def _named_one(mask: MaskLike, name: str) -> MaskLike:
    return mask if isinstance(mask, np.ndarray) else _named_path(mask, name)


def _named_path(path: str | Path, name: str) -> str | Path:
    text = str(path).replace(NAME, name)
    return Path(text) if isinstance(path, Path) else text
