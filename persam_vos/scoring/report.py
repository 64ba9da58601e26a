"""The scores as files: the toolkit's two CSV files, byte for byte, and everything as JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from ..files.limits import read_json
from .sequence import SequenceScore, SplitScore, Statistics

RESULTS_FILE = "results.json"
RESULTS_VERSION = 1

_GLOBAL_COLUMNS = (
    "J&F-Mean", "J-Mean", "J-Recall", "J-Decay", "F-Mean", "F-Recall", "F-Decay",
)  # fmt: skip
_SEQUENCE_COLUMNS = ("Sequence", "J-Mean", "F-Mean")


def report_file_names(set_name: str = "val") -> tuple[str, str, str]:
    """Return the names of the report's files: the toolkit's two CSV files, then the JSON file.

    ``set_name`` is the split in the names of the CSV files, as the toolkit has it.
    """
    return f"global_results-{set_name}.csv", f"per-sequence_results-{set_name}.csv", RESULTS_FILE


def report_files(score: SplitScore, set_name: str = "val") -> dict[str, str]:
    """Return the report as file names (``report_file_names``) and their texts."""
    everything = json.dumps(results(score), indent=1, allow_nan=False) + "\n"
    texts = global_csv(score), per_sequence_csv(score), everything
    return dict(zip(report_file_names(set_name), texts, strict=True))


def own_report_files(folder: Path, names: Collection[str]) -> tuple[Path, ...]:
    """Return the paths of the files ``names`` where an earlier report's JSON file vouches for them.

    The toolkit names its tables alike: without a ``results.json`` of ours they are somebody's own.
    """
    try:
        told = read_json(folder / RESULTS_FILE)
        ours = told["version"] == RESULTS_VERSION and {"global", "sequences"} <= told.keys()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ()
    return tuple(folder / name for name in names) if ours else ()


def global_csv(score: SplitScore) -> str:
    """Return the toolkit's table of the split: one row, three decimals."""
    return _csv(_GLOBAL_COLUMNS, [[f"{value:.3f}" for value in _global_row(score)]])


def per_sequence_csv(score: SplitScore) -> str:
    """Return the toolkit's table of objects, named ``clip_id``: J and F mean, three decimals."""
    rows = [
        [f"{clip.name}_{object_id}", f"{region.mean:.3f}", f"{boundary.mean:.3f}"]
        for clip in score.sequences
        for object_id, region, boundary in zip(
            clip.object_ids, clip.region_statistics, clip.boundary_statistics, strict=True
        )
    ]
    return _csv(_SEQUENCE_COLUMNS, rows)


def results(score: SplitScore) -> dict[str, Any]:
    """Return everything, per frame too and unrounded, as JSON values.

    ``J`` and ``F`` are ``{mean, recall, decay}``; ``J_per_frame`` and ``F_per_frame`` go with the
    ``frames`` of their clip; ``notes`` are sentences about what the scores do not show.
    """
    return {
        "version": RESULTS_VERSION,
        "global": {
            "J&F-Mean": score.jf_mean,
            "J": _statistics(score.region),
            "F": _statistics(score.boundary),
        },
        "notes": list(score.notes),
        "sequences": [_sequence(clip) for clip in score.sequences],
    }


def _sequence(clip: SequenceScore) -> dict[str, Any]:
    """Return one clip as JSON values."""
    objects = [
        {
            "id": object_id,
            "J": _statistics(region),
            "F": _statistics(boundary),
            "J_per_frame": clip.region[:, k].tolist(),
            "F_per_frame": clip.boundary[:, k].tolist(),
        }
        for k, (object_id, region, boundary) in enumerate(
            zip(clip.object_ids, clip.region_statistics, clip.boundary_statistics, strict=True)
        )
    ]
    return {
        "name": clip.name,
        "J&F-Mean": clip.jf_mean,
        "notes": list(clip.notes),
        "frames": list(clip.frame_names),
        "objects": objects,
    }


def _statistics(values: Statistics) -> dict[str, float]:
    """Return statistics as JSON values."""
    return {"mean": values.mean, "recall": values.recall, "decay": values.decay}


def _global_row(score: SplitScore) -> tuple[float, ...]:
    """Return the numbers of the split in the order of the toolkit's columns."""
    region, boundary = score.region, score.boundary
    return (
        score.jf_mean,
        *(region.mean, region.recall, region.decay),
        *(boundary.mean, boundary.recall, boundary.decay),
    )


def _csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table as CSV text with Unix line ends."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()
