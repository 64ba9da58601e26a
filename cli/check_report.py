"""What `persam-vos check` prints: a report for people, or JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from persam_vos.errors import printable

from .echo import cell
from .flags import as_flag, in_flags

if TYPE_CHECKING:
    from rich.console import Console

    from persam_vos.checking.check import Report
    from persam_vos.checking.estimate import Estimate
    from persam_vos.checking.findings import Finding
    from persam_vos.checking.mask_facts import ObjectFacts
    from persam_vos.checking.mask_file import MaskFile
    from persam_vos.checking.probe import VideoFacts
    from persam_vos.structures import SourceInfo

_STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}
_ORDER = ("error", "warning", "note")
_GIGABYTE, _MEGABYTE = 1e9, 1e6


def report_facts(
    report: Report, fixed: Path | None, changes: Sequence[str] | None
) -> dict[str, Any]:
    """Return a report as JSON values; ``fixed`` is the clean mask that was written, if any."""
    estimate = report.estimate
    return {
        "fails": report.fails,
        "video": None if report.video is None else _plain(asdict(report.video)),
        "frames_read": report.frames_read,
        "mask_files": [_file_facts(file) for file in report.mask_files],
        "objects": {str(i): [asdict(one) for one in shown] for i, shown in report.objects.items()},
        "findings": [asdict(one.spelled(as_flag)) for one in report.findings],
        "estimate": estimate and {"seconds": estimate.seconds, **asdict(estimate)},
        "fixed": None if fixed is None else {"path": str(fixed), "changes": list(changes or ())},
    }


def print_report(report: Report, fixed: Path | None, changes: Sequence[str] | None) -> None:
    """Print a report to stdout, in colours if that is a terminal."""
    from rich.console import Console

    console = Console(highlight=False)
    if report.video is not None:
        _print_table(console, report.video.info.path, _video_rows(report.video, report.frames_read))
    if fixed is not None:
        _print_table(console, f"{fixed} (written)", [("", one) for one in changes or ["as it was"]])
    _print_table(console, "Masks", list(_mask_rows(report)))
    _print_findings(console, report.findings)
    if report.estimate is not None:
        _print_table(console, "A run", list(_estimate_rows(report.estimate)))
    _print_verdict(console, report)


def _print_table(console: Console, title: str, rows: Sequence[tuple[str, str]]) -> None:
    from rich.table import Table

    if not rows:
        return
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, words in rows:
        table.add_row(f"  {cell(name)}", cell(words))
    console.print(cell(title), style="bold", soft_wrap=True)
    console.print(table)
    console.print()


def _print_findings(console: Console, findings: Sequence[Finding]) -> None:
    """Print findings, the worst first: what was found, and below it what to do."""
    from rich.table import Table
    from rich.text import Text

    if not findings:
        return
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for one in sorted(findings, key=lambda one: _ORDER.index(one.severity)):
        told = one.spelled(as_flag)
        words = f"{told.what}: {told.got}" if told.what else told.got
        if told.expected:
            words += f", expected {told.expected}"
        if told.remedy:
            words += f"\n→ {told.remedy}"
        table.add_row(Text(told.severity, style=_STYLES[told.severity]), Text(printable(words)))
    console.print(table)
    console.print()


def _print_verdict(console: Console, report: Report) -> None:
    from rich.text import Text

    if report.fails:
        console.print(Text("A run would fail.", style="bold red"))
        return
    warnings = sum(one.severity == "warning" for one in report.findings)
    words = "Nothing stands in the way of a run"
    if warnings:
        words += f"; {warnings} warning{'s' * (warnings > 1)} above"
    console.print(Text(printable(f"{words}."), style="green"))


def _video_rows(video: VideoFacts, frames_read: int) -> list[tuple[str, str]]:
    info, of_video = video.info, video.info.kind == "video"
    rate = f"{float(info.frames_per_second):.5g} frames/s"
    if video.variable_rate:
        rate += " on average, not steady"
    count = video.counted or info.frame_count or frames_read
    length = f"{count} frame{'s' * (count != 1)}"
    if video.duration_seconds is not None:
        length += f", {_duration(video.duration_seconds)}"
    rows = [
        ("is", f"{info.codec} {'in ' if of_video else ''}{video.container}"),
        ("size", f"{info.size_hw[1]} x {info.size_hw[0]}{_turned(info)}"),
        ("rate", rate if of_video else f"{rate}, unless its files say otherwise"),
        ("length", length),
        ("pixels", ", ".join(_pixel_words(video))),
    ]
    if video.audio:
        rows.append(("sound", ", ".join(one if one != "?" else "unknown" for one in video.audio)))
    return rows


def _turned(info: SourceInfo) -> str:
    words = f", turned by {info.rotation_degrees} degrees" if info.rotation_degrees else ""
    if info.pixel_aspect != 1:
        words += f", pixels {info.pixel_aspect} as wide as high"
    return words


def _pixel_words(video: VideoFacts) -> Iterator[str]:
    info = video.info
    yield info.pixel_format
    yield f"{info.bit_depth} bits"
    if video.colour_matrix:
        yield video.colour_matrix
    if video.colour_range:
        yield f"{video.colour_range} range"
    if info.transfer:
        yield f"HDR ({info.transfer})"
    if info.interlaced:
        yield "interlaced"
    if video.alpha:
        yield "with alpha"


def _mask_rows(report: Report) -> Iterator[tuple[str, str]]:
    for file in report.mask_files:
        yield Path(file.path).name, ", ".join(_file_words(file))
    for frame, shown in report.objects.items():
        if report.mask_files:
            for one in shown:
                yield f"frame {frame}, object {one.object_id}", ", ".join(_object_words(one))


def _file_words(file: MaskFile) -> Iterator[str]:
    yield file.kind or "no image"
    if file.size_hw is not None:
        yield f"{file.size_hw[1]} x {file.size_hw[0]}"
    if file.ids:
        yield f"object{'s' * (len(file.ids) > 1)} {', '.join(map(str, file.ids))}"
    if file.void_px:
        yield f"{file.void_px} pixels of 255"


def _object_words(one: ObjectFacts) -> Iterator[str]:
    x0, y0, x1, y1 = one.box_xyxy
    yield f"{one.area_px} pixels ({one.picture_share:.1%})"
    yield f"box {x0},{y0} to {x1},{y1}"
    if one.pieces > 1:
        yield f"{one.pieces} pieces"


def _estimate_rows(estimate: Estimate) -> Iterator[tuple[str, str]]:
    objects = f"{estimate.object_count} object{'s' * (estimate.object_count > 1)}"
    yield (
        "takes",
        f"about {_duration(estimate.seconds)} for {estimate.frame_count} frames, {objects}",
    )
    late = f", {_duration(estimate.late_seconds)} for going back" if estimate.late_seconds else ""
    frame = f"{_duration(estimate.frame_seconds)} a frame"
    yield "of which", f"{_duration(estimate.start_seconds)} to start, then {frame}{late}"
    yield "memory", _bytes(estimate.memory_bytes)
    yield "measured", f"{estimate.measured_frames} frames on {estimate.device}"


def _duration(seconds: float) -> str:
    """Write seconds as people say them."""
    if seconds < 10:
        return f"{seconds:.2g} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _bytes(count: int) -> str:
    return f"{count / _GIGABYTE:.1f} GB" if count >= _GIGABYTE else f"{count / _MEGABYTE:.0f} MB"


def _file_facts(file: MaskFile) -> dict[str, Any]:
    problem = None if file.problem is None else in_flags(file.problem)
    return asdict(replace(file, problem=None)) | {"problem": problem}


def _plain(value: object) -> object:
    """Return a value as JSON can hold it: fractions as text."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return str(value) if isinstance(value, Fraction) else value
