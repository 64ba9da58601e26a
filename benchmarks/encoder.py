"""Which runtime encodes a frame fastest on this CPU, and how close are its results to torch's?

python -m benchmarks.encoder [--clips FOLDER] [--repeats N] [--compile]

A few pictures of 16:9 at the default size, encoded in turn by every backend that is installed, so
that another load hits all of them alike. The floor is the encoder's arithmetic at the rate of a
large float32 matrix product, measured in the same run; that of int8 has the layers that are
quantized at the rate of a product of int8 matrices. Results are compared with torch's in float32,
on the first frames of development clips with ``--clips``, else of the demo clip.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.clips import find_clips
from benchmarks.machine import count_needs, measure_machine
from benchmarks.results import facts, write_results
from benchmarks.timing import measure, spread
from persam_vos.api import load_engine
from persam_vos.backends import Layers, make_encoder
from persam_vos.backends.calibration import load_calibration
from persam_vos.backends.export import Exportable
from persam_vos.config import BACKENDS
from persam_vos.demo.render import render_demo
from persam_vos.errors import PersamVosError
from persam_vos.files.progress import silent
from persam_vos.runtime.device import Compute
from persam_vos.sam.build import SamNetwork, keep_in
from persam_vos.sam.tiny_vit import TinyViT
from persam_vos.stages import encode
from persam_vos.structures import Frame, RgbImage

_PICTURES = 4
_CPU = Compute(torch.device("cpu"), torch.float32)


def pictures(clips: Path | None) -> Iterator[torch.Tensor]:
    """Prepare a few pictures as the encoder wants them."""
    if clips:
        images: list[RgbImage] = [clip.frame(0).image for clip in find_clips(clips)[:_PICTURES]]
    else:
        images = [np.ascontiguousarray(image) for image, _ in render_demo(_PICTURES)]
    yield from map(prepare, images)


def prepare(image: RgbImage) -> torch.Tensor:
    """Prepare a picture, (H, W, 3), as the encoder wants it, (1, 3, h, w)."""
    return encode.prepare(Frame(0, "", image, 0.0), _CPU, square=False).image


def runtimes(
    network: SamNetwork, first: torch.Tensor, *, compiled: bool
) -> tuple[dict[str, Layers], dict[str, float]]:
    """Make every runtime, and say how long that took, with the first picture encoded."""
    compute = Compute(torch.device("cpu"), torch.float32)
    makers: dict[str, Callable[[], Layers]] = {
        name: partial(_make_layers, name, network, compute) for name in BACKENDS if name != "auto"
    }
    makers["torch, bfloat16"] = lambda: (
        keep_in(copy.deepcopy(network), torch.bfloat16).encode_layers
    )
    if compiled:
        makers["torch.compile"] = lambda: torch.compile(network.encode_layers)
    made: dict[str, Layers] = {}
    started: dict[str, float] = {}
    for name, make in makers.items():
        start = time.perf_counter()
        try:
            made[name] = make()
        except PersamVosError as error:
            print(f"{name:20} {error}")
            continue
        made[name](first)
        started[name] = round(time.perf_counter() - start, 2)
    return made, started


def _make_layers(backend: str, network: SamNetwork, compute: Compute) -> Layers:
    return make_encoder(backend, network, compute, silent).layers


def floor_in_int8(encoder: TinyViT, image: torch.Tensor, flops_per_second: float) -> float:
    """Say what takes at least, in seconds, to encode with the layers in int8 that can be."""
    module = Exportable(encoder)
    with FlopCounterMode(display=False) as counter:
        module(image)
    counts = counter.get_flop_counts()
    rounded = sum(sum(counts[f"Exportable.{name}"].values()) for name in load_calibration(encoder))
    matrix = torch.ones((2048, 2048), dtype=torch.int8)
    times = measure(lambda: torch._int_mm(matrix, matrix), _CPU, repeats=5)
    rate = 2 * 2048**3 / min(times)
    print(f"{rounded / 1e9:.1f} GFLOP in int8 at {rate / 1e9:.0f} a second")
    return float(rounded / rate + (counter.get_total_flops() - rounded) / flops_per_second)


def distance(found: tuple[torch.Tensor, ...], truth: tuple[torch.Tensor, ...]) -> list[float]:
    """Return each layer's relative distance from torch's."""
    return [float((a.float() - b).norm() / b.norm()) for a, b in zip(found, truth, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, help="folder of the development sets")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--compile", action="store_true", help="torch.compile too: minutes")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/encoder.json"))
    args = parser.parse_args()
    engine = load_engine(device="cpu", dtype="float32", backend="torch")
    network, compute = engine.network, engine.compute
    encoder = network.image_encoder
    assert isinstance(encoder, TinyViT)
    images = list(pictures(args.clips))
    rows: dict[str, dict[str, Any]] = {}
    with torch.inference_mode():
        made, started = runtimes(network, images[0], compiled=args.compile)
        machine = measure_machine(compute)
        work = [encoder]
        needs = count_needs(lambda: network.encode_layers(images[0]), work, images[:1])
        floors = dict.fromkeys(made, machine.floor_seconds(needs))
        rounded = floor_in_int8(encoder, images[0], machine.flops_per_second)
        floors |= {name: rounded for name in made if name.endswith("int8")}
        truths = [network.encode_layers(image) for image in images]
        for name, layers in made.items():
            apart = [distance(layers(image), truths[k]) for k, image in enumerate(images)]
            rows[name] = {"relative_distance": np.max(apart, axis=0).tolist()}
        times: dict[str, list[float]] = {name: [] for name in made}
        for repeat in range(args.repeats):
            for name, layers in made.items():
                start = time.perf_counter()
                layers(images[repeat % len(images)])
                times[name].append(time.perf_counter() - start)
    for name, row in rows.items():
        row["seconds"] = spread(times[name])
        row["start_seconds"] = started[name]
        row["floor_seconds"] = round(floors[name], 4)
        row["times_floor"] = round(row["seconds"]["median"] / floors[name], 2)
        row["times_faster_than_torch"] = round(
            float(np.median(times["torch"]) / np.median(times[name])), 2
        )
        distances = ", ".join(f"{one:.1e}" for one in row["relative_distance"])
        print(
            f"{name:20}{1000 * row['seconds']['median']:8.0f} ms"
            f"{row['times_faster_than_torch']:7.2f} x torch{row['times_floor']:7.2f} x floor   "
            f"start {row['start_seconds']:.1f} s   neck, stage 1, stage 0 off by {distances}"
        )
    content = {
        "gflop": round(needs.flops / 1e9, 1),
        "gflops_per_second": round(machine.flops_per_second / 1e9, 1),
        "threads": torch.get_num_threads(),
        "runtimes": rows,
    }
    write_results(args.output, facts(compute.describe()) | content)


if __name__ == "__main__":
    main()
