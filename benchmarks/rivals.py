"""Track a folder of pictures in one of two other ways; a program that `benchmarks.speed` times.

python -m benchmarks.rivals upstream|predictor FRAMES FIRST_MASK OUTPUT [--epochs N] [--limit N]

``upstream`` is the published PerSAM-F program (see `benchmarks.upstream`). ``predictor`` is SAM's
own predictor as its examples show it: set each picture, then predict object by object from its last
box, and keep the mask with the best score. Writes label PNGs and says on its last line, as JSON,
how long each epoch and each frame took.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.predictor import load_predictor
from benchmarks.upstream import EPOCHS, UpstreamWay
from persam_vos.api import load_engine
from persam_vos.media.label_png import read_label_map, write_label_png
from persam_vos.runtime.device import peak_memory_bytes
from persam_vos.runtime.stream import synchronise
from persam_vos.stages.prompts import box_of
from persam_vos.structures import Box, LabelMap, RgbImage

WAYS = ("upstream", "predictor")


class PredictorWay:
    """Ask SAM's predictor for each object with its last box."""

    def __init__(self, predictor: Any) -> None:
        self._predictor = predictor
        self._boxes: dict[int, Box] = {}
        self.fit_seconds: list[float] = []
        self.untimed_seconds = 0.0

    def start(self, image: RgbImage, labels: LabelMap) -> None:  # noqa: ARG002 - as UpstreamWay's
        """Take the objects' boxes from the first mask."""
        for object_id in (int(i) for i in np.unique(labels) if i):
            box = box_of(labels == object_id)
            assert box is not None, "the object is there"
            self._boxes[object_id] = box

    def step(self, image: RgbImage, previous: LabelMap) -> LabelMap:
        """Label a frame after the one that has the labels ``previous``."""
        self._predictor.set_image(image)
        labels = np.zeros_like(previous)
        for object_id in self._boxes:
            self._boxes[object_id] = box_of(previous == object_id) or self._boxes[object_id]
            masks, scores, _ = self._predictor.predict(
                box=np.array(self._boxes[object_id]), multimask_output=True
            )
            labels[masks[scores.argmax()]] = object_id
        return labels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("frames", type=Path)
    parser.add_argument("first_mask", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="of the fit, per object")
    parser.add_argument("--limit", type=int, help="stop after this many frames")
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()
    engine = load_engine(device=args.device, dtype="float32", backend="torch")
    predictor = load_predictor(engine.network)
    way = UpstreamWay(predictor, args.epochs) if args.way == "upstream" else PredictorWay(predictor)
    args.output.mkdir(parents=True, exist_ok=True)
    labels = read_label_map(args.first_mask)
    frame_seconds = []
    for number, path in enumerate(sorted(args.frames.iterdir())[: args.limit]):
        started = time.perf_counter()
        image = np.asarray(Image.open(path).convert("RGB"))
        if number == 0:
            way.start(image, labels)
        else:
            labels = way.step(image, labels)
        write_label_png(args.output / f"{path.stem}.png", labels)
        synchronise(engine.compute.device)
        if number:
            frame_seconds.append(time.perf_counter() - started)
    facts = {
        "fit_seconds": way.fit_seconds,
        "frame_seconds": frame_seconds,
        "untimed_seconds": way.untimed_seconds,
        "peak_memory_bytes": peak_memory_bytes(engine.compute),
    }
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
