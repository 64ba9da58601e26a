"""What is each rule about regions worth? The kinds of clips that fail, without one rule at a time.

python -m benchmarks.region_ablation [--only NAME ...] [--rules NAME ...]

The clips are those of `benchmarks.hard_kinds`. The table has J&F of each kind, and in how many
frames a twin that was never given was in the mask.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from benchmarks.ablation import DEFAULT, MEMORY, changed
from benchmarks.clips import CachedEngine
from benchmarks.hard_kinds import by_kind, run_clip
from benchmarks.hard_kinds_clips import hard_clips, kind_of
from benchmarks.results import command, facts, write_results
from persam_vos.config import MethodSettings


def _nothing(cells: torch.Tensor, *_: Any) -> torch.Tensor:
    """Mark no cell, of masks or regions of them."""
    return torch.zeros_like(cells, dtype=torch.bool)


def _none_decided(kept: torch.Tensor, *_: Any) -> tuple[torch.Tensor, ...]:
    """Drop nothing, let nothing join, and find no region in doubt."""
    return _nothing(kept), _nothing(kept), _nothing(kept), _nothing(kept)


def _unchanged(first: torch.Tensor, *_: Any) -> torch.Tensor:
    return first


def _last(*arguments: torch.Tensor) -> torch.Tensor:
    return arguments[-1]


RULES: dict[str, dict[str, Any]] = {
    DEFAULT: {},
    "regions within pieces are not decided": {"distractors._decided": _none_decided},
    "pieces far apart stay": {"distractors._strays": _nothing},
    "decided in one frame": {"distractors.DECIDED": 0.5, "new_parts.DECIDED": 0.5},
    "what was dropped stays remembered": {"distractors._retract": lambda *_: None},
    "remains of it stay": {"distractors._remains": _nothing},
    "its rim stays": {"distractors._RIM": 0},
    "more of it, and pieces left of it, are nothing special": {
        "distractors._HANGS": 99.0,
        "distractors._LEFT": 99.0,
    },
    "dropped, however large the mask is": {"distractors._GROWN": 0.0},
    "propagated from frame to frame alone": {"distractors.propagate_slowly": _last},
    "no new parts": {"tracker.new_parts": _nothing},
    "every candidate may offer new parts": {"new_parts._ELSE": 99.0},
    "labels stay mixed": {"tracker.unmixed": _unchanged},
}


def twin_frames(clips: Mapping[str, Mapping[str, Any]]) -> int:
    """Count the frames in which a twin is in the mask."""
    return sum(clip.get("twin_frames", 0) for clip in clips.values())


def markdown(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Write one line per rule: J&F of each kind in percent, differences to the first line."""
    base = next(iter(rows.values()))
    kinds = list(base["kinds"])
    lines = [
        "# Rules about regions, without one at a time: J&F by kind",
        "",
        f"`{command()}`",
        "",
        "| | " + " | ".join(kinds) + " | frames with a twin |",
        "|---" * (len(kinds) + 2) + "|",
    ]
    for name, row in rows.items():
        cells = []
        for kind in kinds:
            value, usual = (100 * one["kinds"][kind]["J&F"] for one in (row, base))
            cells.append(f"{value:.1f}" if row is base else f"{value - usual:+.1f}")
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {twin_frames(row['clips'])} |")
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=(), help="names of clips, or kinds")
    parser.add_argument("--rules", nargs="*", default=list(RULES), choices=list(RULES))
    parser.add_argument("--cache", type=Path, default=Path("runs/embeddings"))
    parser.add_argument(
        "--output", type=Path, default=Path("benchmarks/results/region_ablation.json")
    )
    args = parser.parse_args()
    engine = CachedEngine.load(MethodSettings(), args.cache)
    chosen = [c for c in hard_clips() if not args.only or {c.name, kind_of(c.name)} & {*args.only}]
    rows = {}
    for rule in args.rules:
        print(f"## {rule}", flush=True)
        with changed({MEMORY + name: value for name, value in RULES[rule].items()}):
            clips = {clip.name: run_clip(clip, engine)[0] for clip in chosen}
        rows[rule] = {"kinds": by_kind(clips), "clips": clips}
    write_results(args.output, facts(engine.compute.describe()) | {"rules": rows})
    args.output.with_suffix(".md").write_text(markdown(rows))


if __name__ == "__main__":
    main()
