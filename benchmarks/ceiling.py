"""What could choosing among the decoder's pieces give? J and F of masks chosen by the truth.

python -m benchmarks.ceiling --clips FOLDER [--only CLIP ...] [--every 2]

A clip is tracked as always. On every frame the memory's own mask is compared with what the decoder
offers: each connected piece in which they differ is taken or left, whichever is nearer to the
truth. Nothing is fed back, so this is what perfect choosing would gain frame by frame, without what
would follow from it. Masks are those of the low-resolution grid, the truth drawn on it too.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt
import torch

from benchmarks.clips import CachedEngine, Clip, find_clips
from benchmarks.results import command, facts, write_results
from persam_vos.config import MethodSettings
from persam_vos.geometry import LOGIT_CELL, Geometry
from persam_vos.methods.memory.strategy import Chosen, SparseStrategy
from persam_vos.methods.memory.tracker import MemoryMethod
from persam_vos.runtime.device import resolve_compute
from persam_vos.scoring.boundary import boundary_f
from persam_vos.scoring.region import region_similarity
from persam_vos.stages import mask_selection, targets
from persam_vos.stages.decode import Decoder
from persam_vos.structures import MaskCandidates, Prompts
from persam_vos.tracking.propagate import Propagation

SETS = ("davis16-dev", "davis16-new", "composites-dev")
MASKS = ("memory", "decoder", "fused", "own pieces", "one candidate", "all candidates")
"""Of the memory; the decoder's candidate that is taken; both mixed, as today; the memory without
those of its own pieces that are wrong; with the pieces of the candidate; of all candidates."""
SMALLEST_PIECE = 4  # cells of the low-resolution grid

Mask = npt.NDArray[np.bool_]


class Recorder(SparseStrategy):
    """Computes as always, and keeps what the memory read and the decoder offered."""

    def __init__(self) -> None:
        self.readout = torch.zeros(0)
        self.rows: list[int] = []
        self.offered: MaskCandidates | None = None

    def choose(
        self,
        mask: torch.Tensor,
        logits: torch.Tensor,
        trusted: torch.Tensor,
        compute: Callable[[torch.Tensor, torch.Tensor], Chosen],
    ) -> Chosen:
        """Note the readout, and for which objects the decoder is asked."""
        self.readout, self.rows, self.offered = logits, mask.nonzero()[:, 0].tolist(), None
        return super().choose(mask, logits, trusted, compute)

    def decode(
        self, decoder: Decoder, features: torch.Tensor, prompted: Prompts, logits: torch.Tensor
    ) -> MaskCandidates:
        """Note what the decoder offers."""
        self.offered = super().decode(decoder, features, prompted, logits)
        return self.offered


@dataclass(slots=True)
class Tally:
    """J and F of each kind of mask, and how much of the memory's mistakes the decoder knows."""

    region: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in MASKS})
    boundary: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in MASKS})
    missed: list[tuple[int, int, int]] = field(default_factory=list)
    """Cells of the truth, of those the memory misses, and of those the candidate has."""
    excess: list[tuple[int, int]] = field(default_factory=list)
    """Cells that the memory has too much, and of those the candidate lacks."""

    def add(self, masks: Mapping[str, Mask], truth: Mask) -> None:
        """Take in a frame's masks (H, W) of one object, by kind."""
        for name, mask in masks.items():
            self.region[name].append(region_similarity(mask, truth))
            self.boundary[name].append(boundary_f(mask, truth))
        memory, decoder = masks["memory"], masks["decoder"]
        missed, excess = truth & ~memory, memory & ~truth
        self.missed.append((int(truth.sum()), int(missed.sum()), int((missed & decoder).sum())))
        self.excess.append((int(excess.sum()), int((excess & ~decoder).sum())))

    def facts(self) -> dict[str, Any]:
        """Return the means, and the shares of what is missed or too much."""
        truth, missed, offered = np.sum(self.missed, axis=0)
        excess, lacking = np.sum(self.excess, axis=0)
        means = {
            name: {
                "J": round(float(np.mean(self.region[name])), 4),
                "F": round(float(np.mean(self.boundary[name])), 4),
            }
            for name in MASKS
        }
        return means | {
            "missed": round(float(missed / truth), 4),
            "missed that the decoder has": round(float(offered / max(1, missed)), 4),
            "excess": round(float(excess / truth), 4),
            "excess that the decoder lacks": round(float(lacking / max(1, excess)), 4),
        }


def pieces(difference: Mask) -> list[Mask]:
    """Cut what differs (H, W) into connected pieces that are not tiny."""
    count, labels, sizes, _ = cv2.connectedComponentsWithStats(difference.astype(np.uint8))
    return [
        labels == one for one in range(1, count) if sizes[one, cv2.CC_STAT_AREA] >= SMALLEST_PIECE
    ]


def chosen_by_truth(mask: Mask, differences: Sequence[Mask], truth: Mask) -> Mask:
    """Flip those pieces of each difference that bring a mask nearer to the truth, in turn."""
    for difference in differences:
        for piece in pieces(difference):
            flipped = mask ^ piece
            if region_similarity(flipped, truth) > region_similarity(mask, truth):
                mask = flipped
    return mask


