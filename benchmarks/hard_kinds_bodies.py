"""What the clips of `hard_kinds_clips` show: cut-outs, bodies that turn, thin lines, branches.

All are made of scikit-image's photographs. Pictures of one body have one size, so that `place`
puts each at the same spot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt
from skimage.data import stereo_motorcycle

from benchmarks.rendered import actor
from persam_vos.demo.render import Cutout, Rgba, load_photo
from persam_vos.structures import RgbImage

_EDGE_SIGMA_PX = 0.6
_FINE = 4  # lines and outlines are drawn this much larger
_BIKE_DISPARITY, _ABOVE_FLOOR = 38, 2.5
_FRAMES_A_STEP, _SWING = 10, 0.16
_CAMERA_DISTANCE, _TILT_DEGREES = 4.5, 20.0
_KITE_LINE, _CHUTE_LINE = (150, 150, 158), (150, 152, 138)

Points = npt.NDArray[np.float64]


def tinted(name: str, rgb: tuple[float, float, float]) -> RgbImage:
    """Multiply a photo's colours; grey photographs of grass, gravel and bricks become real ones."""
    return np.asarray((load_photo(name) * np.array(rgb)).clip(0, 255), np.uint8)


def soft_cutout(image: RgbImage, mask: npt.NDArray[np.bool_]) -> Cutout:
    """Cut (H, W) ``mask`` out of a picture, with an edge a pixel wide and a transparent rim."""
    wide = np.pad(mask.astype(np.float32), 2)
    alpha = cv2.GaussianBlur(wide, (0, 0), _EDGE_SIGMA_PX)[..., None]
    colours = np.pad(image, ((2, 2), (2, 2), (0, 0)), mode="edge")
    return Cutout(np.concatenate([colours * alpha, alpha], axis=2).astype(np.float32), 1.0)


