"""Is a subject learned better with masks than without, and does that depend on the batch?

PYTHONPATH=tests python -m benchmarks.dreambooth_batch [--batches 1 2 4 8] [--seeds 5] [--steps 40]

The tiny model of the tests, whose weights are random, learns a red subject before noise from one
photo, with masks and without, from the same crops, noise and timesteps. Told is the mean squared
error on the subject over the last ten steps, with masks as a share of that without. It says nothing
about real models.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from subject_photos import write_photos
from tiny_diffusion import save_tiny_sd
from train_settings import small_run

from benchmarks.results import facts, write_results
from persam_vos.dreambooth.extra import quiet_libraries
from persam_vos.dreambooth.trainer import TrainedStep
from persam_vos.dreambooth.training import TrainEvents, train

_LAST = 10
_UNMASKED = {"masks": 0.0, "whole photo": 1.0}


def error_on_subject(model: Path, photos: Path, output: Path, **changes: Any) -> float:
    """Train all weights, and return the mean error on the subject over the last steps."""
    steps: list[TrainedStep] = []
    shared = {"tune": "full", "learning_rate": 5e-3, "center_crop": True, "cache_latents": True}
    train(small_run(model, photos, output, **shared, **changes), TrainEvents(on_step=steps.append))
    return float(np.mean([one.inside for one in steps[-_LAST:]]))


def main(arguments: Sequence[str] | None = None) -> None:
    """Train with each batch and seed, with masks and without, and write what came of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument(
        "--output", type=Path, default=Path("benchmarks/results/dreambooth_batch.json")
    )
    args = parser.parse_args(arguments)
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch)
        with quiet_libraries():
            model = save_tiny_sd(base / "model")
        photos = write_photos(base / "subject", 1)
        for batch in args.batches:
            ratios = []
            for seed in range(args.seeds):
                errors = {
                    name: error_on_subject(
                        model,
                        photos,
                        base / f"{batch}-{seed}-{name}",
                        unmasked_weight=weight,
                        max_train_steps=args.steps,
                        train_batch_size=batch,
                        seed=seed,
                    )
                    for name, weight in _UNMASKED.items()
                }
                ratios.append(round(errors["masks"] / errors["whole photo"], 4))
            rows.append({"batch": batch, "error_with_masks_to_without": ratios})
            print(f"batch {batch}: {np.mean(ratios):.3f} of the error without masks, {ratios}")
    write_results(args.output, facts("cpu") | {"steps": args.steps, "rows": rows})


if __name__ == "__main__":
    main()
