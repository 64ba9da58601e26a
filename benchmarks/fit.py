"""How long does fitting the scale weights take, and what does decoding once save?

python -m benchmarks.fit

On the demo clip's first frame, per object: the whole fit of the default recipe (one decode and 1000
steps), the upstream recipe's fit on full-resolution logits decoded once (800 steps), and, measured
on a few steps, upstream's way of decoding in every step.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks.results import facts, write_results
from benchmarks.timing import measure, spread
from persam_vos.api import load_engine
from persam_vos.config import RECIPES, MethodSettings
from persam_vos.demo.render import render_demo
from persam_vos.structures import Encoded, Frame, LabelMap
from persam_vos.tracking.engine import Engine

_REPEATS = 5
_UPSTREAM_STEPS = 800


def fit_times(engine: Engine, encoded: Encoded, labels: LabelMap, object_id: int) -> list[float]:
    """Measure how many seconds it takes to describe an object and fit its scale weights."""

    def work() -> None:
        engine.new_method().add_reference(encoded, labels, (object_id,))

    return measure(work, engine.compute, repeats=_REPEATS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/fit.json"))
    args = parser.parse_args()
    base = load_engine(settings=MethodSettings(method="persam-f"))  # which encodes the square
    image, labels = next(iter(render_demo(1)))
    encoded = base.encode(Frame(0, "00000", image, 0.0))
    object_ids = tuple(int(i) for i in np.unique(labels) if i)
    rows = {}
    for recipe in RECIPES:
        engine = Engine(
            base.network, base.compute, MethodSettings(method="persam-f", recipe=recipe)
        )
        for object_id in object_ids:
            rows[f"{recipe}, object {object_id}"] = spread(
                fit_times(engine, encoded, labels, object_id)
            )
    # One step of the upstream loop decodes anew and scales three masks to full size; a frame's step
    # of the training-free recipe on one object is three such calls.
    free = Engine(base.network, base.compute, MethodSettings(method="persam", recipe="upstream"))
    method = free.new_method()
    method.add_reference(encoded, labels, object_ids[:1])
    features = method.features(encoded)
    steps = measure(
        lambda: method.propagate(features, encoded, labels), base.compute, repeats=_REPEATS
    )
    call = spread(steps)["median"] / 3
    content = {
        "seconds_per_object": rows,
        "seconds_of_one_upstream_step": round(call, 4),
        "seconds_of_the_upstream_loop_estimated": round(call * _UPSTREAM_STEPS, 1),
    }
    for name, value in rows.items():
        print(name, value)
    print(f"upstream loop, decoding in each of {_UPSTREAM_STEPS} steps: about {call * 800:.0f} s")
    write_results(args.output, facts(base.compute.describe()) | content)


if __name__ == "__main__":
    main()
