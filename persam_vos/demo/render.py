"""The demo clip: three photographed objects that fly, turn, grow and hide each other.

A saucer of coffee swoops down in front of a space shuttle that rises behind an astronaut, all
before a launch pad at dusk. Every picture is cut out of photographs inside the installed
scikit-image package (nothing is downloaded), so the masks are exact: a pixel belongs to the
front-most object that covers at least half of it. The same arguments give the same bytes.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.interpolate import CubicSpline

from ..errors import DatasetError, UsageError
from ..structures import LabelMap, RgbImage
from . import outlines

DEMO_FRAMES_PER_SECOND = 24
DEMO_FRAME_COUNT = 48
DEMO_SIZE_HW = (480, 854)

MIN_SIDE_PX = 32
_SUPERSAMPLING = 8
_EDGE_SIGMA_PX = 0.6
_BACKGROUND_PHOTO = "rocket.jpg"

Rgba = npt.NDArray[np.float32]
"""(H, W, 4) float32, colour in [0, 255] already multiplied by the alpha in [0, 1]."""


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a picture lies on a frame.

    ``x`` and ``y`` place its centre, in widths and heights of the frame; ``scale`` is in frame
    pixels per photo pixel when the frame is 480 high; ``angle_degrees`` turns it clockwise.
    """

    x: float
    y: float
    scale: float
    angle_degrees: float


@dataclass(frozen=True, slots=True)
class Actor:
    """A thing that moves: what to cut out of which photo, and evenly spaced poses to pass."""

    name: str
    photo: str
    outline: str
    path: tuple[Pose, ...]


@dataclass(frozen=True, slots=True)
class Cutout:
    """A premultiplied picture ready to be placed; ``photo_scale`` is its pixels per photo pixel."""

    rgba: Rgba
    photo_scale: float


DEMO_ACTORS = {
    1: Actor(
        "shuttle",
        "astronaut.png",
        outlines.SHUTTLE,
        (
            Pose(0.36, 0.66, 0.78, -10.0),
            Pose(0.39, 0.58, 0.86, -4.0),
            Pose(0.45, 0.45, 0.94, 6.0),
            Pose(0.53, 0.37, 0.98, 17.0),
            Pose(0.59, 0.38, 1.00, 26.0),
        ),
    ),
    2: Actor(
        "astronaut",
        "astronaut.png",
        outlines.ASTRONAUT,
        (
            Pose(0.80, 0.73, 0.60, 5.0),
            Pose(0.785, 0.70, 0.66, -1.0),
            Pose(0.77, 0.69, 0.70, -6.0),
        ),
    ),
    3: Actor(
        "coffee",
        "coffee.png",
        outlines.COFFEE,
        (
            Pose(0.15, 0.27, 0.50, 18.0),
            Pose(0.27, 0.32, 0.54, 8.0),
            Pose(0.38, 0.46, 0.60, -6.0),
            Pose(0.41, 0.62, 0.66, -18.0),
            Pose(0.34, 0.70, 0.70, -25.0),
        ),
    ),
}
"""Actors by their id in the label maps, from the back to the front."""

_CAMERA = (Pose(0.50, 0.42, 1.46, 0.0), Pose(0.455, 0.40, 1.53, 0.7), Pose(0.41, 0.41, 1.62, 1.0))


def render_demo(
    frame_count: int = DEMO_FRAME_COUNT, size_hw: tuple[int, int] = DEMO_SIZE_HW
) -> Iterator[tuple[RgbImage, LabelMap]]:
    """Render the clip lazily, frame by frame, with its exact labels.

    Yields ``(image, labels)``: (H, W, 3) uint8 RGB and (H, W) uint8 with the ids of
    ``DEMO_ACTORS``. The whole motion is always shown, in ``frame_count`` steps; at 16:9 the first
    frame shows every object, none touching another. Raises ``UsageError`` for fewer than
    one frame or a side under 32 pixels, ``DatasetError`` when scikit-image's photos are missing.
    """
    if frame_count < 1:
        raise UsageError("demo clip", got=f"{frame_count} frames", expected="at least 1")
    if min(size_hw) < MIN_SIDE_PX:
        raise UsageError(
            "demo clip",
            got=f"{size_hw[1]}x{size_hw[0]} pixels",
            expected=f"at least {MIN_SIDE_PX} on each side",
        )
    background = load_photo(_BACKGROUND_PHOTO)
    cutouts = {number: cut_out(actor, size_hw[0]) for number, actor in DEMO_ACTORS.items()}
    return (
        _render_frame(background, cutouts, float(time), size_hw)
        for time in np.linspace(0.0, 1.0, frame_count)
    )


