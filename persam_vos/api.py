"""Paths in, files out: what programs and the command line call."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from .backends import fitting_backends, make_encoder
from .config import MethodSettings
from .errors import UsageError
from .files.progress import silent
from .media.output_folder import LOG, MASKS, TRACE, OutputFolder
from .media.reader import Reader, open_source
from .media.reference import MaskInput, ReferenceMasks, read_reference_masks
from .media.visibility import Span
from .runtime.device import peak_memory_bytes, resolve_compute
from .runtime.oom_batcher import OomBatcher
from .runtime.ordered_writer import OrderedWriter
from .runtime.profiler import Profiler, StageTime
from .runtime.timer import StageTimer
from .sam.build import build_sam, keep_in
from .structures import Frame, LabelMap, RgbImage, TrackedFrame
from .tracking.engine import Engine
from .tracking.plan import Direction, TrackPlan, masks_by_frame
from .tracking.propagate import Propagation
from .weights import DEFAULT_WEIGHTS, ProgressCallback, load_weights


@dataclass(frozen=True, slots=True)
class TrackSummary:
    """What a finished run wrote; produced by `track_to_folder`, consumed by the command line.

    ``absent`` has the first and last frame of each time that an object, by its id, was not seen;
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
    absent: dict[int, list[Span]] = field(default_factory=dict)
    trace: Path | None = None
    stages: tuple[StageTime, ...] = ()


def load_engine(
    weights: str = DEFAULT_WEIGHTS,
    *,
    checkpoint: str | Path | None = None,
    device: str = "auto",
    dtype: str = "auto",
    backend: str = "auto",
    settings: MethodSettings | None = None,
    on_progress: ProgressCallback | None = None,
) -> Engine:
    """Load a network once, for any number of clips.

    ``weights`` is a name of ``persam-vos weights list``, fetched where needed; ``checkpoint`` a
    file that is used instead. ``device`` is auto, cpu, cuda, cuda:N or mps; ``dtype`` auto,
    float32, bfloat16 or float16. ``backend`` is what runs the encoder on a CPU: auto, torch, onnx,
    onnx-int8, openvino, openvino-bf16 or openvino-int8. Raises UsageError for a choice that is
    unknown or does not fit, WeightsError for weights that cannot be found, fetched or trusted.
    """
    settings = settings or MethodSettings()
    compute = resolve_compute(device, dtype)
    fitting_backends(backend, compute)  # what cannot work fails before weights are fetched
    loaded = load_weights(
        weights, checkpoint=Path(checkpoint) if checkpoint else None, on_progress=on_progress
    )
    network = build_sam(loaded.architecture, loaded.state).to(compute.device)
    keep_in(network, compute.dtype)
    if settings.image_size > network.largest_image:
        raise UsageError(
            "--image-size",
            got=f"{settings.image_size} with {loaded.name}",
            expected=f"at most {network.largest_image}, the size of its position embeddings",
            remedy="use --quality balanced, or --weights mobile-sam",
        )
    return Engine(
        network,
        compute,
        settings,
        {"name": loaded.name, **loaded.sha256},
        encoder=make_encoder(
            backend,
            network,
            compute,
            on_progress or silent,
            # In bfloat16 the public recipe's masks are no longer the public ones: IoU 0.76.
            exact=settings.method != "memory",
        ),
        encode_batcher=OomBatcher(compute.encode_batch_size),
    )


def track(
    source: str | Path,
    masks: MaskInput | None = None,
    *,
    start_frame: int | None = None,
    later_masks: Mapping[int, MaskInput] | None = None,
    direction: Direction = "both",
    engine: Engine | None = None,
    objects: Collection[int] | None = None,
    reader: Reader = "pyav",
) -> Iterator[TrackedFrame]:
    """Label every frame of a video, lazily; the input is checked at once.

    ``source`` is a video file, a folder of images or a glob; ``masks`` shows each object on frame
    ``start_frame``, the first one by default. ``later_masks`` has masks of other frames, by index
    from 0: they add objects or correct them from there on. Without ``masks``, its earliest frame is
    where tracking starts. ``direction`` is both, forward or backward from there; ``objects`` keeps
    some of the ids.

    Yields a TrackedFrame for every frame on the way: from the start frame back to the first one,
    then forwards from the one after it; its ``index`` tells which it is. Closing or dropping the
    iterator ends the work. Raises MediaError or MaskError for input that cannot be understood, such
    as a mask of a frame that does not exist; after the last frame, if only then it is known.
    """
    plan, _ = _plan(source, masks, start_frame, later_masks, direction, objects, reader)
    return plan.frames(engine or load_engine())


