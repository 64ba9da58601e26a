"""Long clips with exact labels: swings, and objects that come back after a long while.

A swing is a short clip that runs forwards and backwards again and again, so that the truth is known
everywhere and its first frame comes back in each lap. In a ``return-*`` clip the object is seen for
24 frames, gone for 200, and back at another place, at the size that the name says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.clips import Clip
from benchmarks.hard_kinds_bodies import motorcycle, shrunk, tinted
from benchmarks.rendered import Layer, RenderedClip, actor, along, away, cutout, paint, poses
from benchmarks.tiled import there_and_back
from persam_vos.demo.render import Cutout
from persam_vos.structures import Frame, LabelMap, RgbImage

RATE = 24
OBJECT = 1
BEFORE, GONE, AFTER = 24, 200, 36
SIZES = (0.6, 1.0, 1.6)

_RETURN_FRAMES = BEFORE + GONE + AFTER
_SCALE = 0.4  # of the object before it goes
_FROM, _TO = ((0.28, 0.42), (0.4, 0.5)), ((0.72, 0.58), (0.6, 0.52))  # where it is seen
_GROUND_SCALE, _PAN = 1.9, 1.0  # the ground moves by a picture's width in the whole clip
_GREEN, _BROWN = (0.62, 0.9, 0.36), (1.05, 0.9, 0.72)


@dataclass(frozen=True, slots=True)
class Swing:
    """The pictures and labels of a short clip, shown forwards and backwards for long."""

    name: str
    pictures: tuple[RgbImage, ...]
    labels: tuple[LabelMap, ...]
    frame_count: int

    @classmethod
    def of(cls, clip: Clip | RenderedClip, seconds: float) -> Swing:
        """Read or draw a clip, to show it for so long."""
        pictures = tuple(frame.image for frame in clip.frames())
        return cls(clip.name, pictures, tuple(clip.true_labels()), round(seconds * RATE))

    def order(self) -> Iterator[int]:
        """Say which picture each frame shows."""
        return there_and_back(len(self.pictures), self.frame_count)

    def returns(self) -> list[int]:
        """List the frames that show the first picture again."""
        lap = 2 * (len(self.pictures) - 1)
        return list(range(lap, self.frame_count, lap))

    def frames(self) -> Iterator[Frame]:
        """Show the pictures."""
        for index, place in enumerate(self.order()):
            yield Frame(index, f"{index:05d}", self.pictures[place], index / RATE)

    def true_labels(self) -> Iterator[LabelMap]:
        """Show the labels."""
        return (self.labels[place] for place in self.order())


def return_clips() -> list[RenderedClip]:
    """Make the clips of objects that come back; those of one object differ only from then on."""
    scenes = {
        "coffee": (actor("coffee"), tinted("grass.png", _GREEN)),
        "motorcycle": (shrunk(motorcycle(), 0.64), tinted("brick.png", _BROWN)),
    }
    return [
        RenderedClip(
            f"return-{name}-{size:g}",
            _RETURN_FRAMES,
            partial(paint, layers=[_panning(ground), _returning(body, size)]),
        )
        for name, (body, ground) in scenes.items()
        for size in SIZES
    ]


def _panning(image: RgbImage) -> Layer:
    """Show a photo and its mirror image side by side, and move to the right all the time."""
    wide = np.concatenate([image, image[:, ::-1]], axis=1)
    path = poses(
        (0.5 + _PAN / 2, 0.5, _GROUND_SCALE, 0),
        (0.5 - _PAN / 2, 0.5, _GROUND_SCALE, 0),
    )
    return Layer(cutout(wide, None), along(path, _RETURN_FRAMES))


def _returning(body: Cutout, size: float) -> Layer:
    """Show the object, then nothing of it, then the object elsewhere at ``size`` times its size."""
    seen = poses(*((x, y, _SCALE, 0) for x, y in _FROM))
    back = poses(*((x, y, _SCALE * size, 0) for x, y in _TO))
    return Layer(body, away(seen, back, (BEFORE, GONE, AFTER)), OBJECT)
