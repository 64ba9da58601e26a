"""`persam-vos track` with several videos: each by its name, with its own masks and output."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from persam_vos.errors import MediaError, PersamVosError, UsageError

from .echo import echo
from .flags import in_flags
from .options import EngineOptions
from .progress import Console
from .sandbox import files_of, look_first
from .stopping import Stopping
from .track_one import about
from .track_result import print_summary, summary_facts

if TYPE_CHECKING:
    from persam_vos import Engine, TrackRequest
    from persam_vos.batch import TrackOutcome
    from persam_vos.runs.outcome import TrackStart


def track_several(
    console: Console,
    requests: Sequence[TrackRequest],
    engine: EngineOptions,
    *,
    workers: int,
    sandbox: bool,
    as_json: bool,
) -> None:
    """Track several videos, say on ``console`` how each went, and print the results.

    Raises PersamVosError in the end if a video failed.
    """
    refused = _refused(console, requests) if sandbox else []
    bad = {outcome.request.folder for outcome in refused}
    good = [request for request in requests if request.folder not in bad]
    outcomes = [*refused, *(_run(console, good, engine, workers) if good else [])]
    if as_json:
        echo(json.dumps([_facts(outcome) for outcome in outcomes], indent=1))
    else:
        for outcome in outcomes:
            if outcome.summary is not None:
                echo(outcome.request.source)
                print_summary(outcome.summary)
    failed = [str(outcome.request.source) for outcome in outcomes if outcome.error]
    if failed:
        raise PersamVosError(
            f"{len(failed)} of {len(outcomes)} videos failed ({', '.join(failed)})",
            remedy="the lines above say why; run these again",
        )


def refuse_common(sources: Sequence[str], masks: Sequence[str]) -> None:
    """Raise UsageError for a mask that every video would share: it is hardly right for all."""
    from persam_vos.request import NAME

    common = [mask for mask in masks if NAME not in mask]
    if common:
        raise UsageError(
            f"mask {common[0]}",
            got=f"the same file for {len(sources)} videos",
            expected=f"{NAME} in its path, for the name of each video, as in 'masks/{NAME}.png'",
            remedy="add it; images of one clip come as a folder, or as a pattern in quotes",
        )


def _refused(console: Console, requests: Sequence[TrackRequest]) -> list[TrackOutcome]:
    """Return the outcomes of those whose files another process could not open, and tell of them."""
    from persam_vos.batch import TrackOutcome

    refused = []
    for request in requests:
        try:
            look_first(files_of(request))
        except MediaError as error:
            refused.append(TrackOutcome(request, error=error))
            _tell(console, refused[-1], f"{len(refused)}/{len(requests)}")
    return refused


def _run(
    console: Console, requests: Sequence[TrackRequest], engine: EngineOptions, workers: int
) -> Sequence[TrackOutcome]:
    """Track with progress: frame by frame, or with several workers video by video."""
    from persam_vos.batch import TrackEvents, track_many

    ended: list[TrackOutcome] = []
    stopping = Stopping()
    with stopping.handled(), console.frames() as progress, ExitStack() as loading:

        def loaded(engine: Engine) -> None:
            loading.close()  # the bars of the download make room for those of the videos
            if engine.encoding.warning:
                console.warn(engine.encoding.warning)

        def start(request: TrackRequest, begun: TrackStart) -> None:
            place = f"{len(ended) + 1}/{len(requests)}"
            what, done = f"{place} {request.source}, {about(begun)}", begun.kept_count
            if begun.note:
                console.say(f"{place} {request.source}: {begun.note}")
            progress.start(what, begun.frame_count, done=done)
            stopping.arm()

        def end(outcome: TrackOutcome) -> None:
            ended.append(outcome)
            _tell(console, outcome, f"{len(ended)}/{len(requests)}")

        events = TrackEvents(
            on_progress=loading.enter_context(console.download()),
            on_engine=loaded,
            on_outcome=end,
            on_start=start,
            on_frame=lambda _: progress.advance(),
            should_stop=stopping,
        )
        return track_many(requests, engine.choice(), workers=workers, events=events)


def _tell(console: Console, outcome: TrackOutcome, place: str) -> None:
    """Say how a video went; a failure also to those who want quiet."""
    source, summary = str(outcome.request.source), outcome.summary
    if outcome.error is not None:
        line = in_flags(outcome.error)
        console.fail(line if line.startswith(source) else f"{source}: {line}")
    if summary is None:
        return
    for warning in summary.warnings:
        console.warn(warning if warning.startswith(source) else f"{source}: {warning}")
    rate = (summary.frame_count - summary.kept_count) / summary.wall_seconds
    console.say(f"{place} {source}: {summary.frame_count} frames, {rate:.2f} frames/s")


def _facts(outcome: TrackOutcome) -> dict[str, Any]:
    """Turn an outcome into its entry of what `--json` prints."""
    found: dict[str, Any] = {"error": in_flags(outcome.error)} if outcome.error else {}
    if outcome.summary is not None:
        found = summary_facts(outcome.summary)
    return {"input": str(outcome.request.source), **found}
