"""Files of others are looked at in a process of its own first, before this one opens them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from persam_vos import TrackRequest
    from persam_vos.media.sandbox import Untrusted

Outcome = TypeVar("Outcome")

sandbox_option = click.option(
    "--sandbox/--no-sandbox",
    default=True,
    show_default=True,
    help="Decode the first pictures in a process of its own first, so that a file which crashes a "
    "decoder, or takes all memory, ends with a line that says so.",
)

process_option = click.option(
    "--sandbox/--no-sandbox",
    default=True,
    show_default=True,
    help="Read the files in a process of its own, so that one which crashes a decoder ends with a "
    "line that says so.",
)


def in_another_process(work: Callable[[], Outcome]) -> Outcome:
    """Return what ``work``, a partial of a module's function, returns in another process.

    Raises what it raises, and WorkerError if the process ends early.
    """
    from persam_vos.runtime.process_pool import map_in_processes

    remedy = "do not trust the file"
    (outcome,) = map_in_processes(_call, [work], workers=1, start=_nothing, remedy=remedy)
    return outcome


def scoring_workers(workers: int, *, sandbox: bool) -> int:
    """Return how many processes read masks to score: none, but this one, where one would do."""
    return workers if sandbox or workers > 1 else 0


def _call(work: Callable[[], Outcome]) -> Outcome:
    return work()


def _nothing() -> None:
    pass


def look_first(files: Untrusted, *, meanwhile: str = "persam_vos.api") -> None:
    """Have another process decode files; meanwhile this one loads a module that takes as long.

    Raises MediaError for one that crashes it, or takes too much memory or time.
    """
    from persam_vos.media.sandbox import Probe

    with Probe(files) as probe:
        import_module(meanwhile)
        probe.result()


def look_at_each(sources: Sequence[str]) -> None:
    """Have another process decode any number of files; the bound of time is for each of them.

    Raises MediaError as `look_first` does.
    """
    from persam_vos.media.sandbox import ProbeAhead

    with ProbeAhead(sources) as probe:
        for index in range(len(sources)):
            probe.wait(index)


def files_of(request: TrackRequest) -> Untrusted:
    """Return the files that a request has opened."""
    from persam_vos.media.reference_masks import mask_files
    from persam_vos.media.sandbox import Untrusted

    shown = [request.masks, *request.later_masks.values(), *request.rough_masks.values()]
    masks = tuple(str(file) for masks in shown for file in mask_files(masks))
    return Untrusted(sources=(str(request.source),), masks=masks, options=request.reading)
