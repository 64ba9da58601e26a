"""Paths in, files out: what programs and the command line call."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from .checking.check import quick_warnings
from .config import MethodSettings
from .errors import UsageError
from .exports.run import Exported, OnStart, export_all, refuse_existing_exports
from .files.output import check_file
from .files.progress import ProgressCallback
from .media.output_folder import LOG, MASKS, TRACE, OutputFolder, check_output
from .media.read_options import Reader
from .media.reference_masks import MaskInput, ReferenceMasks, mask_files
from .media.visibility import Span
from .request import Direction, EngineChoice, TrackRequest
from .runtime.profiler import Profiler, StageTime
from .runtime.timer import StageTimer
from .structures import TrackedFrame
from .targets.target import Target
from .targets.target_file import write_target
from .tracking.drive import drive
from .tracking.engine import Engine
from .tracking.load import load_choice
from .tracking.plan import TrackPlan, input_files, plan_request
from .tracking.run_facts import late_facts, not_captured, run_facts, run_totals
from .tracking.start import make_references
from .tracking.target_refind import FoundAgain
from .tracking.target_search import OnLook, Sighting
from .tracking.targets import describe_target, read_pictures
from .weights.registry import DEFAULT_WEIGHTS

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrackSummary:
    """What a finished run wrote; produced by `track_to_folder`, consumed by the command line.

    ``absent`` has the first and last frame of each time that an object, by its id, was not seen;
    ``trace`` and ``stages`` say where the time went, if that was asked for; ``not_captured`` what
    ran slower on a GPU than it could, because it could not be captured as a graph, and why;
    ``exports`` are the files and folders of other formats that were asked for; ``sighting`` is what
    came of the search for a target, if there was one, and ``found_again`` what it found later.
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
    not_captured: dict[str, str] = field(default_factory=dict)
    exports: tuple[Path, ...] = ()
    sighting: Sighting | None = None
    found_again: tuple[FoundAgain, ...] = ()


@dataclass(frozen=True, slots=True)
class TrackStart:
    """What is known when tracking begins; produced by `track_to_folder` for its ``on_start``.

    ``frame_count`` is the number of frames to come, None where nobody knows; ``size_hw`` is their
    height and width in pixels. ``warnings`` are sentences for the user on the input; ``sighting``
    is what came of the search for a target, if there was one.
    """

    frame_count: int | None
    size_hw: tuple[int, int]
    reference: ReferenceMasks
    engine: Engine
    warnings: tuple[str, ...] = ()
    sighting: Sighting | None = None


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
    choice = EngineChoice(
        weights=weights,
        checkpoint=Path(checkpoint) if checkpoint else None,
        device=device,
        dtype=dtype,
        backend=backend,
        settings=settings or MethodSettings(),
    )
    return load_choice(choice, on_progress)


