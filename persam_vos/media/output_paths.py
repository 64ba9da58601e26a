"""Where the files of a run are in its output, and whether they may be written there."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from ..errors import OutputError, param
from ..files.output import refuse_unwritable, replaceable
from ..structures import SourceInfo
from .run_state import RESUME, RUN, SEGMENTS
from .track_log import listed_files

MASKS, OVERLAY, LOG, TRACE = "masks", "overlay.mp4", "track.json", "trace.json"
ALPHA, EXPORTS = "alpha", "exports"
_FILES = (OVERLAY, LOG, TRACE)


def alpha_path(folder: Path, object_id: int, name: str) -> Path:
    """Return where a run's soft mask of an object lies, on the frame of that name."""
    return folder / ALPHA / str(object_id) / f"{name}.png"


def check_output(
    path: Path,
    info: SourceInfo,
    *,
    overwrite: bool,
    resume: bool = False,
    inputs: Collection[Path] = (),
    others: Collection[str] = (),
) -> tuple[Path, ...]:
    """Raise OutputError for an output as `OutputFolder` does, but touch nothing.

    Returns the files of an earlier run that the new one will remove.
    """
    _refuse_source(path, info)
    refuse_unwritable(path)
    if not overwrite and not resume and (path / RESUME / RUN).exists():
        raise OutputError(
            param("output", path),
            got="a folder with a run that can be gone on with",
            expected="a folder without results",
            remedy=f"add {param('resume', True)} to go on with it or to correct it, or "
            f"{param('overwrite', True)} to replace it",
        )
    masks = [one for one in (path / MASKS).glob("*") if one.suffix.lower() == ".png"]
    alphas = [*(path / ALPHA).glob("*/*.png")]
    own = listed_files(path, LOG, MASKS, RESUME, alphas)
    if (path / RESUME / SEGMENTS).is_dir():  # killed when it had joined them, before its log
        own |= {path / OVERLAY}
    files = [path / name for name in (*_FILES, *others)]
    there = dict.fromkeys((*masks, *alphas, *files, *sorted(own)))
    return replaceable(path, there, own=own, overwrite=overwrite or resume, inputs=inputs)


def _refuse_source(path: Path, info: SourceInfo) -> None:
    """Raise OutputError if writing would replace the pictures that are read."""
    source = Path(info.path).resolve()
    for written in ((path / MASKS).resolve(), (path / OVERLAY).resolve()):
        if written in (source, *source.parents):
            raise OutputError(
                param("output", path),
                got=f"the folder whose {written.name} is the input",
                expected="a folder that does not hold the input",
                remedy="choose another folder",
            )
