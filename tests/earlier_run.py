"""What an earlier run left in an output."""

from __future__ import annotations

import json
from pathlib import Path

from persam_vos.media.run_state import RESUME, remove_state
from persam_vos.media.track_log import TrackLog


def write_log(folder: Path, *names: str, files: list[str] | None = None) -> None:
    """Write the log of a finished run with frames of these names."""
    log = TrackLog(folder / RESUME)
    for index, name in enumerate(names):
        log.append("forward", json.dumps({"index": index, "name": name}))
    log.write(folder / "track.json", {"files": files or []}, {"complete": True})
    log.close()
    remove_state(folder / RESUME)
