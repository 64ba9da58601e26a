"""Run the tracker on the clips of a dataset, and score what it, or another tool, made.

What lies in OUTPUT afterwards; the report and `compare` read nothing else::

    results.json                   scores and what made them; the same bytes for the same run
    global_results-SPLIT.csv       the DAVIS toolkit's two tables
    per-sequence_results-SPLIT.csv
    report.html                    all this for a person: tables, curves, the worst frames
    run.json                       command, paths, times, memory: what differs between runs
    predictions/CLIP/00000.png     label maps (DAVIS palette), one a frame, named as the frame
    predictions/CLIP/clip.json     written last: proves that the clip is finished
    submission.zip                 instead of scores, where a split has first masks only
    .lock                          empty; keeps a second run out

``results.json`` is what ``scoring.results`` returns (``global``, ``notes``, ``sequences`` with
``frames``, ``objects``, ``J_per_frame``, ``F_per_frame``), and before that ``run``::

    {"dataset": "davis2017", "split": "val", "mode": "multi" or "single",
     "settings": {"program", "code", "torch", "method": {...}, "weights": {"name", FILE: sha256},
                  "device", "dtype", "mode"}}          # null where predictions were scored

``run.json``::

    {"version": 1, "complete": true, "command": "persam-vos eval ...", "dataset", "split", "mode",
     "root", "truth": folder of truth, "predictions": folder of predictions, "settings": as above,
     "workers", "wall_seconds", "failures": {CLIP: sentence},
     "clips": [{"name", "frame_count", "object_ids", "wall_seconds", "frames_per_second",
                "busy_seconds": {"read", "encode", "track", "write"}, "peak_memory_bytes",
                "reused": whether an earlier run made it}]}

Where predictions were scored, ``settings`` is null and ``clips`` is empty.
While a run goes on, or after it was killed, ``complete`` is false and there is no results.json.
Pictures are found with ``datasets.open_split(dataset, Path(root), split=split)``.

``clip.json``: ``{"version": 1, "name", "fingerprint": {"settings", "images": sha256,
"first_masks": sha256}, "masks": sha256, "facts": the clip's entry in run.json}``. A clip is reused
when the fingerprint is what it would be now and the masks are those it was written for.
"""

from .clip import ClipOutcome
from .report import write_report
from .results import GLOBAL, REPORT, RESULTS, RUN
from .run import EvalEvents, Evaluation, evaluate, evaluate_predictions

__all__ = [
    "GLOBAL",
    "REPORT",
    "RESULTS",
    "RUN",
    "ClipOutcome",
    "EvalEvents",
    "Evaluation",
    "evaluate",
    "evaluate_predictions",
    "write_report",
]
