"""What is each mechanism of the memory worth? J, F and time with it, and without.

python -m benchmarks.ablation --clips FOLDER [--only CLIP ...] [--frames N] [--variants NAME ...]

A variant changes settings, or constants of modules, named in full. Times are of tracking alone:
encoding is the same for all.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.clips import CachedEngine, find_clips
from benchmarks.confidence import confidence_facts
from benchmarks.measure import Measured, measure
from benchmarks.results import command, facts, write_results
from persam_vos.config import MethodSettings
from persam_vos.geometry import Geometry
from persam_vos.runtime.device import resolve_compute
from persam_vos.stages.compose import scale
from persam_vos.structures import ObjectLogits, ScaledMasks


@dataclass(frozen=True, slots=True)
class Variant:
    """The memory method with other settings, or other constants (``module.NAME``: value)."""

    settings: MethodSettings = MethodSettings(method="memory")  # noqa: RUF009 - it is frozen
    constants: Mapping[str, Any] = field(default_factory=dict)


def scale_alone(
    objects: ObjectLogits, _: torch.Tensor, picture: torch.Tensor, *__: Any, **___: Any
) -> Iterator[ScaledMasks]:
    """Scale masks without the picture's colours, as the paper's methods do."""
    geometry = Geometry((picture.shape[0], picture.shape[1]))
    scaled = scale(objects, geometry.logit_weights(objects.low_res_logits))
    return (replace(one, values=one.values.sigmoid()) for one in scaled)


MEMORY = "persam_vos.methods.memory."
FEATURES, BANK, READOUT, SEARCH, TRACKER = (
    f"{MEMORY}{name}."
    for name in ("features", "memory_bank", "readout", "candidate_search", "tracker")
)
DEFAULT = "default"
VARIANTS = {
    DEFAULT: Variant(),
    "readout alone": Variant(MethodSettings(decoder_weight=0.0)),
    "decoder alone": Variant(MethodSettings(decoder_weight=1.0)),
    "never absent": Variant(MethodSettings(presence_threshold=0.0)),
    "never unrecognised": Variant(MethodSettings(recognition_threshold=0.0)),
    "fragments believed": Variant(MethodSettings(fragment_threshold=0.0)),
    "distance costs nothing": Variant(constants={TRACKER + "_PRIOR_STRENGTH": 0.0}),
    "decoder sees everything": Variant(
        constants={"persam_vos.stages.windowed_decode._MARGIN": 99.0}
    ),
    "everything trusted": Variant(MethodSettings(trust_threshold=0.0)),
    "references no dearer": Variant(
        constants={READOUT + "REFERENCE_BONUS": 0.0, READOUT + "S4_REFERENCE_BONUS": 0.0}
    ),
    "the last frame alone": Variant(constants={BANK + "AGES": (1,)}),
    "the last four frames": Variant(constants={BANK + "AGES": (1, 2, 3, 4)}),
    "nothing at stride 4": Variant(constants={READOUT + "_CERTAIN": 0.5}),
    "no colours": Variant(
        constants={FEATURES + "_COLOUR_WEIGHT": 0.0, FEATURES + "_S4_WEIGHTS": (0.5, 0.0)}
    ),
    "no thin structures": Variant(constants={"persam_vos.stages.thin_structures._GAIN": 0.0}),
    "upsampled without guide": Variant(
        constants={"persam_vos.tracking.step.guided_upsample": scale_alone}
    ),
    "all frames windowed": Variant(constants={SEARCH + "_WINDOWED": 16}),
    "half of the decoder": Variant(MethodSettings(decoder_weight=0.5)),
}


@contextmanager
def changed(constants: Mapping[str, Any]) -> Iterator[None]:
    """Give constants of modules other values, inside the block."""
    before = {}
    for name, value in constants.items():
        module, _, attribute = name.rpartition(".")
        before[name] = getattr(import_module(module), attribute)
        setattr(import_module(module), attribute, value)
    try:
        yield
    finally:
        for name, value in before.items():
            module, _, attribute = name.rpartition(".")
            setattr(import_module(module), attribute, value)


def summary(clips: Mapping[str, Measured]) -> dict[str, Any]:
    """Return the means over all objects and frames' times, and each clip's facts."""
    rows = {name: clip.facts() for name, clip in clips.items()}
    objects = [pair for row in rows.values() for pair in row["per_object"].values()]
    region, boundary = np.mean(objects, axis=0).round(4).tolist()
    return {
        "J": region,
        "F": boundary,
        "track_ms": round(float(np.median([clip.track_ms for clip in clips.values()])), 1),
        "auroc": confidence_facts(list(clips.values()))["auroc"],
        "clips": rows,
    }


def markdown(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Write one line per variant, in percent; differences to the first line in brackets."""
    base = next(iter(rows.values()))
    lines = [
        f"# With and without: means over the objects of {', '.join(base['clips'])}",
        "",
        f"`{command()}`",
        "",
        "| variant | J | F | J&F | ms per frame | AUROC of the score |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        cells = [
            *(f"{100 * row[key]:.1f} ({100 * (row[key] - base[key]):+.1f})" for key in "JF"),
            f"{50 * (row['J'] + row['F']):.1f}",
            f"{row['track_ms']:.0f}",
            str(row["auroc"]),
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, required=True, help="folder of the development sets")
    parser.add_argument("--only", nargs="*", default=(), help="names of clips")
    parser.add_argument("--frames", type=int, help="frames of each clip, from its first")
    parser.add_argument("--variants", nargs="*", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--cache", type=Path, default=Path("runs/embeddings"))
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/ablation.json"))
    args = parser.parse_args()
    clips = [clip.first(args.frames) for clip in find_clips(args.clips, tuple(args.only))]
    rows = {}
    for name in args.variants:
        variant = VARIANTS[name]
        engine = CachedEngine.load(variant.settings, args.cache)
        with changed(variant.constants):
            rows[name] = summary({clip.name: measure(clip, engine) for clip in clips})
        print(f"{name:24} J {rows[name]['J']:.3f} F {rows[name]['F']:.3f}", flush=True)
    write_results(args.output, facts(resolve_compute().describe()) | {"variants": rows})
    args.output.with_suffix(".md").write_text(markdown(rows))


if __name__ == "__main__":
    main()