def load_photo(name: str) -> RgbImage:
    """Read a photo inside the installed scikit-image, (H, W, 3) uint8 RGB.

    Raises ``DatasetError`` when the package or the file is not there.
    """
    spec = importlib.util.find_spec("skimage")
    if spec is None or spec.origin is None:
        raise DatasetError(
            "the demo clip is made of scikit-image's photographs, and scikit-image is missing",
            remedy="pip install 'persam-vos[demo]'",
        )
    path = Path(spec.origin).parent / "data" / name
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except OSError as error:
        raise DatasetError(
            f"photograph {path}",
            got=str(error),
            expected="the file that scikit-image ships",
            remedy="pip install --force-reinstall scikit-image",
        ) from error


def cut_out(actor: Actor, frame_height: int) -> Cutout:
    """Cut an actor out of its photo, no larger than a frame ``frame_height`` pixels high needs.

    The picture is centred on the middle of the outline's bounding box.
    """
    photo = load_photo(actor.photo)
    points = outlines.parse_outline(actor.outline)
    x0, y0 = np.floor(points.min(axis=0)).astype(int)
    x1, y1 = np.ceil(points.max(axis=0)).astype(int) + 1
    alpha = _cover((y1 - y0, x1 - x0), points - (x0, y0))[..., None]
    rgba = np.concatenate([photo[y0:y1, x0:x1] * alpha, alpha], axis=2)
    # A transparent rim, so that warping fades out instead of cutting off.
    rgba = np.pad(rgba, ((2, 2), (2, 2), (0, 0)))
    # Shrinking by area first keeps the warp, which is linear, from aliasing.
    largest = max(pose.scale for pose in actor.path) * frame_height / DEMO_SIZE_HW[0]
    if largest < 1.0:
        rgba = cv2.resize(rgba, None, fx=largest, fy=largest, interpolation=cv2.INTER_AREA)
    return Cutout(rgba.astype(np.float32), min(largest, 1.0))


def _cover(size_hw: tuple[int, int], points: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Return the (H, W) fraction of each pixel inside a closed outline, with a softened edge."""
    height, width = size_hw
    large = np.zeros((height * _SUPERSAMPLING, width * _SUPERSAMPLING), dtype=np.float32)
    cv2.fillPoly(large, [np.rint((points + 0.5) * _SUPERSAMPLING).astype(np.int32)], 1.0)
    fraction = cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(fraction, (0, 0), _EDGE_SIGMA_PX, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(soft, dtype=np.float32)


def pose_at(path: tuple[Pose, ...], time: float) -> Pose:
    """Interpolate evenly spaced poses smoothly; ``time`` is in [0, 1]."""
    values = [(pose.x, pose.y, pose.scale, pose.angle_degrees) for pose in path]
    spline = CubicSpline(np.linspace(0.0, 1.0, len(path)), values, bc_type="natural")
    x, y, scale, angle_degrees = spline(time)
    return Pose(float(x), float(y), float(scale), float(angle_degrees))


def place(cutout: Cutout, pose: Pose, size_hw: tuple[int, int]) -> Rgba:
    """Warp a cut-out onto an empty frame of ``size_hw``; sub-pixel exact."""
    matrix = _to_frame(cutout.rgba.shape[:2], pose, 1.0 / cutout.photo_scale, size_hw)
    placed = cv2.warpAffine(cutout.rgba, matrix, size_hw[::-1], flags=cv2.INTER_LINEAR)
    return np.asarray(placed, dtype=np.float32)


def _to_frame(
    picture_hw: tuple[int, ...], pose: Pose, zoom: float, size_hw: tuple[int, int]
) -> npt.NDArray[np.float64]:
    """Return the (2, 3) affine map from picture to frame; pixel centres are integers."""
    height, width = size_hw
    angle = np.deg2rad(pose.angle_degrees)
    scale = pose.scale * zoom * height / DEMO_SIZE_HW[0]
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    picture_centre = np.array([picture_hw[1] - 1, picture_hw[0] - 1]) / 2
    frame_centre = np.array([pose.x * width, pose.y * height]) - 0.5
    return np.column_stack([turn, frame_centre - turn @ picture_centre])


def _render_frame(
    background: RgbImage, cutouts: dict[int, Cutout], time: float, size_hw: tuple[int, int]
) -> tuple[RgbImage, LabelMap]:
    """Paint the actors over the background from back to front; ``time`` is in [0, 1]."""
    camera = _to_frame(background.shape[:2], pose_at(_CAMERA, time), 1.0, size_hw)
    image = cv2.warpAffine(
        background,
        camera,
        size_hw[::-1],
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REFLECT_101,
    ).astype(np.float32)
    labels = np.zeros(size_hw, dtype=np.uint8)
    for object_id in sorted(cutouts):
        layer = place(cutouts[object_id], pose_at(DEMO_ACTORS[object_id].path, time), size_hw)
        alpha = layer[..., 3:]
        image = image * (1.0 - alpha) + layer[..., :3]
        labels[alpha[..., 0] >= 0.5] = object_id
    return np.rint(image).clip(0, 255).astype(np.uint8), labels
