"""How good is the memory on clips that its constants were not chosen on? Folds of clips say.

python -m benchmarks.cross_validation --clips FOLDER [--frames N] [--scores FILE]

Each variant of `VARIANTS` changes one constant of the method: up, down, or none. All are run on all
clips; then, for each of five folds, the variant with the best mean J&F on the other folds is taken,
and its J&F on the fold is what counts. Clips that show the same object are in one fold. The
constants of modules are changed in the running program, by `benchmarks.ablation.changed`, and given
back. Times are of no interest here, and not told.

J&F of each clip and variant are kept in ``--scores`` as they come; what is there already is not
tracked again. The folds hold what the present values gain over their neighbours, and no more: the
method itself was made with these clips in view.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.ablation import DEFAULT, MEMORY, READOUT, TRACKER, Variant, changed
from benchmarks.clips import CachedEngine, Clip, find_clips
from benchmarks.folds import FOLDS, SEED, folds
from benchmarks.measure import measure
from benchmarks.results import command, facts, write_results
from persam_vos.config import MethodSettings
from persam_vos.runtime.device import resolve_compute

Scores = dict[str, dict[str, float]]
"""J&F by variant, by clip."""


def _bonus(factor: float) -> Variant:
    """Change what references are dearer by, in whole pictures and in crops."""
    bonuses = {"REFERENCE_BONUS": 0.05, "S4_REFERENCE_BONUS": 0.06}
    modules = (READOUT, MEMORY + "crop_memory.")
    return Variant(
        constants={m + name: factor * value for m in modules for name, value in bonuses.items()}
    )


def _decided(frames: float) -> Variant:
    """Change how often a region has to have moved with the object, or apart from it."""
    return Variant(
        constants={MEMORY + f"{name}.DECIDED": frames for name in ("distractors", "new_parts")}
    )


VARIANTS = {
    DEFAULT: Variant(),
    "decoder weight 0.05": Variant(MethodSettings(decoder_weight=0.05)),
    "decoder weight 0.2": Variant(MethodSettings(decoder_weight=0.2)),
    "reference bonus x 0.5": _bonus(0.5),
    "reference bonus x 1.5": _bonus(1.5),
    "distance x 0.5": Variant(constants={TRACKER + "_PRIOR_STRENGTH": 5e-5}),
    "distance x 2": Variant(constants={TRACKER + "_PRIOR_STRENGTH": 2e-4}),
    "temperature 0.035": Variant(constants={READOUT + "_TEMPERATURE": 0.035}),
    "temperature 0.07": Variant(constants={READOUT + "_TEMPERATURE": 0.07}),
    "decided 1": _decided(1.0),
    "decided 2": _decided(2.0),
    "found again 0.6": Variant(constants={MEMORY + "distractors._LEAST_MATCHED": 0.6}),
    "found again 0.8": Variant(constants={MEMORY + "distractors._LEAST_MATCHED": 0.8}),
}


def main() -> None:
    args = _arguments()
    clips = [clip.first(args.frames) for clip in find_clips(args.clips, tuple(args.only))]
    engine = CachedEngine.load(MethodSettings(), args.cache)
    scores: Scores = json.loads(args.scores.read_text()) if args.scores.exists() else {}
    for clip in clips:
        row = scores.setdefault(clip.name, {})
        for name in args.variants:
            if name not in row:
                row[name] = _jf(clip, engine, VARIANTS[name])
                print(f"{clip.name:32} {name:24} J&F {row[name]:.4f}", flush=True)
                args.scores.parent.mkdir(parents=True, exist_ok=True)
                args.scores.write_text(json.dumps(scores, indent=1))
    chosen = {
        clip.name: {name: scores[clip.name][name] for name in args.variants} for clip in clips
    }
    found = cross_validate(chosen, folds(list(chosen), count=args.folds, seed=args.seed))
    content = {"frames": args.frames, "seed": args.seed} | found | {"clips": chosen}
    write_results(args.output, facts(resolve_compute().describe()) | content)
    args.output.with_suffix(".md").write_text(markdown(found, chosen))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, required=True, help="folder of the development sets")
    parser.add_argument("--only", nargs="*", default=(), help="names of clips")
    parser.add_argument("--frames", type=int, help="frames of each clip, from its first")
    parser.add_argument("--variants", nargs="*", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--folds", type=int, default=FOLDS)
    parser.add_argument("--seed", type=int, default=SEED, help="of the folds")
    parser.add_argument("--scores", type=Path, default=Path("runs/cross_validation.json"))
    parser.add_argument("--cache", type=Path, default=Path("runs/embeddings"))
    parser.add_argument(
        "--output", type=Path, default=Path("benchmarks/results/cross_validation.json")
    )
    return parser.parse_args()


def _jf(clip: Clip, engine: CachedEngine, variant: Variant) -> float:
    """Track a clip by a variant; return the mean of J and F over objects and frames."""
    with changed(variant.constants):
        score = measure(clip, replace(engine, settings=variant.settings)).score
    return round(float(score.region.mean() + score.boundary.mean()) / 2, 5)


def cross_validate(
    scores: Mapping[str, Mapping[str, float]], parts: Sequence[Sequence[str]]
) -> dict[str, Any]:
    """Choose the best variant on all folds but one, in turn, and hold it against that one.

    ``scores`` is J&F in [0, 1] by variant, by clip, the same variants for each; ``parts`` are the
    names of each fold's clips. Returned are means over clips: ``best`` is the variant that is best
    on all of them, ``chosen_on_all`` its J&F, and ``held_out`` that of the variants that were
    chosen without the clip. The first of equal variants is taken, so that it is the default.
    """
    rows: list[dict[str, Any]] = []
    held_out = []
    for held in parts:
        others = [name for part in parts if part is not held for name in part]
        best = _best(scores, others)
        held_out += [scores[name][best] for name in held]
        rows.append(
            {
                "clips": list(held),
                "chosen": best,
                "J&F_on_the_others": _mean(scores, others, best),
                "held_out": _mean(scores, held, best),
                "default": _mean(scores, held, DEFAULT) if DEFAULT in scores[held[0]] else None,
            }
        )
    names = [name for part in parts for name in part]
    best = _best(scores, names)
    return {
        "variants": {one: _mean(scores, names, one) for one in scores[names[0]]},
        "best": best,
        "chosen_on_all": _mean(scores, names, best),
        "held_out": round(float(np.mean(held_out)), 5),
        "folds": rows,
    }


def _best(scores: Mapping[str, Mapping[str, float]], names: Sequence[str]) -> str:
    return max(scores[names[0]], key=lambda one: _mean(scores, names, one))


def _mean(scores: Mapping[str, Mapping[str, float]], names: Sequence[str], variant: str) -> float:
    return round(float(np.mean([scores[name][variant] for name in names])), 5)


def markdown(found: Mapping[str, Any], scores: Mapping[str, Mapping[str, float]]) -> str:
    """Write what `cross_validate` found, in percent of J&F, and each variant beside the first."""
    means = found["variants"]
    lines = [
        f"# Constants chosen on other clips: J&F, means over {len(scores)} clips",
        "",
        f"`{command()}`",
        "",
        f"Chosen on all clips ({found['best']}): {100 * found['chosen_on_all']:.2f}. "
        f"Chosen without the clips that are measured: {100 * found['held_out']:.2f}.",
        "",
        "| fold | chosen on the others | there | held out | default |",
        "|---|---|---|---|---|",
    ]
    for row in found["folds"]:
        values = (row["J&F_on_the_others"], row["held_out"], row["default"])
        cells = ["" if value is None else f"{100 * value:.2f}" for value in values]
        lines.append(f"| {', '.join(row['clips'])} | {row['chosen']} | " + " | ".join(cells) + " |")
    first = next(iter(means))
    lines += [
        "",
        f"Against {first}, with the standard error of the difference over clips:",
        "",
        "| variant | J&F | difference | gains most | loses most |",
        "|---|---|---|---|---|",
    ]
    for name, mean in means.items():
        apart = {clip: 100 * (row[name] - row[first]) for clip, row in scores.items()}
        error = float(np.std(list(apart.values()), ddof=1)) / len(apart) ** 0.5
        ends = (max(apart, key=apart.__getitem__), min(apart, key=apart.__getitem__))
        cells = [f"{100 * mean:.2f}", f"{100 * (mean - means[first]):+.2f} ± {error:.2f}"]
        cells += [f"{clip} {apart[clip]:+.1f}" for clip in ends]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
