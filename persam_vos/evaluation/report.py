"""``report.html``: one file that shows a person what a run is worth, and where it fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from ..datasets.clips import Clip, Split
from ..files.atomic import write_texts
from ..files.limits import read_json
from .report_curves import Chart, draw_chart
from .report_pictures import (
    PREDICTION_RGB,
    TRUTH_RGB,
    FramePlace,
    Picture,
    draw_picture,
    worst_frames,
)
from .results import REPORT, RESULTS, RUN

WORST_CLIPS = 8
FRAMES_PER_CLIP = 2
_TEMPLATE = "report_template.html"


@dataclass(frozen=True, slots=True)
class _WorstFrame:
    """One of the worst frames; ``region`` and ``boundary`` are means over its objects."""

    frame: str
    region: float
    boundary: float
    picture: Picture


@dataclass(frozen=True, slots=True)
class _ClipView:
    """A clip as the template shows it; ``region`` and ``boundary`` are mean, recall and decay.

    ``facts`` are the clip's entry in ``run.json``, None where there is none. ``worst`` is empty
    for all but the worst clips.
    """

    name: str
    jf: float
    region: tuple[float, ...]
    boundary: tuple[float, ...]
    frame_count: int
    objects: tuple[dict[str, Any], ...]
    notes: tuple[str, ...]
    facts: Mapping[str, Any] | None
    chart: Chart
    worst: tuple[_WorstFrame, ...]


def write_report(folder: Path, split: Split) -> Path:
    """Write ``report.html`` from a folder's ``results.json`` and ``run.json``; return its path.

    Frames, truth and masks are read where the split and ``run.json`` say, one picture at a time.
    The same files give the same bytes. Raises OutputError when it cannot be written.
    """
    write_texts(folder, {REPORT: report_html(folder, split)})
    return folder / REPORT


def report_html(folder: Path, split: Split) -> str:
    """Return the report as HTML; it needs no other file, and no script to be read."""
    told = read_json(folder / RESULTS)
    run = read_json(folder / RUN)
    views = list(_clip_views(told, run, split))
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"percent": _percent, "duration": _duration, "megabytes": _megabytes}
    template = environment.from_string(files(__package__).joinpath(_TEMPLATE).read_text("utf-8"))
    return template.render(
        title=Path(run["root"]).name if run["dataset"] == "folder" else run["dataset"],
        told=told,
        run=run,
        clips=views,
        failures=run["failures"],
        settings=list(_flat(run["settings"] or {})),
        busy=_busy_seconds(run),
        program=version("persam-vos"),
        pictured=any(one.picture.address for clip in views for one in clip.worst),
        colours={"truth": TRUTH_RGB, "prediction": PREDICTION_RGB},
        most_clips=WORST_CLIPS,
    )


def _clip_views(
    told: Mapping[str, Any], run: Mapping[str, Any], split: Split
) -> Iterator[_ClipView]:
    """Yield the clips, the worst first."""
    facts = {one["name"]: one for one in run["clips"]}
    ordered = sorted(told["sequences"], key=lambda one: (one["J&F-Mean"], one["name"]))
    for rank, score in enumerate(ordered):
        region, boundary = _per_frame(score, "J"), _per_frame(score, "F")
        worst = worst_frames(region, boundary, FRAMES_PER_CLIP) if rank < WORST_CLIPS else []
        yield _ClipView(
            name=score["name"],
            jf=score["J&F-Mean"],
            region=_means(score, "J"),
            boundary=_means(score, "F"),
            frame_count=len(score["frames"]),
            objects=tuple(score["objects"]),
            notes=tuple(score["notes"]),
            facts=facts.get(score["name"]),
            chart=draw_chart(
                score["frames"],
                region,
                boundary,
                [one["J_per_frame"] for one in score["objects"]],
                worst,
            ),
            worst=tuple(
                _WorstFrame(
                    score["frames"][k], region[k], boundary[k], _picture(score, k, run, split)
                )
                for k in worst
            ),
        )


def _picture(
    score: Mapping[str, Any], position: int, run: Mapping[str, Any], split: Split
) -> Picture:
    """Return the picture of one frame of a scored clip."""
    clip = next(clip for clip in split.clips if clip.name == score["name"])
    return draw_picture(
        _place(clip, score["frames"][position], run),
        [one["id"] for one in score["objects"]],
        single=split.mode == "single",
    )


def _place(clip: Clip, frame: str, run: Mapping[str, Any]) -> FramePlace:
    """Return where a frame of a clip lies; masks that a failed clip left were not scored."""
    images = {path.stem: path for path in clip.images}
    prediction = Path(run["predictions"]) / clip.name / f"{frame}.png"
    image = images.get(frame)
    return FramePlace(
        image=image if image is not None and image.is_file() else None,
        truth=Path(run["truth"]) / clip.name / f"{frame}.png",
        prediction=None if clip.name in run["failures"] or not prediction.is_file() else prediction,
    )


def _per_frame(score: Mapping[str, Any], measure: str) -> list[float]:
    """Return the (T,) mean over objects of J or F."""
    table = np.array([one[f"{measure}_per_frame"] for one in score["objects"]])  # (objects, T)
    return [float(value) for value in table.mean(axis=0)]


def _means(score: Mapping[str, Any], measure: str) -> tuple[float, ...]:
    """Return mean, recall and decay of J or F, each the mean over objects."""
    return tuple(
        float(np.mean([one[measure][name] for one in score["objects"]]))
        for name in ("mean", "recall", "decay")
    )


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield settings as name and text, those inside others as ``outer.inner``."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, Sequence) and not isinstance(value, str):
            yield f"{prefix}{name}", ", ".join(map(str, value)) or "nothing"
        else:
            yield f"{prefix}{name}", str(value)


def _busy_seconds(run: Mapping[str, Any]) -> dict[str, float]:
    """Return the seconds that each stage was busy, over all clips."""
    busy: dict[str, float] = {}
    for clip in run["clips"]:
        for stage, seconds in clip["busy_seconds"].items():
            busy[stage] = busy.get(stage, 0.0) + seconds
    return busy


def _percent(value: float) -> str:
    # A decay of -0.0001 would read "-0.0".
    return f"{round(100 * value, 1) + 0.0:.1f}".replace("-", "\N{MINUS SIGN}")


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB".replace(",", "\N{NARROW NO-BREAK SPACE}")
