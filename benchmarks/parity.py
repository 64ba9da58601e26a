"""Does `--recipe upstream` write what the upstream programs wrote?

python -m benchmarks.parity --clips FOLDER --truth FOLDER [--cache FOLDER]

`--truth` holds `persam_f/CLIP/*.png`, `persam/CLIP/*.png`, `weights.json` and `scores.json`, made
by the upstream programs with the MobileSAM weights. Reports mean mask IoU per object over the first
10 frames and over the clip, the greatest difference of a scale weight, and J&F of both.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.clips import CachedEngine, Clip, find_clips
from benchmarks.results import facts, write_results
from persam_vos.config import MethodName, MethodSettings
from persam_vos.methods.persam_upstream import UpstreamMethod
from persam_vos.runtime.device import resolve_compute
from persam_vos.scoring.region import region_similarity
from persam_vos.scoring.sequence import score_sequence
from persam_vos.tracking.propagate import Propagation

PROGRAMS: dict[str, MethodName] = {"persam_f": "persam-f", "persam": "persam"}


def compare(clip: Clip, engine: CachedEngine, program: str, truth: Path) -> dict[str, Any]:
    """Run one clip and hold it against the label maps and weights of the upstream program."""
    state = Propagation.start(engine)
    method = state.step.method
    assert isinstance(method, UpstreamMethod)
    true_labels = list(clip.true_labels())
    pairs, agreement = [], []
    for frame in clip.frames():
        reference = true_labels[0] if frame.index == 0 else None
        labels = state.advance(engine.encode(frame), reference).label_map
        if frame.index == 0:
            continue
        theirs = np.asarray(Image.open(truth / program / clip.name / f"{frame.name}.png"))
        agreement.append([region_similarity(labels == i, theirs == i) for i in state.object_ids])
        if frame.index < len(true_labels) - 1:
            pairs.append((labels, true_labels[frame.index]))
    score = score_sequence(pairs, state.object_ids)
    scores = json.loads((truth / "scores.json").read_text())[program][clip.name]
    row: dict[str, Any] = {
        "iou_first_10": np.mean(agreement[:10], axis=0).round(4).tolist(),
        "iou_all": np.mean(agreement, axis=0).round(4).tolist(),
        "jf": round(100 * score.jf_mean, 2),
        "jf_upstream": round(100 * float(np.mean(list(scores.values()))), 2),
    }
    if program == "persam_f":
        fitted = json.loads((truth / "weights.json").read_text())[clip.name]
        row["weight_difference"] = max(
            round(float(np.abs(ours.numpy() - fitted[str(object_id)]).max()), 5)
            for object_id, ours in method.scale_weights.items()
        )
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, required=True, help="folder of the development sets")
    parser.add_argument("--truth", type=Path, required=True, help="what upstream wrote")
    parser.add_argument("--cache", type=Path, default=Path("runs/embeddings"))
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/parity.json"))
    args = parser.parse_args()
    table: dict[str, dict[str, Any]] = {}
    for program, method in PROGRAMS.items():
        settings = MethodSettings(method=method, recipe="upstream")
        engine = CachedEngine.load(settings, args.cache)
        names = tuple(sorted(path.name for path in (args.truth / program).iterdir()))
        for clip in find_clips(args.clips, names):
            row = compare(clip, engine, program, args.truth)
            table.setdefault(program, {})[clip.name] = row
            print(program, clip.name, row, flush=True)
    write_results(args.output, facts(resolve_compute().describe()) | {"programs": table})


if __name__ == "__main__":
    main()
