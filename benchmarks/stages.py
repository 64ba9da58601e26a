"""How far is each stage from what the machine allows?

python -m benchmarks.stages [--device cuda --weights-random vit-b vit-l vit-h] [--objects 1 8 50]

For encoding a frame, one decoder call and a whole step of tracking: counts the arithmetic and the
bytes, and holds the measured time against the floor that the machine's own matrix product and copy,
measured in the same run, set for them. A ratio of 1 would be a stage that does nothing but its
matrix products, as fast as the largest one. The clip is made of the demo clip.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.machine import Machine, Needs, count_needs, measure_machine
from benchmarks.results import facts, write_results
from benchmarks.tiled import render_tiled
from benchmarks.timing import measure, spread
from persam_vos.api import load_engine
from persam_vos.backends import torch_encoder
from persam_vos.config import MethodSettings
from persam_vos.runtime.device import Compute, forget_peak_memory, peak_memory_bytes
from persam_vos.runtime.oom_batcher import OomBatcher
from persam_vos.sam.build import build_sam, keep_in, random_state
from persam_vos.stages.decode import Decoder
from persam_vos.structures import Encoded, Frame, Prompts
from persam_vos.tracking.engine import Engine
from persam_vos.tracking.propagate import Propagation

_REMEMBERED = 16  # frames after which the memory holds as much as it ever does


def encode_row(engine: Engine, frame: Frame, machine: Machine, repeats: int) -> dict[str, Any]:
    """Measure encoding."""
    encoded = engine.encode(frame)
    arrays = [torch.from_numpy(frame.image), *_layers(encoded)]

    def work() -> object:
        return engine.encode(frame)

    counted = replace(engine, encoder=None)  # other runtimes do the same, unseen by torch
    modules = [engine.network.image_encoder]
    needs = count_needs(lambda: counted.encode(frame), modules, arrays)
    return _row(work, engine.compute, machine, repeats, needs)


def decode_row(
    engine: Engine, encoded: Encoded, objects: int, machine: Machine, repeats: int
) -> dict[str, Any]:
    """Measure one call of the decoder with a point, a box and a mask for each object."""
    decoder = Decoder(engine.network, engine.compute)
    features = encoded.features
    height, width = (4 * side for side in features.shape[-2:])
    prompts = Prompts(
        points_xy=torch.tensor([[(300.0, 200.0), (100, 100), (500, 300)]], device=features.device)
        .expand(objects, -1, -1)
        .contiguous(),
        point_labels=torch.tensor([[1, 2, 3]], device=features.device).expand(objects, -1),
        dense_logits=torch.zeros((objects, 1, height, width), device=features.device),
    )
    decoded = decoder(features, prompts)
    arrays = [features, prompts.dense_logits, decoded.low_res_logits]

    def work() -> object:
        return decoder(features, prompts)

    modules = [engine.network.prompt_encoder, engine.network.mask_decoder]
    return _row(work, engine.compute, machine, repeats, count_needs(work, modules, arrays))


def track_row(
    engine: Engine, frames: list[Frame], labels: np.ndarray, machine: Machine, repeats: int
) -> dict[str, Any]:
    """Measure what is done with an encoded frame: read out, decode, fuse, compose."""
    state = Propagation.start(engine)
    state.advance(engine.encode(frames[0]), labels)
    encoded = engine.encode(frames[1])
    for _ in range(_REMEMBERED):
        tracked = state.advance(encoded)

    def work() -> object:
        return state.advance(encoded)

    modules = [engine.network.prompt_encoder, engine.network.mask_decoder]
    arrays = [*_layers(encoded), torch.from_numpy(tracked.label_map)]
    return _row(work, engine.compute, machine, repeats, count_needs(work, modules, arrays))


def _layers(encoded: Encoded) -> list[torch.Tensor | None]:
    return [encoded.features, encoded.colours, encoded.layer_s8, encoded.layer_s4]


def _row(
    work: Callable[[], object], compute: Compute, machine: Machine, repeats: int, needs: Needs
) -> dict[str, Any]:
    forget_peak_memory(compute)
    seconds = spread(measure(work, compute, repeats=repeats))
    floor = machine.floor_seconds(needs)
    return {
        "seconds": seconds,
        "floor_seconds": round(floor, 6),
        "times_floor": round(seconds["median"] / floor, 2),
        "gflop": round(needs.flops / 1e9, 2),
        "least_mbytes": round(needs.least_bytes / 1e6, 2),
        "operation_mbytes": round(needs.operation_bytes / 1e6, 1),
        "peak_memory_bytes": peak_memory_bytes(compute),
    }


def random_engine(name: str, compute: Compute) -> Engine:
    """Make an engine of the size of some published weights, with random ones."""
    architecture = name.replace("-", "_")
    network = build_sam(architecture, random_state(architecture, 0)).to(compute.device)
    keep_in(network, compute.dtype)
    return Engine(
        network,
        compute,
        MethodSettings(),
        {"name": f"{name}, random"},
        encoder=torch_encoder(network, graphs=compute.static_shapes),
        encode_batcher=OomBatcher(compute.encode_batch_size),
    )


def measure_engine(
    engine: Engine, machine: Machine, objects: list[int], repeats: int
) -> dict[str, Any]:
    """Measure all stages of one network, and print them."""
    rows: dict[str, Any] = {}
    for count in objects:
        clip = render_tiled(count, steps=2)
        frames = [
            Frame(number, str(number), np.ascontiguousarray(image), 0.0)
            for number, (image, _) in enumerate(clip)
        ]
        if not rows:
            rows["encode"] = encode_row(engine, frames[0], machine, repeats)
        encoded = engine.encode(frames[0])
        rows[f"decode, {count}"] = decode_row(engine, encoded, count, machine, repeats)
        rows[f"track, {count}"] = track_row(engine, frames, clip[0][1], machine, repeats)
    for name, row in rows.items():
        seconds = row["seconds"]
        print(
            f"{engine.weights['name']:16}{name:12}{1000 * seconds['median']:10.2f} ms "
            f"({1000 * seconds['min']:.2f} to {1000 * seconds['max']:.2f})"
            f"{row['gflop']:10.1f} GFLOP{row['least_mbytes']:9.1f} MB"
            f"{row['times_floor']:8.2f} x floor",
            flush=True,
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--objects", type=int, nargs="*", default=[1, 8, 50])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--weights-random", nargs="*", default=[], metavar="NAME")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/stages.json"))
    args = parser.parse_args()
    engine = load_engine(device=args.device, dtype=args.dtype)
    compute = engine.compute
    machine = measure_machine(compute)
    print(
        f"{compute.describe()}: {machine.flops_per_second / 1e9:.0f} GFLOP/s, "
        f"{machine.bytes_per_second / 1e9:.1f} GB/s copied"
    )
    rows = {"mobile-sam": measure_engine(engine, machine, args.objects, args.repeats)}
    for name in args.weights_random:
        random = random_engine(name, compute)
        rows[f"{name}, random"] = measure_engine(random, machine, args.objects, args.repeats)
    content = {
        "threads": torch.get_num_threads(),
        "gflops_per_second": round(machine.flops_per_second / 1e9, 1),
        "gbytes_per_second": round(machine.bytes_per_second / 1e9, 2),
        "stages": rows,
    }
    write_results(args.output, facts(compute.describe()) | content)


if __name__ == "__main__":
    main()
