"""What packages pass to each other: small frozen dataclasses, checked on creation.

Coordinates: ``image`` pixels have their origin at the top left, x to the right, y down. Boxes are
``(x0, y0, x1, y1)`` with x1 and y1 inclusive, as in the upstream PerSAM code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

RgbImage = npt.NDArray[np.uint8]
"""(H, W, 3) uint8, RGB, row-major."""
DeepImage = npt.NDArray[Any]
"""(H, W, 3) RGB by the source's own curve and primaries, uint16 with 65535 for white; or float32
light, of images that hold it."""
LabelMap = npt.NDArray[np.uint8]
"""(H, W) uint8: 0 is background, every other value an object id."""
Alpha = npt.NDArray[np.uint8]
"""(H, W) uint8: how much of each pixel an object covers, 255 for all of it."""
Box = tuple[int, int, int, int]
"""(x0, y0, x1, y1) in image pixels, x1 and y1 inclusive."""

SourceKind = Literal["video", "images"]

ObjectMode = Literal["multi", "single"]
"""Whether labels are object ids, or all labels above 0 are one object (DAVIS 2016)."""


@dataclass(frozen=True, slots=True)
class ColourTags:
    """What colours mean: primaries, transfer and matrix by ITU-T H.273, 2 where nobody says."""

    primaries: int = 2
    transfer: int = 2
    matrix: int = 2


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """Facts about an input; produced by ``media.reader``, consumed by the writers and reports.

    ``size_hw`` is after rotation. ``frame_count`` is None when nobody knows before reading. Where a
    part of a video is read, ``first_frame`` is its first frame and ``stride`` the step to the next.
    ``frames_per_second`` is the average rate; ``start_seconds`` is where the pictures begin in the
    time of the file, by which sound is put in its place. ``pixel_aspect`` is the width of a pixel
    by its height, of upright pictures. ``bit_depth`` is of a channel as stored; ``transfer`` is PQ
    or HLG for high dynamic range, and empty for all else; ``colour`` is what the stream is tagged
    with.
    """

    path: str
    kind: SourceKind
    size_hw: tuple[int, int]
    frame_count: int | None
    frames_per_second: Fraction
    rotation_degrees: int = 0
    codec: str = ""
    pixel_format: str = ""
    has_audio: bool = False
    start_seconds: Fraction = Fraction(0)
    first_frame: int = 0
    stride: int = 1
    pixel_aspect: Fraction = Fraction(1)
    interlaced: bool = False
    bit_depth: int = 8
    transfer: str = ""
    colour: ColourTags = ColourTags()

    @property
    def last_frame(self) -> int | None:
        """Index of the last frame, None where nobody knows."""
        if self.frame_count is None:
            return None
        return self.first_frame + (self.frame_count - 1) * self.stride

    @property
    def display_size_hw(self) -> tuple[int, int]:
        """Height and width at which a player shows the pictures: wide pixels widen them."""
        height, width = self.size_hw
        return height, max(1, round(width * self.pixel_aspect))


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture; produced by ``media.reader``, consumed by ``stages.encode`` and the writers.

    ``image`` is (H, W, 3) uint8 RGB; ``name`` is the stem that its mask file gets;
    ``time_seconds`` is the presentation time from the start of the stream; ``duration_seconds`` is
    how long the source says that it is shown, None where it does not. A ``damaged`` one could not
    be decoded, or not wholly: see ``media.decoding``. ``deep`` has all values of a source of more
    than 8 bits, for exports, which ask for it.
    """

    index: int
    name: str
    image: RgbImage
    time_seconds: float
    duration_seconds: float | None = None
    damaged: bool = False
    deep: DeepImage | None = None

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.image.shape[2] != 3 or self.image.dtype != np.uint8:
            raise ValueError(
                f"Frame.image: got {self.image.dtype} {self.image.shape}, expected uint8 (H, W, 3)"
            )

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.image.shape[0], self.image.shape[1]


@dataclass(frozen=True, slots=True)
class ObjectResult:
    """One object on one frame; produced by ``tracking``, consumed by the writers and users.

    ``score`` in [0, 1] is the confidence in this mask. ``box_xyxy`` is None and ``area_px`` 0
    when the object is not visible.
    """

    object_id: int
    box_xyxy: Box | None
    area_px: int
    score: float

    @property
    def visible(self) -> bool:
        """Whether the object has any pixel on this frame."""
        return self.area_px > 0


@dataclass(frozen=True, slots=True)
class TrackedFrame:
    """A frame and its labels; produced by ``tracking``, consumed by the writers and users.

    ``label_map`` is (H, W) uint8 with the ids of the first mask; ``objects`` has one entry for
    every tracked object, in ascending order of id, also for those that are not visible. ``alphas``
    has the soft mask of each, (H, W), by its id, if they were asked for.
    """

    frame: Frame
    label_map: LabelMap
    objects: tuple[ObjectResult, ...]
    alphas: Mapping[int, Alpha] = field(default_factory=dict)

    @property
    def index(self) -> int:
        """Index of the frame in the input, from 0."""
        return self.frame.index

    @property
    def name(self) -> str:
        """Stem of the mask file of this frame."""
        return self.frame.name


