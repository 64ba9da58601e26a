"""What the log of a run says: what it was computed with, what it read, and what it took."""

from __future__ import annotations

from dataclasses import asdict
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..media.reader import ADDRESS
from ..media.reference_masks import ReferenceMasks
from ..request import TrackRequest
from ..runtime.device import peak_memory_bytes
from ..runtime.timer import StageTimer
from ..structures import SourceInfo
from .engine import Engine
from .plan import TrackPlan


def run_facts(
    engine: Engine, plan: TrackPlan, reference: ReferenceMasks, request: TrackRequest
) -> dict[str, Any]:
    """Say what was run on what."""
    return engine_facts(engine, request.command) | {
        "input": input_facts(plan.source.info),
        "source_path": _absolute(plan.source.info.path),
        "reading": asdict(request.reading),
        "start_frame": plan.start,
        "target": _target_facts(plan),
        "direction": plan.direction,
        "roi_xywh": None if plan.roi is None else [int(part) for part in str(plan.roi).split(",")],
        "mask_frames": sorted(plan.references),
        "object_ids": list(reference.object_ids),
        "warnings": [*plan.source.warnings, *reference.warnings],
    }


def _absolute(path: str) -> str:
    """Return a path from the root, for those who look for the source from elsewhere."""
    return path if ADDRESS.fullmatch(path) else str(Path(path).resolve())


def _target_facts(plan: TrackPlan) -> dict[str, Any] | None:
    """Say from which pictures a run's target is, and what came of the search for it."""
    if plan.target is None:
        return None
    return {
        "references": [asdict(one.image) for one in plan.target.references],
        "object_ids": list(plan.target.object_ids),
        "sighting": plan.sighting and asdict(plan.sighting),
    }


def late_facts(plan: TrackPlan) -> dict[str, Any]:
    """Say what was noticed while frames came: warnings, and what a target found again."""
    return {
        "source_warnings": list(plan.source.warnings),
        "found_again": [asdict(one) for one in plan.found_again],
    }


def engine_facts(engine: Engine, command: str) -> dict[str, Any]:
    """Say what a run was computed with, in words and numbers that JSON has."""
    settings = engine.settings
    return {
        "version": version("persam-vos"),
        "command": command,
        "weights": engine.weights,
        "device": str(engine.compute.device),
        "dtype": engine.compute.dtype_name,
        "encoder": engine.encoding.facts(),
        "method": settings.method,
        "recipe": settings.recipe,
        "without": sorted(settings.without),
        "image_size": settings.image_size,
        "mirrored": settings.mirrored,
    }


def input_facts(info: SourceInfo) -> dict[str, Any]:
    """Say what a run read, in words and numbers that JSON has."""
    return {
        name: str(value) if isinstance(value, Fraction) else value
        for name, value in asdict(info).items()
    }


def run_totals(
    engine: Engine, timer: StageTimer, frame_count: int, wall_seconds: float
) -> dict[str, Any]:
    """Say what a run took, in words and numbers that JSON has."""
    return {
        "frame_count": frame_count,
        "wall_seconds": round(wall_seconds, 3),
        "busy_seconds": {stage: round(s, 3) for stage, s in timer.seconds.items()},
        "peak_memory_bytes": peak_memory_bytes(engine.compute),
        "not_captured": not_captured(engine, timer),
    }


def not_captured(engine: Engine, timer: StageTimer) -> dict[str, str]:
    """Say what no GPU graph holds although one should, and why."""
    return timer.notes | engine.encoding.not_captured
