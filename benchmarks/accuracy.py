"""How accurate is each method, and does it know? J, F, identity swaps and the score's AUROC.

python -m benchmarks.accuracy --clips FOLDER [--sets NAME ...] [--backwards] [--masks FOLDER]

Backwards, clips begin with what they end with: other parts of an object are hidden, and come into
view. J and F are means over objects and frames, first and last frame left out, as in the DAVIS
toolkit. The masks are what `benchmarks.contact_sheet` shows.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.clips import SETS, CachedEngine, find_clips
from benchmarks.confidence import confidence_facts, confidence_lines
from benchmarks.measure import measure
from benchmarks.results import command, facts, write_results
from persam_vos.config import MethodSettings
from persam_vos.runtime.device import resolve_compute

Table = dict[str, dict[str, dict[str, dict[str, Any]]]]
"""Set, clip, variant: `Measured.facts`."""

VARIANTS = {
    "memory": MethodSettings(method="memory"),
    "persam": MethodSettings(method="persam"),
    "persam-f": MethodSettings(method="persam-f"),
    "upstream persam": MethodSettings(method="persam", recipe="upstream"),
    "upstream persam-f": MethodSettings(method="persam-f", recipe="upstream"),
}


def main() -> None:
    args = _arguments()
    clips = find_clips(args.clips, tuple(args.only), sets=args.sets)
    clips = [clip.backwards() for clip in clips] if args.backwards else clips
    table: Table = {}
    confidence = {}
    for variant in args.variants:
        engine = CachedEngine.load(VARIANTS[variant], args.cache)
        measured = []
        for clip in clips:
            masks = args.masks and args.masks / variant / clip.name
            found = measure(clip, engine, masks=masks)
            row = found.facts()
            print(
                f"{variant:16} {clip.name:32} J {row['J']:.3f} F {row['F']:.3f} "
                f"swaps {found.swaps}  {found.track_ms:.0f} ms a frame",
                flush=True,
            )
            table.setdefault(clip.set_name, {}).setdefault(clip.name, {})[variant] = row
            measured.append(found)
        confidence[variant] = confidence_facts(measured)
    write_results(
        args.output,
        facts(resolve_compute().describe()) | {"clips": table, "confidence": confidence},
    )
    text = markdown(table) + "\n".join(["", "## Confidence", "", *confidence_lines(confidence)])
    args.output.with_name(f"{args.output.stem}-table.md").write_text(text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, required=True, help="folder of the development sets")
    parser.add_argument("--sets", nargs="*", default=SETS, help="names of sets in it")
    parser.add_argument("--backwards", action="store_true", help="from the last frame to the first")
    parser.add_argument("--only", nargs="*", default=(), help="names of clips")
    parser.add_argument("--variants", nargs="*", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--masks", type=Path, help="write masks to FOLDER/VARIANT/CLIP")
    parser.add_argument("--cache", type=Path, default=Path("runs/embeddings"))
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/accuracy.json"))
    return parser.parse_args()


def markdown(table: Table) -> str:
    """Write J, F and J&F per clip and variant, in percent, with the mean of each set."""
    lines = ["# J / F / J&F per clip", "", f"`{command()}`", ""]
    for set_name, clips in table.items():
        variants = list(next(iter(clips.values())))
        lines += [
            f"| {set_name} | " + " | ".join(variants) + " |",
            "|---" * (len(variants) + 1) + "|",
        ]
        rows = {
            name: [(cells[variant]["J"], cells[variant]["F"]) for variant in variants]
            for name, cells in clips.items()
        }
        rows["**mean over objects**"] = [
            tuple(
                np.mean(
                    [score for c in clips.values() for score in c[variant]["per_object"].values()],
                    0,
                )
            )
            for variant in variants
        ]
        for name, scores in rows.items():
            cells = [f"{100 * j:.1f} / {100 * f:.1f} / {50 * (j + f):.1f}" for j, f in scores]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