class DeviceEvent(Protocol):
    """Occurs when a device has done the work launched before it; see ``runtime.stream``."""

    def synchronize(self) -> None:
        """Wait for it."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A frame and its image embedding; produced by ``stages.encode``, consumed by ``methods``.

    ``features`` is (1, C, h, w) on the compute device, the encoder's neck output of the padded
    square, or of its top left part that holds the picture; ``input_hw`` is the size of the picture
    in the encoder's input. ``colours`` is (1, 3, 8h, 8w), the mean of 2 x 2 pixels of that input,
    normalised as SAM wants it. ``layer_s8`` is (1, C', 2h, 2w) and ``layer_s4`` (1, C'', 4h, 4w):
    earlier layers' outputs at strides 8 and 4, where the network has them. ``matching`` is (1, C,
    2h, 2w), what another encoder makes of the cells, to compare them by; None for SAM's own.
    ``pixels`` is the frame's image, if it is on the device already. ``ready`` is the event after
    which all of this is computed, on devices that compute asynchronously.
    """

    frame: Frame
    features: torch.Tensor
    input_hw: tuple[int, int]
    colours: torch.Tensor
    layer_s8: torch.Tensor | None = None
    layer_s4: torch.Tensor | None = None
    matching: torch.Tensor | None = None
    pixels: torch.Tensor | None = None
    ready: DeviceEvent | None = None


@dataclass(frozen=True, slots=True)
class Prompts:
    """Prompts for N objects on one frame; produced by ``stages.prompts``, consumed by ``sam``.

    ``points_xy`` is (N, P, 2) float in pixels of the encoder's input square; ``point_labels`` is
    (N, P) int with SAM's codes: 1 positive, 0 negative, 2 and 3 the corners of a box, -1 SAM's own
    padding point, and -2 no token at all (masked out, so that objects with different numbers of
    prompts share a batch and decode exactly as they would alone).
    ``dense_logits`` is (N, 1, 4h, 4w) mask logits or None; ``has_dense`` (N,) bool tells which
    objects use theirs (None: all). ``guide`` is (N, h * w), added to the token-to-image attention
    after its softmax (eq. 8), or None. ``semantic`` is (N, C), added to every token before each
    block (eq. 10), or None; ``semantic_places`` (N, C) is added to the tokens' positions, as the
    upstream photo program does.
    """

    points_xy: torch.Tensor
    point_labels: torch.Tensor
    dense_logits: torch.Tensor | None = None
    has_dense: torch.Tensor | None = None
    guide: torch.Tensor | None = None
    semantic: torch.Tensor | None = None
    semantic_places: torch.Tensor | None = None

    def to(self, dtype: torch.dtype) -> Prompts:
        """Return the prompts with what is added to features and tokens in another precision."""
        added = ("dense_logits", "guide", "semantic", "semantic_places")
        given = {
            name: part.to(dtype) for name in added if (part := getattr(self, name)) is not None
        }
        return replace(self, **given)

    def rows(self, chosen: slice | list[int]) -> Prompts:
        """Return the prompts of some objects."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return Prompts(**{name: part[chosen] for name, part in given.items() if part is not None})


@dataclass(frozen=True, slots=True)
class MaskCandidates:
    """What the mask decoder returns for N objects; produced by ``sam``, consumed by ``stages``.

    ``low_res_logits`` is (N, 4, 4h, 4w) for features of (h, w) cells, ``predicted_iou`` (N, 4):
    entry 0 is SAM's single mask, entries 1 to 3 its three scales.
    """

    low_res_logits: torch.Tensor
    predicted_iou: torch.Tensor


@dataclass(frozen=True, slots=True)
class CropLogits:
    """Mask logits of a window; produced by ``methods``, consumed by ``stages.guided_upsample``.

    ``logits`` is (N, H, W) float at stride 2, in input pixels; ``corner``, (2,) int64, row and
    column of the first of them in the whole picture's grid of stride 2. They hold if ``valid``,
    () bool. On the compute device.
    """

    logits: torch.Tensor
    corner: torch.Tensor
    valid: torch.Tensor


@dataclass(frozen=True, slots=True)
class ObjectLogits:
    """Mask logits of N objects on one frame; produced by ``methods``, consumed by ``compose``.

    ``object_ids`` (N,) uint8 ascend; ``low_res_logits`` is (N, 4h, 4w) float for features of (h, w)
    cells; ``scores`` (N,) are in [0, 1]; an object that is not ``present``, (N,) bool, is left out
    of the label map whatever its logits say. All are on the compute device. ``crop`` has logits of
    twice the resolution for a window. ``guided`` asks for upsampling that follows the picture's
    edges.
    """

    object_ids: torch.Tensor
    low_res_logits: torch.Tensor
    scores: torch.Tensor
    present: torch.Tensor
    crop: CropLogits | None = None
    guided: bool = False


@dataclass(frozen=True, slots=True)
class ScaledMasks:
    """Masks of n objects at the picture's size; produced by ``stages``, consumed by ``compose``.

    ``values`` is (n, R, C) float, of the pixels in ``rows`` and ``columns``: elsewhere none of them
    is. They are logits, or the objects' probabilities. ``object_ids`` is (n,) uint8.
    """

    object_ids: torch.Tensor
    rows: slice
    columns: slice
    values: torch.Tensor
