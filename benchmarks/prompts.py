"""What is a box, or a point, worth beside a finished mask? J of first masks, J&F of whole clips.

python -m benchmarks.prompts --clips FOLDER [--only CLIP ...] [--track [--frames N]]

The box is the tight one of the true mask of the first frame, the point its pixel that is farthest
from the outside. ``ways`` are steps towards what `persam-vos mask` does, the last of each kind.
With ``--track`` clips are tracked from the three first masks; each frame is encoded once. Results
are written clip by clip: what is there already is not made again, so that it can be interrupted.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.clips import Clip, find_clips
from benchmarks.results import command, facts, write_results
from persam_vos import Prompt, load_engine
from persam_vos.media.reference_prompts import FramePrompts
from persam_vos.scoring.region import region_similarity
from persam_vos.scoring.sequence import score_sequence
from persam_vos.stages.candidate_scores import box_fit, stability
from persam_vos.stages.prompts import box_of, inner_point
from persam_vos.structures import Encoded, LabelMap
from persam_vos.tracking.engine import Engine
from persam_vos.tracking.picture_view import PictureView
from persam_vos.tracking.prompted import WHOLE_BONUS, label_prompts
from persam_vos.tracking.propagate import Propagation

SETS = ("davis16-dev", "davis16-new")
KINDS = ("box", "point")

Way = Callable[[Engine, Encoded, Prompt], LabelMap]


def plain(engine: Engine, encoded: Encoded, prompt: Prompt) -> LabelMap:
    """Decode once in the whole picture; the scale of the highest predicted IoU."""
    return _whole_picture(engine, encoded, prompt, fitting=False)


def fitting(engine: Engine, encoded: Encoded, prompt: Prompt) -> LabelMap:
    """Decode the same, but choose by stability too, and by what was shown."""
    return _whole_picture(engine, encoded, prompt, fitting=True)


def final(engine: Engine, encoded: Encoded, prompt: Prompt) -> LabelMap:
    """Make the mask as `persam-vos mask` does."""
    return label_prompts(engine, FramePrompts({1: prompt}), None, encoded)


WAYS: Mapping[str, Way] = {"plain": plain, "fitting": fitting, "final": final}


@torch.inference_mode()
def _whole_picture(engine: Engine, encoded: Encoded, prompt: Prompt, *, fitting: bool) -> LabelMap:
    view = PictureView.whole(engine, encoded)
    decoded = view.decode([(x, y, 1) for x, y in prompt.points_xy], prompt.box_xyxy)
    logits, scores = decoded.low_res_logits[0, 1:], decoded.predicted_iou[0, 1:]
    masks = view.masks(logits)
    if fitting:
        box = prompt.box_xyxy
        scores = scores + stability(logits) + (WHOLE_BONUS if box is None else box_fit(masks, box))
    return masks[int(scores.argmax())].cpu().numpy().astype(np.uint8)


def prompt_of(truth: LabelMap, kind: str) -> Prompt:
    """Return what stands for a true mask."""
    box, point = box_of(truth > 0), inner_point(truth > 0)
    assert box is not None and point is not None
    return Prompt(box_xyxy=box) if kind == "box" else Prompt(points_xy=[point])


def first_masks(clip: Clip, engine: Engine) -> dict[str, Any]:
    """Measure J of the masks that each way makes of each kind of prompt."""
    encoded, truth = engine.encode(clip.frame(0)), clip.labels(0)
    found: dict[str, Any] = {}
    for kind in KINDS:
        prompt = prompt_of(truth, kind)
        found[kind] = {
            name: round(region_similarity(way(engine, encoded, prompt), truth), 4)
            for name, way in WAYS.items()
        }
    return found


def track(clip: Clip, engine: Engine) -> dict[str, Any]:
    """Track a clip from the true mask, and from the masks of a box and a point: J, F of each."""
    encoded, truth = engine.encode(clip.frame(0)), clip.labels(0)
    references = {"mask": truth} | {
        kind: final(engine, encoded, prompt_of(truth, kind)) for kind in KINDS
    }
    states = {name: Propagation.start(engine) for name in references}
    labels: dict[str, list[LabelMap]] = {name: [] for name in references}
    for frame in clip.frames():
        encoded = engine.encode(frame)
        for name, state in states.items():
            reference = references[name] if frame.index == 0 else None
            labels[name].append(state.advance(encoded, reference).label_map)
    truths = list(clip.true_labels())
    found = {}
    for name, made in labels.items():
        score = score_sequence(zip(made[1:-1], truths[1:-1], strict=True), (1,), name=clip.name)
        region, boundary = float(score.region.mean()), float(score.boundary.mean())
        found[name] = {
            "J": round(region, 4),
            "F": round(boundary, 4),
            "J&F": round((region + boundary) / 2, 4),
        }
    return found


def markdown(clips: Mapping[str, Any]) -> str:
    """Write a table of first masks, and one of tracked clips, in per cent."""
    names = [(kind, way) for kind in KINDS for way in WAYS]
    rows = {name: [row["first"][kind][way] for kind, way in names] for name, row in clips.items()}
    lines = ["# First masks of a box and of a point: J", "", f"`{command()}`", ""]
    lines += _table([f"{kind}, {way}" for kind, way in names], rows)
    tracked = {
        name: [row["tracked"][kind]["J&F"] for kind in ("mask", *KINDS)]
        for name, row in clips.items()
        if "tracked" in row
    }
    if tracked:
        lines += ["", "# Whole clips from them: J&F", ""]
        lines += _table(["true mask", *KINDS], tracked)
    return "\n".join([*lines, ""])


def _table(columns: list[str], rows: Mapping[str, list[float]]) -> list[str]:
    lines = [f"| clip | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    means = np.mean(list(rows.values()), axis=0).tolist()
    for name, row in {**rows, "**mean**": means}.items():
        lines.append(f"| {name} | " + " | ".join(f"{100 * value:.1f}" for value in row) + " |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, required=True, help="folder of the development sets")
    parser.add_argument("--only", nargs="*", default=(), help="names of clips")
    parser.add_argument("--track", action="store_true", help="track whole clips, too")
    parser.add_argument("--frames", type=int, help="the first frames alone")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/prompts.json"))
    args = parser.parse_args()
    engine = load_engine()
    known: dict[str, Any] = {}
    if args.output.exists():
        known = json.loads(args.output.read_text())["clips"]
    for clip in find_clips(args.clips, tuple(args.only), sets=SETS):
        row = known.setdefault(clip.name, {"set": clip.set_name})
        if "first" not in row:
            row["first"] = first_masks(clip, engine)
        if args.track and "tracked" not in row:
            row["tracked"] = track(clip.first(args.frames), engine)
        print(clip.name, json.dumps(row), flush=True)
        write_results(args.output, facts(engine.compute.describe()) | {"clips": known})
    args.output.with_name(f"{args.output.stem}-table.md").write_text(markdown(known))
    print(markdown(known))


if __name__ == "__main__":
    main()
