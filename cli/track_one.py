"""One video with its progress, for `track` and `demo`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .options import EngineOptions, load_engine
from .progress import Console
from .sandbox import files_of, look_first
from .stopping import Stopping

if TYPE_CHECKING:
    from persam_vos import TrackRequest, TrackSummary
    from persam_vos.runs.outcome import TrackStart


def track_one(
    console: Console, request: TrackRequest, engine: EngineOptions, *, sandbox: bool = False
) -> TrackSummary:
    """Track with progress on ``console``; the input is checked before weights are fetched.

    With ``sandbox``, another process opens it first.
    """
    if sandbox:
        look_first(files_of(request))
    from persam_vos import track_to_folder
    from persam_vos.tracking.target_search import in_words

    told, stopping = _Told(console), Stopping()
    with stopping.handled(), console.frames() as progress:

        def start(begun: TrackStart) -> None:
            told.warn(begun.warnings)
            if begun.engine.encoding.warning:
                console.warn(begun.engine.encoding.warning)
            if begun.sighting is not None:
                console.say(in_words(begun.sighting))
            told.say(begun.note)
            progress.start(about(begun), begun.frame_count, done=begun.kept_count)
            stopping.arm()

        def look(count: int) -> None:
            if count == 1:
                progress.start("looking for the target", None)
            progress.advance()

        summary = track_to_folder(
            request,
            engine=lambda: load_engine(console, engine),
            on_start=start,
            on_look=look,
            on_frame=lambda _: progress.advance(),
            on_export=lambda name, count: progress.start(f"export {name}", count),
            on_export_frame=progress.advance,
            should_stop=stopping,
        )
    told.say(summary.note)
    told.warn(summary.warnings)
    return summary


class _Told:
    """Says nothing twice."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said = {""}

    def warn(self, warnings: Iterable[str]) -> None:
        """Show warnings."""
        for warning in warnings:
            if warning not in self._said:
                self._console.warn(warning)
                self._said.add(warning)

    def say(self, words: str) -> None:
        """Show a line of information, if it is one."""
        if words not in self._said:
            self._console.say(words)
            self._said.add(words)


def about(begun: TrackStart) -> str:
    """Say for a bar how many objects are tracked on what."""
    count = len(begun.reference.object_ids)
    objects = "1 object" if count == 1 else f"{count} objects"
    return f"{objects}, {begun.engine.compute.describe()}"
