"""Clips in which an object leaves for 20 frames and comes back, with exact labels.

Cut-outs of scikit-image's photographs fly over other photographs (see `datasets.demo`), or an
annotated object of one development clip is pasted over another clip. In the labels 1 is the object
to track and 2, where there is one, a look-alike that stays in the picture all the time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.clips import Clip, find_clips
from benchmarks.rendered import (
    Layer,
    Picture,
    Poses,
    RenderedClip,
    actor,
    along,
    away,
    cutout,
    mirrored,
    paint,
    photo,
    poses,
)
from persam_vos.demo.render import Cutout

OBJECT, LOOKALIKE = 1, 2
BEFORE, GONE, AFTER = 14, 20, 18
FRAME_COUNT = BEFORE + GONE + AFTER


def photo_clips() -> list[RenderedClip]:
    """Make the clips that need nothing but the installed photographs."""
    coffee, astronaut, shuttle = (actor(name) for name in ("coffee", "astronaut", "shuttle"))
    garage = _still(photo("motorcycle_left.png"), (0.5, 0.5, 1.4, 0), (0.46, 0.52, 1.45, 1))
    dusk = _still(photo("rocket.jpg"), (0.5, 0.5, 1.55, 0), (0.45, 0.47, 1.6, -1))
    in_front = _still(astronaut, (0.6, 0.6, 1.15, 0), (0.61, 0.6, 1.17, 1))
    blue_cup = _still(_recoloured(coffee), (0.72, 0.72, 0.5, 10), (0.64, 0.66, 0.54, 4))
    blue_woman = _still(_recoloured(astronaut), (0.74, 0.7, 0.66, 0), (0.72, 0.69, 0.7, 2))
    woman_leaves = poses(
        (0.4, 0.68, 0.7, 2), (0.36, 0.7, 0.72, 0), (0.2, 0.68, 0.72, -2), (-0.15, 0.7, 0.7, -3)
    )
    cup = _away(
        coffee,
        poses(
            (0.38, 0.4, 0.58, -8), (0.5, 0.5, 0.56, 0), (0.74, 0.5, 0.54, 8), (1.1, 0.4, 0.52, 14)
        ),
        poses(
            (0.02, 0.72, 0.5, 10), (0.2, 0.62, 0.54, 2), (0.28, 0.5, 0.58, -5), (0.3, 0.42, 0.6, -9)
        ),
    )
    woman = _away(
        astronaut,
        woman_leaves,
        poses(
            (1.0, 0.7, 0.66, -3), (0.86, 0.68, 0.68, 0), (0.72, 0.67, 0.7, 2), (0.7, 0.68, 0.71, 3)
        ),
    )
    rising = _away(
        astronaut,
        woman_leaves,
        poses((0.25, 1.0, 0.66, -3), (0.28, 0.68, 0.7, 0), (0.3, 0.66, 0.7, 2)),
    )
    scenes = {
        "edge-coffee": [garage, cup],
        "edge-astronaut": [dusk, woman],
        "lookalike-coffee": [garage, replace(blue_cup, label=LOOKALIKE), cup],
        "lookalike-astronaut": [dusk, replace(blue_woman, label=LOOKALIKE), rising],
        "hidden-coffee": [garage, _passing(coffee, y=0.78, scale=0.32, edge=0.335), in_front],
        "hidden-shuttle": [dusk, _passing(shuttle, y=0.76, scale=0.8, edge=0.315), in_front],
    }
    return [
        RenderedClip(name, FRAME_COUNT, partial(paint, layers=layers))
        for name, layers in scenes.items()
    ]


def pasted_clips(root: Path) -> list[RenderedClip]:
    """Make the clips whose objects are pasted from one development clip over another.

    The background clip's own object is the look-alike where the name says so.
    """
    clips = {clip.name: clip for clip in find_clips(root)}
    coming = poses(
        (0.0, 0.6, 0.7, 0), (0.15, 0.58, 0.75, 0), (0.2, 0.55, 0.8, 0), (0.2, 0.55, 0.8, 0)
    )
    return [
        RenderedClip(
            f"{kind}-{front}-over-{behind}",
            FRAME_COUNT,
            partial(
                paint,
                layers=[_away(partial(_annotated, clips[front]), _leaving(edge), coming)],
                ground=partial(_ground, clips[behind], LOOKALIKE if kind == "lookalike" else 0),
            ),
        )
        for kind, front, behind, edge in (
            ("edge", "dog-agility", "kite-walk", 1.14),
            ("edge", "horsejump-low", "scooter-gray", 1.1),
            ("lookalike", "rollerblade", "hockey", 1.04),
            ("lookalike", "scooter-gray", "motocross-bumps", 1.07),
        )
    ]


def _away(picture: Cutout | Callable[[int], Cutout], path: Poses, back: Poses) -> Layer:
    """Move the object along ``path``, then let it be gone, then move it along ``back``."""
    return Layer(picture, away(path, back, (BEFORE, GONE, AFTER)), OBJECT)


def _leaving(edge: float) -> Poses:
    """Go to the right until the centre is at ``edge``, where the last of the object shows."""
    return poses(*((x, 0.55, 0.7, 0) for x in (0.7, 0.74, 0.85, edge)))


def _still(picture: Cutout, *values: tuple[float, float, float, float]) -> Layer:
    return Layer(picture, along(poses(*values), FRAME_COUNT))


def _recoloured(picture: Cutout) -> Cutout:
    """Make a look-alike: mirrored, with red and blue exchanged."""
    return replace(mirrored(picture), rgba=mirrored(picture).rgba[..., [2, 1, 0, 3]])


def _passing(picture: Cutout, *, y: float, scale: float, edge: float) -> Layer:
    """Let a picture go behind what stands in the middle, gone from ``edge`` on, and come out."""
    into = poses((0.1, y, scale, 0), (0.14, y, scale, 0), (0.24, y, scale, 4), (edge, y, scale, 8))
    out = poses((0.76, y, scale, 4), (0.86, y, scale, 0), (0.88, y, scale, -4), (0.89, y, scale, 0))
    return _away(picture, into, out)


def _annotated(clip: Clip, index: int) -> Cutout:
    """Cut the object out of a frame of a clip, which plays forth and back."""
    last = len(clip.images) - 1
    turning = last - abs(last - index % (2 * last))
    return cutout(clip.frame(turning).image, clip.labels(turning))


def _ground(clip: Clip, label: int, index: int) -> Picture:
    """Show a frame of a clip, its objects labelled ``label``."""
    return clip.frame(index).image, (clip.labels(index) > 0) * np.uint8(label)
