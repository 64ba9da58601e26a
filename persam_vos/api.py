"""Paths in, files out: what programs and the command line call."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

from .config import EncoderName, MethodSettings
from .errors import UsageError
from .exports.run import OnStart
from .files.output import check_file
from .files.progress import ProgressCallback
from .media.output_paths import check_output
from .media.read_options import Reader
from .media.reference_masks import MaskInput, ReferenceMasks, mask_files
from .request import Direction, EngineChoice, TrackRequest
from .runs.folder_run import RunEvents, run_to_folder
from .runs.outcome import TrackStart, TrackSummary
from .structures import TrackedFrame
from .targets.target import Target
from .targets.target_file import write_target
from .tracking.engine import Engine
from .tracking.load import load_choice
from .tracking.plan import TrackPlan, input_files, plan_request
from .tracking.start import make_references
from .tracking.target_search import OnLook
from .tracking.targets import describe_target, read_pictures
from .weights.registry import DEFAULT_WEIGHTS

_log = logging.getLogger(__name__)


def load_engine(
    weights: str = DEFAULT_WEIGHTS,
    *,
    checkpoint: str | Path | None = None,
    device: str = "auto",
    dtype: str = "auto",
    backend: str = "auto",
    settings: MethodSettings | None = None,
    encoder: EncoderName | Path = "sam",
    on_progress: ProgressCallback | None = None,
) -> Engine:
    """Load a network once, for any number of clips.

    ``weights`` is a name of ``persam-vos weights list``, fetched where needed; ``checkpoint`` a
    file that is used instead. ``device`` is auto, cpu, cuda, cuda:N or mps; ``dtype`` auto,
    float32, bfloat16 or float16. ``backend`` is what runs the encoder on a CPU: auto, torch, onnx,
    onnx-int8, openvino, openvino-bf16 or openvino-int8. ``encoder`` is what targets and photos are
    compared by: sam, dinov2-small, dinov2-base, dinov2-large, or the path of a DINOv2 or DINOv3
    file. Raises UsageError for a choice that is
    unknown or does not fit, WeightsError for weights that cannot be found, fetched or trusted.
    """
    choice = EngineChoice(
        weights=weights,
        checkpoint=Path(checkpoint) if checkpoint else None,
        device=device,
        dtype=dtype,
        backend=backend,
        settings=settings or MethodSettings(),
        encoder="sam" if isinstance(encoder, Path) else encoder,
        encoder_checkpoint=encoder if isinstance(encoder, Path) else None,
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
    check_output(
        request.folder,
        plan.source.info,
        overwrite=request.overwrite,
        resume=bool(request.resume),
        inputs=read,
    )
    return plan, reference


def track_to_folder(
    request: TrackRequest,
    *,
    engine: Engine | Callable[[], Engine] | None = None,
    on_start: Callable[[TrackStart], None] | None = None,
    on_frame: Callable[[TrackedFrame], None] | None = None,
    on_look: OnLook | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    on_export: OnStart = lambda _name, _count: None,
    on_export_frame: Callable[[], None] = lambda: None,
) -> TrackSummary:
    """Label every frame of a video and write masks, overlay and log to a folder.

    Files: ``masks/<name>.png`` (indexed, DAVIS palette), ``overlay.mp4`` and ``track.json``, of the
    frames that are on the way; ``trace.json``, a Chrome trace, where a profile is asked for;
    ``alpha/<id>/<name>.png`` where soft masks are; ``exports/`` where other formats are.
    ``engine`` may be a function that loads one; it is called once the input is known to be good.
    ``on_start`` and ``on_frame`` are called as tracking begins, and for each frame; ``on_look`` for
    each frame that was looked at for a target; ``on_export`` as each other format is begun, with
    its name and number of frames, and ``on_export_frame`` for each of them. When ``should_stop``
    says so, after a frame, its state is saved, and StoppedError raised. Raises what `track` raises,
    and OutputError for an output that exists, is being written by another run or cannot be written;
    CheckpointError for a run that cannot be gone on with. Finished masks stay if the run breaks
    off.

    >>> request = TrackRequest(source="clip.mp4", masks="first_mask.png", overlay=False)
    >>> summary = track_to_folder(request, engine=engine)
    >>> summary.frame_count, summary.object_ids, summary.masks.as_posix()
    (2, (1, 2, 3), 'clip_tracked/masks')
    """
    events = RunEvents(on_start, on_frame, on_look, should_stop, on_export, on_export_frame)
    return run_to_folder(request, engine or load_engine, events)


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
