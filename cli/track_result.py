"""What `persam-vos track` prints of a finished video."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .echo import echo
from .stage_table import print_stages

if TYPE_CHECKING:
    from persam_vos import TrackSummary

_SPANS_TOLD = 8


def summary_facts(summary: TrackSummary) -> dict[str, Any]:
    """Turn a summary into what `--json` prints."""
    return {name: _plain(value) for name, value in asdict(summary).items()}


def _plain(value: Any) -> Any:
    """Return paths as texts, for JSON."""
    if isinstance(value, tuple) and all(isinstance(one, Path) for one in value):
        return [str(one) for one in value]
    return str(value) if isinstance(value, Path) else value


def _told(spans: Sequence[tuple[int, int]]) -> str:
    """List spans of frames, the first few of them."""
    told = [str(first) if first == last else f"{first}-{last}" for first, last in spans]
    rest = len(told) - _SPANS_TOLD
    return ", ".join(told[:_SPANS_TOLD]) + (f" and {rest} times more" if rest > 0 else "")


def result_lines(
    absent: Mapping[int, Sequence[tuple[int, int]]],
    masks: Path | None,
    overlay: Path | None,
    log: Path | None,
) -> Iterator[str]:
    """Say when objects, by id, were out of sight, and where the files are that were written."""
    for object_id, spans in absent.items():
        yield f"absent   object {object_id} in frames {_told(spans)}"
    for name, path in (("masks", masks), ("overlay", overlay), ("log", log)):
        if path is not None:
            yield f"{name:8} {path}"


def print_summary(summary: TrackSummary) -> None:
    """Print how long it took, and where the files are."""
    from persam_vos.tracking.target_search import in_words

    rate = (summary.frame_count - summary.kept_count) / summary.wall_seconds
    ids = ", ".join(map(str, summary.object_ids))
    echo(
        f"{summary.frame_count} frames, objects {ids}, "
        f"{summary.wall_seconds:.1f} s ({rate:.2f} frames/s)"
    )
    if summary.sighting is not None:
        echo(f"target   {in_words(summary.sighting)}")
    for again in summary.found_again:
        sure = f"{min(again.confidence, 0.999):.1%}"
        echo(f"found    object {again.object_id} on frame {again.frame} ({sure} sure)")
    for line in result_lines(summary.absent, summary.masks, summary.overlay, summary.log):
        echo(line)
    for path in summary.exports:
        echo(f"export   {path}")
    if summary.trace is not None:
        echo(f"trace    {summary.trace}")
        print_stages(summary)
        for work, reason in summary.not_captured.items():
            echo(f"eager    {work}, since no graph could be captured: {reason}")
