"""`persam-vos track` with several videos: each by its name, with its own masks and output."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from persam_vos.errors import PersamVosError, UsageError

from .options import engine_choice
from .progress import Console, FrameProgress
from .track_result import print_summary, summary_facts

if TYPE_CHECKING:
    from persam_vos import Engine, ReferenceMasks, TrackJob, TrackOutcome

NAME = "{name}"
"""What stands for a video's name in the paths of masks."""

Masks = tuple[list[str], dict[int, list[str]]]
"""The first masks, and those of other frames."""


def source_name(source: str) -> str:
    """Name a source for its masks and output: a file's stem, a folder's name, a glob's folder."""
    path = Path(source)
    if any(sign in path.name for sign in "*?["):
        path = path.parent
    path = path.resolve()
    return (path.name if path.is_dir() else path.stem) or "video"


def masks_of(source: str, masks: Sequence[str], later: Mapping[int, Sequence[str]]) -> Masks:
    """Return the masks of one video: their paths, with its name in them."""
    name = source_name(source)
    named = {frame: [mask.replace(NAME, name) for mask in files] for frame, files in later.items()}
    return [mask.replace(NAME, name) for mask in masks], named


def output_of(source: str, folder: Path | None = None) -> Path:
    """Return where the files of a video go if nobody says; in ``folder``, or here."""
    return Path(folder or "") / f"{source_name(source)}_tracked"


def track_many(
    console: Console,
    sources: Sequence[str],
    masks: Sequence[str],
    later_masks: Mapping[int, Sequence[str]],
    output: Path | None,
    *,
    engine: Mapping[str, Any],
    workers: int,
    as_json: bool,
    **options: Any,
) -> None:
    """Track several videos, say on ``console`` how each went, and print the results.

    Raises UsageError for masks that would be those of all videos, and PersamVosError in the end if
    a video failed.
    """
    _refuse_common(sources, [*masks, *(mask for files in later_masks.values() for mask in files)])
    jobs = [
        _job(source, masks_of(source, masks, later_masks), output, options) for source in sources
    ]
    outcomes = _run(console, jobs, engine, workers)
    if as_json:
        click.echo(json.dumps([_facts(outcome) for outcome in outcomes], indent=1))
    else:
        for outcome in outcomes:
            if outcome.summary is not None:
                click.echo(outcome.job.source)
                print_summary(outcome.summary)
    failed = [str(outcome.job.source) for outcome in outcomes if outcome.error]
    if failed:
        raise PersamVosError(
            f"{len(failed)} of {len(outcomes)} videos failed ({', '.join(failed)})",
            remedy="the lines above say why; run these again",
        )


def _refuse_common(sources: Sequence[str], masks: Sequence[str]) -> None:
    """Raise UsageError for a mask that every video would share: it is hardly right for all."""
    common = [mask for mask in masks if NAME not in mask]
    if common:
        raise UsageError(
            f"mask {common[0]}",
            got=f"the same file for {len(sources)} videos",
            expected=f"{NAME} in its path, for the name of each video, as in 'masks/{NAME}.png'",
            remedy="add it; images of one clip come as a folder, or as a pattern in quotes",
        )


def _job(source: str, masks: Masks, output: Path | None, options: Mapping[str, Any]) -> TrackJob:
    from persam_vos import TrackJob

    first, later = masks
    own = {**options, "later_masks": later}
    return TrackJob(source, first or None, output_of(source, output), own)


def _run(
    console: Console, jobs: Sequence[TrackJob], engine: Mapping[str, Any], workers: int
) -> Sequence[TrackOutcome]:
    """Track with progress: frame by frame, or with several workers video by video."""
    from persam_vos import track_many

    ended: list[TrackOutcome] = []
    with console.frames() as progress, ExitStack() as loading:
        on_progress = loading.enter_context(console.download())

        def start(engine: Engine) -> None:
            loading.close()  # the bars of the download make room for those of the videos
            if engine.encoding.warning:
                console.warn(engine.encoding.warning)

        def end(outcome: TrackOutcome) -> None:
            ended.append(outcome)
            _tell(console, outcome, f"{len(ended)}/{len(jobs)}")

        if workers == 1:
            jobs = [
                _watched(job, progress, lambda: f"{len(ended) + 1}/{len(jobs)}") for job in jobs
            ]
        return track_many(
            jobs,
            engine_choice(**engine),
            workers=workers,
            on_progress=on_progress,
            on_start=start,
            on_clip=end,
        )


def _watched(job: TrackJob, progress: FrameProgress, place: Callable[[], str]) -> TrackJob:
    """Show the frames of a job on a bar of its own; ``place`` says which of all it is."""

    def start(total: int | None, reference: ReferenceMasks, engine: Engine) -> None:
        progress.start(f"{place()} {job.source}, {about(reference, engine)}", total)

    watch = {"on_start": start, "on_frame": lambda _: progress.advance()}
    return replace(job, options={**job.options, **watch})


def about(reference: ReferenceMasks, engine: Engine) -> str:
    """Say for a bar how many objects are tracked on what."""
    count = len(reference.object_ids)
    objects = "1 object" if count == 1 else f"{count} objects"
    return f"{objects}, {engine.compute.describe()}"


def _tell(console: Console, outcome: TrackOutcome, place: str) -> None:
    """Say how a video went; a failure also to those who want quiet."""
    source, summary = str(outcome.job.source), outcome.summary
    if summary is None:
        named = outcome.error.startswith(source)
        console.fail(outcome.error if named else f"{source}: {outcome.error}")
        return
    for warning in summary.warnings:
        console.warn(f"{source}: {warning}")
    rate = summary.frame_count / summary.wall_seconds
    console.say(f"{place} {source}: {summary.frame_count} frames, {rate:.2f} frames/s")


def _facts(outcome: TrackOutcome) -> dict[str, Any]:
    """Turn an outcome into its entry of what `--json` prints."""
    found = {"error": outcome.error}
    if outcome.summary is not None:
        found = summary_facts(outcome.summary)
    return {"input": str(outcome.job.source), **found}
