"""`persam-vos track --source`: a live source, with progress, until it ends or is stopped."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .echo import echo
from .live_options import LiveOptions
from .options import EngineOptions, load_engine
from .progress import Console
from .track_one import about
from .track_result import result_lines

if TYPE_CHECKING:
    from persam_vos import TrackRequest
    from persam_vos.live import LiveSummary
    from persam_vos.runs.outcome import TrackStart

_INTERRUPTED = 130


def track_live_source(
    console: Console,
    request: TrackRequest,
    engine: EngineOptions,
    live: LiveOptions,
    *,
    as_json: bool,
) -> None:
    """Track a live source, and print how it went: on stderr where masks go to stdout.

    Exits with 130 after an interrupt, or a signal to terminate.
    """
    from persam_vos.live import track_live
    from persam_vos.live.pipe import describe_format

    settings = live.settings()
    with console.frames() as progress, _terminated_as_interrupted():

        def start(begun: TrackStart) -> None:
            for warning in begun.reference.warnings:
                console.warn(warning)
            if settings.pipe is not None:
                console.say(f"pipe     {describe_format(begun.size_hw)}")
            progress.start(about(begun), None)

        summary = track_live(
            request,
            settings,
            engine=lambda: load_engine(console, engine),
            on_start=start,
            on_frame=lambda _: progress.advance(),
        )
    if as_json:
        echo(json.dumps(_facts(summary), indent=1), err=live.pipe)
    else:
        for line in _lines(summary):
            echo(line, err=live.pipe)
    for warning in summary.warnings:
        console.warn(warning)
    if summary.ending == "interrupted":
        console.fail("interrupted; all files are whole")
        sys.exit(_INTERRUPTED)


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM, by which services are stopped, end a run as Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _facts(summary: LiveSummary) -> dict[str, Any]:
    """Turn a summary into what `--json` prints."""
    counts, facts = asdict(summary.counts), asdict(summary)
    del facts["counts"]
    return counts | {
        name: str(value) if isinstance(value, Path) else value for name, value in facts.items()
    }


def _lines(summary: LiveSummary) -> Iterator[str]:
    """Say how it went."""
    counts, ids = summary.counts, ", ".join(map(str, summary.object_ids))
    rate = counts.tracked / summary.wall_seconds
    yield (
        f"{counts.tracked} of {counts.received} frames, objects {ids}, "
        f"{summary.wall_seconds:.1f} s ({rate:.2f} frames/s), {summary.ending}"
    )
    damaged = f", {counts.damaged} damaged" if counts.damaged else ""
    yield f"dropped  {counts.dropped}{damaged}"
    yield (
        f"latency  median {1000 * counts.median_latency_seconds:.0f} ms, "
        f"95 % within {1000 * counts.p95_latency_seconds:.0f} ms, from arrival to written mask"
    )
    yield from result_lines(summary.absent, summary.masks, summary.overlay, summary.log)
