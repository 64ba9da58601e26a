"""Where a run goes on: what is there of it, and what of that still holds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from ..errors import CheckpointError, param
from ..media.output_paths import ALPHA, EXPORTS, LOG, MASKS
from ..media.run_state import RESUME, RUN, Kept
from ..media.track_log import Half, TrackLog, read_log
from .checkpoint import read_texts
from .run_identity import Identity, changed_frames, read_identity
from .target_refind import FoundAgain

RUN_TEXT = "run"
"""Name of a checkpoint's text that says what its run had found until then."""
IDENTITY = "identity"
"""Key of the log of a run under which its identity is."""


@dataclass(frozen=True, slots=True)
class HalfStart:
    """Where a half goes on: after its first ``count`` frames, from a checkpoint if there are any.

    ``complete`` tells that there is nothing to be tracked. ``found`` is what a target found until
    then. ``stale`` are files of its state that no longer hold.
    """

    count: int = 0
    checkpoint: Path | None = None
    complete: bool = False
    found: tuple[FoundAgain, ...] = ()
    stale: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Resumption:
    """What stays of an earlier run; made by `find_resumption`, consumed by `Checkpoints`.

    ``pictures`` of the overlay stay; ``note`` says for people what is done; ``finished`` that all
    is there and nothing changed.
    """

    halves: Mapping[Half, HalfStart] = field(default_factory=dict)
    pictures: int = 0
    note: str = ""
    finished: bool = False

    def start(self, half: Half) -> HalfStart:
        """Return where a half goes on."""
        return self.halves.get(half, HalfStart())

    @property
    def kept(self) -> Kept:
        """How much stays."""
        backward, forward = self.start("backward").count, self.start("forward").count
        return Kept(backward, forward, self.pictures)

    @property
    def stale(self) -> tuple[Path, ...]:
        """Files of the run's state that no longer hold."""
        return tuple(path for one in self.halves.values() for path in one.stale)


def find_resumption(
    output: Path, identity: Identity, *, has_backward: bool, anyway: bool
) -> Resumption:
    """Find out where the run in a folder goes on; touches nothing that it did.

    Raises CheckpointError for a run that was made from something else, see `changed_frames`.
    """
    log = read_log(output / LOG)
    state = output / RESUME
    before = read_identity(state / RUN) or log.get(IDENTITY)
    if before is None:
        if log:
            raise CheckpointError(
                f"{output}",
                got="a run of which nobody wrote down what it is of",
                expected="one of this version",
                remedy=f"add {param('overwrite', True)} to start again",
            )
        return Resumption(note="nothing to go on with: starting from the beginning")
    changed = changed_frames(before, identity, anyway=anyway)
    redrawn = before.get("overlay") != identity["overlay"]
    if log.get("complete") and not changed and not redrawn:
        return Resumption(note="nothing to do: the run is finished", finished=True)
    if not (state / RUN).exists():
        return Resumption(note="no checkpoint is left: starting from the beginning")
    frames = TrackLog(state)
    try:
        halves = {
            half: _half_start(output, frames, half, _on_the_way(half, changed, identity), identity)
            for half in get_args(Half)
        }
    finally:
        frames.close()
    in_order = not has_backward or halves["backward"].complete
    pictures = sum(one.count for one in halves.values()) if in_order and not redrawn else 0
    note = _note(halves, changed)
    if (output / EXPORTS).is_dir() and not identity["exports"]:
        note += f"; {EXPORTS}/ is left as it was: name formats by {param('exports')} to renew it"
    return Resumption(halves, pictures, note)


def done_mark(state: Path, half: Half) -> Path:
    """Return the file that says that all frames of a half were tracked."""
    return state / f"{half}-done.json"


def checkpoint_path(state: Path, half: Half, count: int) -> Path:
    """Return the file of the checkpoint behind the first ``count`` frames of a half."""
    return state / f"{half}-{count:08d}.safetensors"


def checkpoints_of(state: Path, half: Half) -> dict[int, Path]:
    """Return the checkpoints of a half, by how many frames are before them, in order."""
    found = {}
    for path in state.glob(f"{half}-*.safetensors"):
        match = re.fullmatch(rf"{half}-(\d+)", path.stem)
        if match:
            found[int(match[1])] = path
    return dict(sorted(found.items()))


def told(found: tuple[FoundAgain, ...] | list[FoundAgain]) -> str:
    """Write down what a target found, for `_found_in`."""
    return json.dumps([[one.frame, one.object_id, one.confidence] for one in found])


def _found_in(text: str) -> tuple[FoundAgain, ...]:
    return tuple(FoundAgain(*one) for one in json.loads(text))


def _on_the_way(half: Half, changed: frozenset[int], identity: Identity) -> frozenset[int]:
    """Return those of the frames that a half comes by, from the start frame on."""
    start, sign = identity["start_frame"], 1 if half == "forward" else -1
    return frozenset(frame for frame in changed if sign * frame >= sign * start)


def _half_start(
    output: Path, log: TrackLog, half: Half, changed: frozenset[int], identity: Identity
) -> HalfStart:
    """Return where a half goes on, given the frames on its way whose masks changed."""
    state, good, done = output / RESUME, 0, False
    soft = identity["keep_alpha"]
    for entry in log.entries(half):
        if _is_changed(entry["index"], half, changed) or not _is_there(output, entry, soft=soft):
            break
        good += 1
    else:
        done = True
    mark = done_mark(state, half)
    found = _mark(mark, good) if done else None
    if found is not None:
        return HalfStart(good, complete=True, found=found)
    stale = [mark]
    for count, path in reversed(checkpoints_of(state, half).items()):
        try:
            found = _found_in(read_texts(path)[RUN_TEXT])
        except (CheckpointError, KeyError, ValueError, TypeError):
            found = None
        if count <= good and found is not None:
            return HalfStart(count, path, found=found, stale=tuple(stale))
        stale.append(path)
    return HalfStart(stale=tuple(stale))


def _is_changed(index: int, half: Half, changed: frozenset[int]) -> bool:
    """Tell whether a frame depends on masks that changed: those that come before it."""
    if half == "forward":
        return any(frame <= index for frame in changed)
    return any(frame >= index for frame in changed)


def _is_there(output: Path, entry: Mapping[str, Any], *, soft: bool) -> bool:
    """Tell whether the mask of a frame is there, and its soft ones where there are such."""
    files = [output / MASKS / f"{entry['name']}.png"]
    if soft:
        ids = (str(one["id"]) for one in entry["objects"])
        files += [output / ALPHA / one / f"{entry['name']}.png" for one in ids]
    try:
        return all(file.stat().st_size > 0 for file in files)
    except OSError:
        return False


def _mark(path: Path, count: int) -> tuple[FoundAgain, ...] | None:
    """Return what a target found in a half, if the mark says that this is all of its frames."""
    try:
        mark = json.loads(path.read_text("utf-8"))
        return _found_in(mark["found"]) if mark["count"] == count else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _note(halves: Mapping[Half, HalfStart], changed: frozenset[int]) -> str:
    """Say what is done with each half."""
    parts = [f"masks of frame {', '.join(map(str, sorted(changed)))} changed"] if changed else []
    parts += list(_notes(halves))
    return "; ".join(parts)


def _notes(halves: Mapping[Half, HalfStart]) -> Iterator[str]:
    kept = sum(one.count for one in halves.values())
    yield f"{kept} frames are kept" if kept else "no checkpoint serves: starting from the beginning"
    for half, start in halves.items():
        if start.checkpoint is not None:
            yield f"going on {half} behind {start.count} of them"