def track(
    source: str | Path | TrackRequest,
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

    What to track is said as in a `TrackRequest`, or by one, in place of ``source``, which
    can have prompts too. Yields a TrackedFrame for every frame on the way: from the start frame
    back to the first one, then forwards from the one after it; its ``index`` tells which it is.
    Closing or dropping the iterator ends the work. Raises UsageError, MediaError or MaskError for
    input that cannot be understood, such as a mask of a frame that does not exist; after the last
    frame, if only then it is known.

    >>> frames = track("clip.mp4", "first_mask.png", engine=engine)
    >>> [(frame.name, len(frame.objects)) for frame in frames]
    [('00000', 3), ('00001', 3)]
    """
    if isinstance(source, TrackRequest):
        if (masks, start_frame, later_masks, objects) != (None,) * 4:
            raise UsageError(
                "track", got="a request and more beside it", expected="all of it in the request"
            )
        request = source
    else:
        request = TrackRequest(
            source=source,
            masks=masks,
            start_frame=start_frame,
            later_masks=later_masks or {},
            direction=direction,
            objects=objects,
            reader=reader,
        )
    plan, _ = plan_request(request)
    engine = engine or load_engine()
    return make_references(plan, engine).frames(engine)


def check_request(
    request: TrackRequest, *, inputs: Collection[Path] = ()
) -> tuple[TrackPlan, ReferenceMasks]:
    """Find out all that can be wrong with input and output before a network is loaded.

    ``inputs`` are files that other requests read, beside those of this one. Raises MediaError or
    MaskError for input that cannot be understood, OutputError for an output that exists, that would
    replace an input, or that cannot be written.
    """
    plan, reference = plan_request(request)
    read = {*inputs, *input_files(request, plan.source)}
    check_output(request.folder, plan.source.info, overwrite=request.overwrite, inputs=read)
    return plan, reference


def track_to_folder(
    request: TrackRequest,
    *,
    engine: Engine | Callable[[], Engine] | None = None,
    on_start: Callable[[TrackStart], None] | None = None,
    on_frame: Callable[[TrackedFrame], None] | None = None,
    on_look: OnLook | None = None,
    on_export: OnStart = lambda _name, _count: None,
    on_export_frame: Callable[[], None] = lambda: None,
) -> TrackSummary:
    """Label every frame of a video and write masks, overlay and log to a folder.

    Files: ``masks/<name>.png`` (indexed, DAVIS palette), ``overlay.mp4`` and ``track.json``, of the
    frames that are on the way; ``trace.json``, a Chrome trace, where a profile is asked for;
    ``alpha/<id>/<name>.png`` where soft masks are; ``exports/`` where other formats are.
    ``engine`` may be a function that loads one; it is called once the input is known to be good.
    ``on_start`` and ``on_frame`` are called as tracking begins, and for each frame; ``on_look`` for
    each frame that was looked at for a target; ``on_export`` as each other format is begun, with its
    name and its number of frames, and ``on_export_frame`` for each of them. Raises what `track` raises, and OutputError for an
    output that exists or cannot be written. Finished masks stay if the run breaks off.

    >>> request = TrackRequest(source="clip.mp4", masks="first_mask.png", overlay=False)
    >>> summary = track_to_folder(request, engine=engine)
    >>> summary.frame_count, summary.object_ids, summary.masks.as_posix()
    (2, (1, 2, 3), 'clip_tracked/masks')
    """
    started = time.perf_counter()
    plan, reference = plan_request(request)
    profiled = Profiler(request.folder / TRACE) if request.profile else nullcontext(StageTimer())
    with profiled as timer:
        folder = _output_folder(request, plan, timer)
        loaded = _load(engine, timer)
        plan = make_references(plan, loaded, on_look)
        reference = _with_warnings(reference, quick_warnings(plan, loaded.settings))
        if on_start is not None:
            on_start(_start(plan, reference, loaded))
        facts = run_facts(loaded, plan, reference, request)
        folder.describe(facts, others=[TRACE] if request.profile else [])
        with folder:
            count = drive(plan, loaded, folder, timer=timer, on_frame=on_frame)
            wall_seconds = time.perf_counter() - started
            folder.finish(late_facts(plan) | run_totals(loaded, timer, count, wall_seconds))
    exported = export_all(
        folder.path,
        request.chosen_exports(),
        overwrite=request.overwrite,
        on_start=on_export,
        on_frame=on_export_frame,
    )
    _log.info("%s frames tracked in %.1f s, results in %s", count, wall_seconds, folder.path)
    summary = TrackSummary(
        output=folder.path,
        masks=folder.path / MASKS,
        overlay=folder.overlay_path,
        log=folder.path / LOG,
        frame_count=count,
        object_ids=reference.object_ids,
        wall_seconds=wall_seconds,
        warnings=_all_warnings(plan, reference, folder, exported),
        absent=folder.visibility.spans(),
        not_captured=not_captured(loaded, timer),
        exports=tuple(one.path for one in exported),
        sighting=plan.sighting,
        found_again=plan.found_again,
    )
    return _with_profile(summary, timer)


def _load(engine: Engine | Callable[[], Engine] | None, timer: StageTimer) -> Engine:
    """Return the engine, loaded if need be."""
    with timer.part("load"):
        loaded = engine if isinstance(engine, Engine) else (engine or load_engine)()
    if isinstance(timer, Profiler):
        timer.compute = loaded.compute
    return loaded


def _with_profile(summary: TrackSummary, timer: StageTimer) -> TrackSummary:
    """Add where the time went, if that was asked for."""
    if isinstance(timer, Profiler):
        return replace(summary, trace=timer.trace, stages=timer.stages)
    return summary


def _with_warnings(reference: ReferenceMasks, more: Iterable[str]) -> ReferenceMasks:
    return replace(reference, warnings=(*reference.warnings, *more))


def _all_warnings(
    plan: TrackPlan, reference: ReferenceMasks, folder: OutputFolder, exported: Iterable[Exported]
) -> tuple[str, ...]:
    """Return what the user should know of input, output and exports."""
    of_exports = (warning for one in exported for warning in one.warnings)
    return (*plan.source.warnings, *reference.warnings, *folder.warnings, *of_exports)


def _output_folder(request: TrackRequest, plan: TrackPlan, timer: StageTimer) -> OutputFolder:
    """Open the folder that a request's results go to."""
    exports, overwrite = request.chosen_exports(), request.overwrite
    refuse_existing_exports(request.folder, exports, overwrite=overwrite)
    return OutputFolder(
        request.folder,
        plan.source.info,
        overlay=request.overlay,
        alpha=request.alpha,
        overwrite=overwrite,
        timer=timer,
        inputs=input_files(request, plan.source),
        constant_rate=request.constant_rate,
    )


def fit_target(
    references: Sequence[tuple[str | Path, str | Path]],
    output: str | Path | None = None,
    *,
    engine: Engine | Callable[[], Engine] | None = None,
    overwrite: bool = False,
    on_warning: Callable[[str], None] = _log.warning,
) -> Target:
    """Learn objects from pictures and their masks, to find them in videos and other pictures.

    ``references`` are pairs of an image file and a mask file; the ids in the masks are the objects,
    the same id in several masks being the same object: pictures from several sides make it easier
    to find. A mask given as ``2=cat.png`` shows object 2. The target is written to the file
    ``output``, if there is one: safetensors, 4 MB at most. ``engine`` may be a function that loads
    one; ``on_warning`` is called with what was noticed about the masks. Raises MediaError or
    MaskError for pictures and masks that cannot be understood, OutputError for a file that exists
    (without ``overwrite``) or cannot be written.

    >>> target = fit_target([("photo.jpg", "photo.png")], engine=engine)
    >>> target.object_ids, len(target.references)
    ((1, 2, 3), 1)
    """
    path = None if output is None else Path(output)
    if path is not None:
        files = [Path(image) for image, _ in references]
        files += [one for _, mask in references for one in mask_files([mask])]
        check_file(path, overwrite=overwrite, inputs=files)
    pictures = read_pictures(references)
    for picture in pictures:
        for warning in picture.warnings:
            on_warning(warning)
    loaded = engine if isinstance(engine, Engine) else (engine or load_engine)()
    target = describe_target(pictures, loaded)
    if path is not None:
        write_target(path, target, overwrite=overwrite)
    return target


def _start(plan: TrackPlan, reference: ReferenceMasks, engine: Engine) -> TrackStart:
    """Say what is known as tracking begins."""
    warnings = (*plan.source.warnings, *reference.warnings)
    size_hw = plan.source.info.size_hw
    return TrackStart(plan.frame_count, size_hw, reference, engine, warnings, plan.sighting)