def shrunk(picture: Cutout, scale: float) -> Cutout:
    """Make a picture smaller by area, for poses of at most this scale."""
    rgba = cv2.resize(picture.rgba, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return Cutout(np.asarray(rgba, np.float32), picture.photo_scale * scale)


def twin_of(picture: Cutout, rgb: tuple[float, float, float]) -> Cutout:
    """Make an equal thing with its colours multiplied, and half a pixel slimmer all round.

    So it is wholly hidden by what it is a copy of.
    """
    alpha = picture.rgba[..., 3:]
    slim = (2 * alpha - 1).clip(0, 1)
    colours = picture.rgba[..., :3] * np.array(rgb, np.float32) / np.maximum(alpha, 1e-3)
    rgba = np.concatenate([colours.clip(0, 255) * slim, slim], axis=2)
    return replace(picture, rgba=rgba)


def motorcycle() -> Cutout:
    """Cut the motorcycle out by its disparity, with what shows between the spokes left out."""
    image, _, found = stereo_motorcycle()
    disparity = np.where(np.isfinite(found), found, 0)
    rows = np.arange(360, 500)  # where the floor shows at the left
    floor = np.polyval(
        np.polyfit(np.repeat(rows, 80), disparity[360:500, 10:90].ravel(), 1), np.arange(500)
    )
    near = disparity > np.maximum(floor[:, None] + _ABOVE_FLOOR, _BIKE_DISPARITY)
    near[:, :95] = False
    closed = cv2.morphologyEx(near.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    _, parts, stats, _ = cv2.connectedComponentsWithStats(closed)
    mask = parts == 1 + stats[1:, cv2.CC_STAT_AREA].argmax()
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    around = np.s_[y : y + height, x : x + width]
    return soft_cutout(image[around], mask[around])


def horse(fur_xy: tuple[int, int], *, rear: float = 1) -> Cutout:
    """Fill the silhouette of a horse with fur of the cat, 100 by 75 pixels from ``fur_xy`` on.

    The colours of its rear half are multiplied by ``rear``.
    """
    mask = load_photo("horse.png")[..., 0] < 128
    height, width = mask.shape
    x, y = fur_xy
    fur = load_photo("chelsea.png")[y : y + 75, x : x + 100]
    coat = np.pad(fur, ((0, height - 75), (0, width - 100), (0, 0)), mode="symmetric")
    along = np.where(np.arange(width) < 0.48 * width, rear, 1.0)
    light = (np.linspace(1.25, 0.7, height)[:, None] * along)[..., None]
    return soft_cutout((coat * light).clip(0, 255).astype(np.uint8), mask)


def walking(picture: Cutout, index: int) -> Cutout:
    """Swing the legs of an animal seen from its side, hind legs against fore legs."""
    height, width = picture.rgba.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    below = np.maximum(0, y / height - 0.55)
    swing = _SWING * height * np.sin(2 * np.pi * index / _FRAMES_A_STEP)
    shift = swing * below * np.tanh(6 * (x / width - 0.5))
    rgba = cv2.remap(picture.rgba, x + shift.astype(np.float32), y, cv2.INTER_LINEAR)
    return replace(picture, rgba=np.asarray(rgba, np.float32))


@dataclass(frozen=True, slots=True)
class Box:
    """A part of a body: a photo for each of its front, right, back, left and top, and its place.

    Lengths are in units of 100 pixels; x goes to the right, y down and z away from us.
    """

    faces: Sequence[RgbImage]
    size_xyz: tuple[float, float, float]
    centre_xyz: tuple[float, float, float] = (0, 0, 0)

    def sides(self) -> list[Points]:
        """Return the upper left, upper right, lower right and lower left corner of each face."""
        right, down, far = np.eye(3) * np.array(self.size_xyz) / 2
        return [
            np.array(self.centre_xyz)
            + middle
            + np.array([-across - along, across - along, across + along, along - across])
            for middle, across, along in (
                (-far, right, down),
                (right, far, down),
                (far, -right, down),
                (-right, -far, down),
                (-down, right, -far),
            )
        ]


def boxes(parts: Sequence[Box], degrees: float) -> Cutout:
    """Look down on a body of boxes that was turned about its upright axis.

    At 0 degrees its front is seen, at 90 its right side. All other parts stand on the first one.
    """
    half_px = 180
    pixels = 2 * (2 * half_px)  # drawn twice as large
    canvas = np.zeros((pixels, pixels, 4), np.float32)
    turn, tilt = np.deg2rad(degrees), np.deg2rad(_TILT_DEGREES)
    about_y = np.array(
        [[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]]
    )
    about_x = np.array(
        [[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]]
    )
    seen = about_x @ about_y
    from_afar = sorted(parts[1:], key=lambda part: -float(seen[2] @ part.centre_xyz))
    for part in (parts[0], *from_afar):
        for face, corners in zip(part.faces, part.sides(), strict=True):
            xyz = corners @ seen.T  # (4, 3)
            flat = 100 * _CAMERA_DISTANCE * xyz[:, :2] / (_CAMERA_DISTANCE + xyz[:, 2:])
            normal = np.cross(xyz[3] - xyz[0], xyz[1] - xyz[0])
            lit = 0.55 + 0.45 * max(0.0, -float(normal[2] / np.linalg.norm(normal)))
            _paint_face(canvas, face * np.float32(lit), 2 * (half_px + flat))
    return _reduced(canvas, 2)


def _paint_face(canvas: Rgba, face: npt.NDArray[np.float32], corners_xy: Points) -> None:
    """Stretch a face over its four corners, unless it is seen from behind."""
    target = corners_xy.astype(np.float32)
    if cv2.contourArea(target, oriented=True) <= 0:
        return
    height, width = face.shape[:2]
    source = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32) - 0.5
    drawn = cv2.warpPerspective(
        face,
        cv2.getPerspectiveTransform(source, target),
        canvas.shape[1::-1],
        flags=cv2.INTER_AREA,
        borderMode=cv2.BORDER_REPLICATE,
    )
    inside = np.zeros(canvas.shape[:2], np.uint8)
    cv2.fillConvexPoly(inside, np.rint(target).astype(np.int32), 1)
    canvas[inside > 0, :3], canvas[inside > 0, 3] = drawn[inside > 0], 1


def truck() -> list[Box]:
    """Make a truck: an orange cab, a load the colour of gravel, and dark wheels."""
    suit = load_photo("astronaut.png")[300:440, 120:300]
    red, gravel = (
        tinted("coffee.png", (1, 1, 1))[290:380, 200:330],
        tinted("gravel.png", (1, 0.85, 0.66)),
    )
    dark = np.full((45, 100, 3), (66, 62, 58), np.uint8)
    wheels = np.full((45, 240, 3), (66, 62, 58), np.uint8)
    for x in (42, 150, 200):
        cv2.circle(wheels, (x, 24), 20, (22, 22, 24), -1)
        cv2.circle(wheels, (x, 24), 7, (150, 148, 144), -1)
    load = gravel[:150, :300]
    return [
        Box([dark, wheels, dark, wheels, dark], (1.0, 0.45, 2.4), (0, 0.35, 0)),
        Box([suit, red, dark, red, suit], (0.95, 0.62, 0.7), (0, -0.185, -0.82)),
        Box(
            [dark, load, gravel[200:300, 200:300], load, gravel[100:250, 200:300]],
            (1.0, 0.8, 1.55),
            (0, -0.275, 0.4),
        ),
    ]


def cylinder(wrap: RgbImage, degrees: float) -> Cutout:
    """Look down on an upright cylinder with a photo round it that was turned, and a plain lid."""
    radius, height, lid = 2 * 78.0, 2 * 190.0, 0.22  # drawn twice as large
    half = int(radius) + 8
    y, x = np.mgrid[: int(height + 2 * lid * radius) + 16, -half:half].astype(np.float32)
    across = x / radius
    depth = np.sqrt(np.maximum(0, 1 - across**2))
    top = 8 + lid * radius
    down = (y - top - lid * radius * depth) / height  # 0 at the rim, 1 at the foot
    body = (abs(across) <= 1) & (down >= 0) & (down <= 1)
    cover = across**2 + ((y - top) / (lid * radius)) ** 2 <= 1
    turn = np.arcsin(across.clip(-1, 1)) / (2 * np.pi) + degrees / 360
    drawn = cv2.remap(
        wrap,
        ((turn % 1) * wrap.shape[1]).astype(np.float32),
        (down.clip(0, 1) * (wrap.shape[0] - 1)).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_WRAP,
    )
    canvas = np.zeros((*x.shape, 4), np.float32)
    canvas[body, :3] = (drawn * (0.45 + 0.55 * depth[..., None]))[body]
    canvas[cover, :3] = np.array((176, 170, 160)) * (1 + 0.15 * across[cover, None])
    canvas[..., 3] = body | cover
    return _reduced(canvas, 2)


def kite(sway: float) -> Cutout:
    """Draw a kite, three lines that meet below it, and the one they end in; ``sway`` bends it."""
    width, height = 220, 430
    sail = np.array([(110, 8), (176, 76), (110, 156), (44, 76)], np.float64)
    canvas = _sheet(width, height)
    _fill(canvas, sail, cv2.resize(tinted("logo.png", (1, 0.9, 0.9))[60:440, 60:440], (220, 220)))
    meeting = np.array((110 + 0.5 * sway, 240))
    for start in ((44, 76), (176, 76), (110, 156)):
        _line(canvas, np.array([start, meeting]), 2.2, _KITE_LINE)
    down = np.linspace(0, 1, 30)[:, None]
    _line(canvas, meeting + down * (0, 185) + np.sin(np.pi * down) * (sway, 0), 2.2, _KITE_LINE)
    _line(canvas, np.array([(110, 8), (110, 156)]), 2.2, (70, 50, 40))
    return _reduced(canvas, _FINE)


def parachute(sway: float) -> Cutout:
    """Draw a curved wing, its lines and the one who hangs from them, swung by ``sway`` pixels."""
    width, height = 300, 420
    canvas = _sheet(width, height)
    turn = np.linspace(1.08 * np.pi, 1.92 * np.pi, 60)
    above = np.column_stack([150 + 146 * np.cos(turn), 120 + 112 * np.sin(turn)])
    below = np.column_stack([150 + 138 * np.cos(turn), 126 + 74 * np.sin(turn)])
    cloth = cv2.resize(load_photo("retina.jpg")[250:900, 250:1150], (300, 130))
    _fill(canvas, np.concatenate([above, below[::-1]]), cloth)
    hands = np.array((150 + sway, 332))
    for top in below[3:60:9]:
        end = (hands[0] + (top[0] - 150) / 12, hands[1])
        _line(canvas, np.array([top, end]), 2.0, _CHUTE_LINE)
    picture = _reduced(canvas, _FINE).rgba
    body = shrunk(actor("astronaut"), 0.22).rgba
    x, y = int(hands[0]) - body.shape[1] // 2, 316
    part = picture[y : y + body.shape[0], x : x + body.shape[1]]
    part[:] = part * (1 - body[: len(part), :, 3:]) + body[: len(part)]
    return Cutout(picture, 1.0)


def branches(seed: int) -> Cutout:
    """Draw bare branches with twigs, dark and irregular, a little larger than a frame."""
    width, height = 940, 560
    canvas = _sheet(width, height)
    rng = np.random.default_rng(seed)
    for start in np.linspace(0.04, 0.96, 13):
        low = np.array((start * width + rng.uniform(-30, 30), height + 10.0))
        _branch(canvas, low, -np.pi / 2 + rng.uniform(-0.5, 0.5), rng.uniform(10, 17), rng)
    return _reduced(canvas, _FINE)


def _branch(
    canvas: Rgba, start: Points, heading: float, thickness: float, rng: np.random.Generator
) -> None:
    """Grow a branch from ``start`` until it is thin, with twigs to both sides."""
    here = start
    while thickness > 2.5:
        heading += rng.normal(0, 0.22)
        there = here + 16 * np.array((np.cos(heading), np.sin(heading)))
        shade = rng.uniform(0.8, 1.2)
        _line(canvas, np.array([here, there]), thickness, (52 * shade, 42 * shade, 34 * shade))
        if rng.random() < 0.15:
            side = rng.choice((-1, 1)) * rng.uniform(0.5, 1.1)
            _branch(canvas, there, heading + side, 0.6 * thickness, rng)
        here, thickness = there, 0.96 * thickness


def _sheet(width: int, height: int) -> Rgba:
    """Make an empty canvas, ``_FINE`` times as large."""
    return np.zeros((height * _FINE, width * _FINE, 4), np.float32)


def _reduced(canvas: Rgba, times: int) -> Cutout:
    """Make the picture of a canvas that is some times as large."""
    height, width = canvas.shape[:2]
    size = (width // times, height // times)
    return Cutout(np.asarray(cv2.resize(canvas, size, interpolation=cv2.INTER_AREA)), 1.0)


def _line(
    canvas: Rgba, points_xy: Points, thickness: float, rgb: tuple[float, float, float]
) -> None:
    """Draw a line through (N, 2) points, with round ends."""
    line = np.rint(points_xy * _FINE).astype(np.int32)
    cv2.polylines(canvas, [line], False, (*rgb, 1.0), round(thickness * _FINE))


def _fill(canvas: Rgba, outline_xy: Points, photo: RgbImage) -> None:
    """Fill an outline with a photo that lies at the canvas's upper left corner."""
    inside = np.zeros(canvas.shape[:2], np.uint8)
    cv2.fillPoly(inside, [np.rint(outline_xy * _FINE).astype(np.int32)], 1)
    large = cv2.resize(photo, None, fx=_FINE, fy=_FINE, interpolation=cv2.INTER_LINEAR)
    height, width = large.shape[0], min(large.shape[1], canvas.shape[1])
    chosen = inside[:height, :width] > 0
    part = canvas[:height, :width]
    part[chosen, :3], part[chosen, 3] = large[:, :width][chosen], 1