def masks_of(
    readout: Mask, fused: Mask, best: Mask, offered: Sequence[Mask], truth: Mask
) -> dict[str, Mask]:
    """Return each kind of mask for one object on one frame, all (H, W)."""
    every = chosen_by_truth(readout, [readout], truth)
    for candidate in (best, *offered):
        every = chosen_by_truth(every, [every ^ candidate], truth)
    return {
        "memory": readout,
        "decoder": best,
        "fused": fused,
        "own pieces": chosen_by_truth(readout, [readout], truth),
        "one candidate": chosen_by_truth(readout, [readout ^ best], truth),
        "all candidates": every,
    }


@torch.inference_mode()
def tally_clip(clip: Clip, engine: CachedEngine, every: int) -> Tally:
    """Track a clip, and compare what was offered on every few frames with the truth."""
    state, recorder, tally = Propagation.start(engine), Recorder(), Tally()
    method = cast(MemoryMethod, state.step.method)
    method.strategy = recorder
    first = clip.labels(0)
    ids = [int(one) for one in np.unique(first) if one]
    geometry = Geometry(first.shape[:2], engine.settings.image_size)
    height, width = (side // LOGIT_CELL for side in geometry.patches_hw)
    for frame in clip.frames():
        state.advance(engine.encode(frame), None if frame.index else first)
        if frame.index == 0 or frame.index % every or frame.index == len(clip.images) - 1:
            continue
        labels = clip.labels(frame.index)
        truths = targets.grid_coverage(
            torch.from_numpy(np.stack([labels == one for one in ids])),
            input_hw=geometry.input_hw,
            grid_hw=(height, width),
            cell=LOGIT_CELL,
        )
        for row, truth in enumerate((truths >= 0.5).numpy()):
            tally.add(_offered_masks(recorder, row, engine.settings, truth), truth)
    return tally


def _offered_masks(
    recorder: Recorder, row: int, settings: MethodSettings, truth: Mask
) -> dict[str, Mask]:
    readout = recorder.readout[row]
    mask = (readout > 0).numpy()
    if row not in recorder.rows or recorder.offered is None:
        return dict.fromkeys(MASKS, mask)
    at = recorder.rows.index(row)
    logits = recorder.offered.low_res_logits[at : at + 1]
    iou = recorder.offered.predicted_iou[at : at + 1]
    best, *_ = mask_selection.best_candidate(logits, iou, readout[None])
    fused = mask_selection.fuse(best, readout[None], decoder_weight=settings.decoder_weight)
    offered = [(one > 0).numpy() for one in logits[0]]
    return masks_of(mask, (fused[0] > 0).numpy(), (best[0] > 0).numpy(), offered, truth)


def markdown(clips: Mapping[str, Mapping[str, Any]]) -> str:
    """Write J / F of each kind of mask per clip, in per cent, and the shares."""
    shares = [name for name in next(iter(clips.values())) if name not in MASKS]
    head = ["clip", *MASKS, *shares]
    lines = ["# What choosing among pieces could give", "", f"`{command()}`", "", "J / F.", ""]
    lines += [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    rows = [
        [f"{100 * row[name]['J']:.1f} / {100 * row[name]['F']:.1f}" for name in MASKS]
        + [f"{100 * row[name]:.0f} %" for name in shares]
        for row in clips.values()
    ]
    lines += [f"| {name} | {' | '.join(row)} |" for name, row in zip(clips, rows, strict=True)]
    means = [
        " / ".join(
            f"{100 * np.mean([row[name][part] for row in clips.values()]):.1f}"
            for part in ("J", "F")
        )
        for name in MASKS
    ]
    means += [f"{100 * np.mean([row[name] for row in clips.values()]):.0f} %" for name in shares]
    lines.append(f"| **mean of clips** | {' | '.join(means)} |")
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, required=True, help="folder of the clip sets")
    parser.add_argument("--sets", nargs="*", default=SETS, help="names of sets in it")
    parser.add_argument("--only", nargs="*", default=(), help="names of clips")
    parser.add_argument("--every", type=int, default=2, help="compare on every how many frames")
    parser.add_argument("--cache", type=Path, default=Path("runs/embeddings"))
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/ceiling.json"))
    args = parser.parse_args()
    engine = CachedEngine.load(MethodSettings(), args.cache)
    rows: dict[str, Any] = {}
    for clip in find_clips(args.clips, tuple(args.only), sets=args.sets):
        rows[clip.name] = tally_clip(clip, engine, args.every).facts()
        masks = "  ".join(f"{name} {100 * rows[clip.name][name]['J']:.1f}" for name in MASKS)
        print(f"{clip.name:24} J  {masks}", flush=True)
    write_results(args.output, facts(resolve_compute().describe()) | {"clips": rows})
    args.output.with_name(f"{args.output.stem}-table.md").write_text(markdown(rows))


if __name__ == "__main__":
    main()
