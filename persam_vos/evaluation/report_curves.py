"""Curves of J and F over the frames of a clip, as the coordinates of an SVG picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 480, 168
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 10, 10, 24


@dataclass(frozen=True, slots=True)
class Hover:
    """The upright strip of a frame, which shows ``text`` to a mouse."""

    x: float
    width: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One picture; produced by `draw_chart`, consumed by the template.

    All coordinates are in units of the view box, y down. ``objects`` are the J of each object,
    none where there is but one. ``grid`` and ``ticks`` are (position, label), in y and in x;
    ``marks`` are points (x, y) on the curve of J.
    """

    region: str
    boundary: str
    objects: tuple[str, ...]
    grid: tuple[tuple[float, str], ...]
    ticks: tuple[tuple[float, str], ...]
    marks: tuple[tuple[float, float], ...]
    hovers: tuple[Hover, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM


def draw_chart(
    frames: Sequence[str],
    region: Sequence[float],
    boundary: Sequence[float],
    objects: Sequence[Sequence[float]],
    marked: Sequence[int],
) -> Chart:
    """Return the curves of a clip of T frames, T >= 1.

    ``region`` and ``boundary`` are (T,) J and F in [0, 1], means over objects; ``objects`` are the
    (T,) J of each object; ``marked`` are positions of frames to point out.
    """
    count = len(frames)
    step = (WIDTH - _LEFT - _RIGHT) / max(1, count - 1)
    strip = (WIDTH - _LEFT - _RIGHT) / count
    hovers = (
        Hover(
            round(_LEFT + k * strip, 1),
            round(strip, 1),
            f"frame {name}: J {100 * region[k]:.1f}, F {100 * boundary[k]:.1f}",
        )
        for k, name in enumerate(frames)
    )
    return Chart(
        region=_points(region, step),
        boundary=_points(boundary, step),
        objects=tuple(_points(one, step) for one in objects) if len(objects) > 1 else (),
        grid=tuple((_y(value), f"{100 * value:.0f}") for value in (0, 0.5, 1)),
        ticks=tuple((round(_LEFT + k * step, 1), frames[k]) for k in _tick_positions(count)),
        marks=tuple((round(_LEFT + k * step, 1), _y(region[k])) for k in marked),
        hovers=tuple(hovers),
    )


def _points(values: Sequence[float], step: float) -> str:
    """Return the points of a polyline; of a single value two, which a round line cap shows."""
    spots = [f"{_LEFT + k * step:.1f},{_y(value)}" for k, value in enumerate(values)]
    return " ".join(spots if len(spots) > 1 else spots * 2)


def _y(value: float) -> float:
    return round(_TOP + (1 - value) * (HEIGHT - _TOP - _BOTTOM), 1)


def _tick_positions(count: int) -> tuple[int, ...]:
    """Return the first, the middle and the last frame, each once."""
    return tuple(sorted({0, (count - 1) // 2, count - 1})) if count > 2 else tuple(range(count))
