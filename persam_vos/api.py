"""Paths in, files out: what programs and the command line call."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from .clock import Clock
from .config import MethodSettings
from .device import peak_memory_bytes, resolve_compute
from .media.reader import Reader, open_source
from .media.reference import MaskInput, ReferenceMasks, read_first_masks
from .outputs import LOG, MASKS, TRACE, OutputFolder
from .pipeline import Engine, Propagation, track_frames
from .prefetch import Sink
from .profiling import Profile, StageTime
from .sam.build import build_sam
from .structures import Frame, LabelMap, RgbImage, SourceInfo, TrackedFrame
from .weights import DEFAULT_WEIGHTS, ProgressCallback, load_weights


@dataclass(frozen=True, slots=True)
class TrackSummary:
    """What a finished run wrote; produced by `track_to_folder`, consumed by the command line.

    ``trace`` and ``stages`` say where the time went, if that was asked for.
    """

    output: Path
    masks: Path
    overlay: Path | None
    log: Path
    frame_count: int
    object_ids: tuple[int, ...]
    wall_seconds: float
    warnings: tuple[str, ...]
    trace: Path | None = None
    stages: tuple[StageTime, ...] = ()


def load_engine(
    weights: str = DEFAULT_WEIGHTS,
    *,
    checkpoint: str | Path | None = None,
    device: str = "auto",
    dtype: str = "auto",
    settings: MethodSettings | None = None,
    on_progress: ProgressCallback | None = None,
) -> Engine:
    """Load a network once, for any number of clips.

    ``weights`` is a name of ``persam-vos weights list``, fetched where needed; ``checkpoint`` a
    file that is used instead. ``device`` is auto, cpu, cuda, cuda:N or mps; ``dtype`` auto,
    float32, bfloat16 or float16. Raises UsageError for an unknown choice, WeightsError for weights
    that cannot be found, fetched or trusted.
    """
    compute = resolve_compute(device, dtype)
    loaded = load_weights(
        weights, checkpoint=Path(checkpoint) if checkpoint else None, on_progress=on_progress
    )
    network = build_sam(loaded.architecture, loaded.state).to(compute.device)
    return Engine(
        network, compute, settings or MethodSettings(), {"name": loaded.name, **loaded.sha256}
    )


def track(
    source: str | Path,
    masks: MaskInput,
    *,
    engine: Engine | None = None,
    objects: Collection[int] | None = None,
    reader: Reader = "pyav",
) -> Iterator[TrackedFrame]:
    """Label every frame of a video, lazily; the input is checked at once.

    ``source`` is a video file, a folder of images or a glob; ``masks`` shows each object on the
    first frame; ``objects`` keeps some of its ids. Yields a TrackedFrame for every frame, the
    first included; closing or dropping the iterator ends the work. Raises MediaError or MaskError
    for input that cannot be understood.
    """
    opened = open_source(source, reader=reader)
    reference = _reference(masks, opened.info.size_hw, objects)
    engine = engine or load_engine()
    return track_frames(opened.frames(), {0: reference.label_map}, engine)


def track_to_folder(
    source: str | Path,
    masks: MaskInput,
    output: str | Path,
    *,
    engine: Engine | Callable[[], Engine] | None = None,
    objects: Collection[int] | None = None,
    reader: Reader = "pyav",
    overlay: bool = True,
    alpha: float = 0.5,
    overwrite: bool = False,
    profile: bool = False,
    command: str = "",
    on_start: Callable[[SourceInfo, ReferenceMasks, Engine], None] | None = None,
    on_frame: Callable[[TrackedFrame], None] | None = None,
) -> TrackSummary:
    """Label every frame of a video and write masks, overlay and log to a folder.

    Files: ``masks/<name>.png`` (indexed, DAVIS palette), ``overlay.mp4`` and ``track.json``.
    ``alpha`` in [0, 1] is the strength of the overlay's fill. ``engine`` may be a function that
    loads one; it is called once the input is known to be good. ``profile`` finds out where the time
    goes and adds ``trace.json``, a Chrome trace. Raises what `track` raises, and OutputError for an
    output that exists or cannot be written. Finished masks stay if the run breaks off.
    """
    started = time.perf_counter()
    opened = open_source(source, reader=reader)
    reference = _reference(masks, opened.info.size_hw, objects)
    with Profile(Path(output) / TRACE) if profile else nullcontext(Clock()) as clock:
        folder = OutputFolder(
            Path(output),
            opened.info,
            overlay=overlay,
            alpha=alpha,
            overwrite=overwrite,
            clock=clock,
        )
        with clock.part("load"):
            loaded = engine if isinstance(engine, Engine) else (engine or load_engine)()
        if isinstance(clock, Profile):
            clock.compute = loaded.compute
        if on_start is not None:
            on_start(opened.info, reference, loaded)
        folder.describe(_facts(loaded, opened.info, reference, command))
        frames = track_frames(opened.frames(), {0: reference.label_map}, loaded, clock=clock)
        with folder, closing(frames):
            count = _write_all(frames, folder, on_frame)
            wall_seconds = time.perf_counter() - started
            folder.finish(_totals(loaded, clock, count, wall_seconds))
    return TrackSummary(
        output=folder.path,
        masks=folder.path / MASKS,
        overlay=folder.overlay_path,
        log=folder.path / LOG,
        frame_count=count,
        object_ids=reference.object_ids,
        wall_seconds=wall_seconds,
        warnings=(*reference.warnings, *folder.warnings),
        trace=clock.trace if isinstance(clock, Profile) else None,
        stages=clock.stages if isinstance(clock, Profile) else (),
    )


def _write_all(
    frames: Iterable[TrackedFrame],
    folder: OutputFolder,
    on_frame: Callable[[TrackedFrame], None] | None,
) -> int:
    """Write frames as they come, in a thread of its own; returns how many there were."""
    count = 0
    with Sink(folder.write) as sink:
        for tracked in frames:
            sink.put(tracked)
            count += 1
            if on_frame is not None:
                on_frame(tracked)
    return count


class Tracker:
    """Track frame by frame, for live sources: `start` with a mask, then `step`."""

    def __init__(self, engine: Engine | None = None) -> None:
        self._engine = engine or load_engine()
        self._state: Propagation | None = None
        self._count = 0

    def start(self, image: RgbImage, masks: MaskInput) -> TrackedFrame:
        """Begin a clip. ``image`` is (H, W, 3) uint8 RGB; ``masks`` shows each object on it."""
        reference = _reference(masks, (image.shape[0], image.shape[1]), None)
        self._state = Propagation(self._engine, self._engine.new_method())
        self._count = 0
        return self._advance(self._state, image, reference.label_map)

    def step(self, image: RgbImage) -> TrackedFrame:
        """Label the next picture, (H, W, 3) uint8 RGB of the size that the clip began with."""
        if self._state is None:
            raise RuntimeError("Tracker.step before Tracker.start: start with an image and masks")
        return self._advance(self._state, image, None)

    def _advance(
        self, state: Propagation, image: RgbImage, reference: LabelMap | None
    ) -> TrackedFrame:
        frame = Frame(self._count, f"{self._count:05d}", np.ascontiguousarray(image), 0.0)
        if state.previous is not None and state.previous.shape != frame.size_hw:
            raise ValueError(f"image: got {frame.size_hw}, expected {state.previous.shape} pixels")
        self._count += 1
        return state.advance(self._engine.encode(frame), reference)


def _reference(
    masks: MaskInput, size_hw: tuple[int, int], objects: Collection[int] | None
) -> ReferenceMasks:
    """Read the first masks, whatever they are given as."""
    return read_first_masks(masks, size_hw, objects=objects)


def _facts(
    engine: Engine, info: SourceInfo, reference: ReferenceMasks, command: str
) -> dict[str, Any]:
    """Say what was run on what, for the log."""
    settings = engine.settings
    return {
        "version": version("persam-vos"),
        "command": command,
        "weights": engine.weights,
        "device": str(engine.compute.device),
        "dtype": engine.compute.dtype_name,
        "method": settings.method,
        "recipe": settings.recipe,
        "without": sorted(settings.without),
        "input": asdict(info) | {"frames_per_second": str(info.frames_per_second)},
        "object_ids": list(reference.object_ids),
        "warnings": list(reference.warnings),
    }


def _totals(engine: Engine, clock: Clock, frame_count: int, wall_seconds: float) -> dict[str, Any]:
    """Say what a finished run took, for the log."""
    return {
        "frame_count": frame_count,
        "wall_seconds": round(wall_seconds, 3),
        "busy_seconds": {stage: round(s, 3) for stage, s in clock.seconds.items()},
        "peak_memory_bytes": peak_memory_bytes(engine.compute),
    }