def track_to_folder(
    source: str | Path,
    masks: MaskInput | None,
    output: str | Path,
    *,
    start_frame: int | None = None,
    later_masks: Mapping[int, MaskInput] | None = None,
    direction: Direction = "both",
    engine: Engine | Callable[[], Engine] | None = None,
    objects: Collection[int] | None = None,
    reader: Reader = "pyav",
    overlay: bool = True,
    alpha: float = 0.5,
    overwrite: bool = False,
    profile: bool = False,
    command: str = "",
    on_start: Callable[[int | None, ReferenceMasks, Engine], None] | None = None,
    on_frame: Callable[[TrackedFrame], None] | None = None,
) -> TrackSummary:
    """Label every frame of a video and write masks, overlay and log to a folder.

    Files: ``masks/<name>.png`` (indexed, DAVIS palette), ``overlay.mp4`` and ``track.json``, of the
    frames that are on the way. What to track is said as to `track`. ``alpha`` in [0, 1] is the
    strength of the overlay's fill. ``engine`` may be a function that loads one; it is called once
    the input is known to be good. ``profile`` finds out where the time goes and adds
    ``trace.json``, a Chrome trace. ``on_start`` gets the number of frames to come, if known. Raises
    what `track` raises, and OutputError for an output that exists or cannot be written. Finished
    masks stay if the run breaks off.
    """
    started = time.perf_counter()
    plan, reference = _plan(source, masks, start_frame, later_masks, direction, objects, reader)
    info = plan.source.info
    with Profiler(Path(output) / TRACE) if profile else nullcontext(StageTimer()) as timer:
        folder = OutputFolder(
            Path(output), info, overlay=overlay, alpha=alpha, overwrite=overwrite, timer=timer
        )
        with timer.part("load"):
            loaded = engine if isinstance(engine, Engine) else (engine or load_engine)()
        if isinstance(timer, Profiler):
            timer.compute = loaded.compute
        if on_start is not None:
            on_start(plan.frame_count, reference, loaded)
        folder.describe(_facts(loaded, plan, reference, command))
        with folder:
            count = _write_plan(plan, loaded, folder, timer, on_frame)
            wall_seconds = time.perf_counter() - started
            folder.finish(_totals(loaded, timer, count, wall_seconds))
    return TrackSummary(
        output=folder.path,
        masks=folder.path / MASKS,
        overlay=folder.overlay_path,
        log=folder.path / LOG,
        frame_count=count,
        object_ids=reference.object_ids,
        wall_seconds=wall_seconds,
        warnings=(*reference.warnings, *folder.warnings),
        absent=folder.visibility.spans(),
        trace=timer.trace if isinstance(timer, Profiler) else None,
        stages=timer.stages if isinstance(timer, Profiler) else (),
    )


class Tracker:
    """Track frame by frame, for live sources: `start` with a mask, then `step`."""

    def __init__(self, engine: Engine | None = None) -> None:
        self._engine = engine or load_engine()
        self._state: Propagation | None = None
        self._count = 0

    def start(self, image: RgbImage, masks: MaskInput) -> TrackedFrame:
        """Begin a clip. ``image`` is (H, W, 3) uint8 RGB; ``masks`` shows each object on it."""
        reference = read_reference_masks({0: masks}, (image.shape[0], image.shape[1]))
        self._state = Propagation.start(self._engine)
        self._count = 0
        return self._advance(self._state, image, reference.label_maps[0])

    def step(self, image: RgbImage) -> TrackedFrame:
        """Label the next picture, (H, W, 3) uint8 RGB of the size that the clip began with."""
        if self._state is None:
            raise RuntimeError("Tracker.step before Tracker.start: start with an image and masks")
        return self._advance(self._state, image, None)

    def _advance(
        self, state: Propagation, image: RgbImage, reference: LabelMap | None
    ) -> TrackedFrame:
        frame = Frame(self._count, f"{self._count:05d}", np.ascontiguousarray(image), 0.0)
        if state.last is not None and state.last.frame.size_hw != frame.size_hw:
            size_hw = state.last.frame.size_hw
            raise ValueError(f"image: got {frame.size_hw}, expected {size_hw} pixels")
        self._count += 1
        return state.advance(self._engine.encode(frame), reference)


def _plan(
    source: str | Path,
    masks: MaskInput | None,
    start_frame: int | None,
    later_masks: Mapping[int, MaskInput] | None,
    direction: Direction,
    objects: Collection[int] | None,
    reader: Reader,
) -> tuple[TrackPlan, ReferenceMasks]:
    """Open the source, read all masks, and check that they fit together."""
    opened = open_source(source, reader=reader)
    start, by_frame = masks_by_frame(masks, start_frame, later_masks)
    reference = read_reference_masks(by_frame, opened.info.size_hw, objects=objects)
    return TrackPlan(opened, reference.label_maps, start, direction), reference


def _write_plan(
    plan: TrackPlan,
    engine: Engine,
    folder: OutputFolder,
    timer: StageTimer,
    on_frame: Callable[[TrackedFrame], None] | None,
) -> int:
    """Track and write both halves of a plan; returns how many frames there were."""
    count = 0
    if plan.has_backward:
        count += _write_all(plan.backward(engine, timer), folder.write_backwards, on_frame)
        folder.turn(plan.source.frames())
    if plan.has_forward:
        count += _write_all(plan.forward(engine, timer), folder.write, on_frame)
    return count


def _write_all(
    frames: Generator[TrackedFrame, None, None],
    write: Callable[[TrackedFrame], None],
    on_frame: Callable[[TrackedFrame], None] | None,
) -> int:
    """Write frames as they come; returns how many there were."""
    count = 0
    with closing(frames), OrderedWriter() as writer:
        for tracked in frames:
            writer.submit(partial(write, tracked))
            count += 1
            if on_frame is not None:
                on_frame(tracked)
    return count


def _facts(
    engine: Engine, plan: TrackPlan, reference: ReferenceMasks, command: str
) -> dict[str, Any]:
    """Say what was run on what, for the log."""
    settings, info = engine.settings, plan.source.info
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
        "input": asdict(info) | {"frames_per_second": str(info.frames_per_second)},
        "start_frame": plan.start,
        "direction": plan.direction,
        "mask_frames": sorted(reference.label_maps),
        "object_ids": list(reference.object_ids),
        "warnings": list(reference.warnings),
    }


def _totals(
    engine: Engine, timer: StageTimer, frame_count: int, wall_seconds: float
) -> dict[str, Any]:
    """Say what a finished run took, for the log."""
    return {
        "frame_count": frame_count,
        "wall_seconds": round(wall_seconds, 3),
        "busy_seconds": {stage: round(s, 3) for stage, s in timer.seconds.items()},
        "peak_memory_bytes": peak_memory_bytes(engine.compute),
    }
