"""Read exports by the libraries of other tools, in an environment of theirs; JSON to stdout.

``python read_by_importers.py FOLDER``: FOLDER has exports of one run, laid out as each tool wants
them, and ``masks.npz`` is written there: what COCO and CVAT's run lengths become. Not imported by
the tests: Datumaro and cvat-sdk bring an OpenCV of their own.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import datumaro
import motmetrics
import numpy as np
import trackeval
from cvat_sdk.masks import decode_mask

FOLDER = Path(sys.argv[1])


def frame_boxes(dataset: datumaro.Dataset, identity: str) -> dict[str, list[list[float]]]:
    """Return id, x, y, width and height of the boxes that are shown, by name of the frame."""
    return {
        item.id: [
            [float(one.attributes.get(identity, one.group)), *one.get_bbox()]
            for one in item.annotations
            if not one.attributes.get("outside", False)
        ]
        for item in dataset
    }


def coco_masks() -> dict[str, Any]:
    """Return the mask of each object and frame."""
    dataset = datumaro.Dataset.import_from(str(FOLDER / "coco"), "coco_instances")
    return {
        f"coco/{item.id}/{one.attributes['track_id']}": one.image
        for item in dataset
        for one in item.annotations
        if isinstance(one, datumaro.Mask)
    }


def cvat_masks(height: int, width: int) -> dict[str, Any]:
    """Return the same of the run lengths in CVAT's XML, by the decoder of its library."""
    found = {}
    root = ElementTree.parse(FOLDER / "cvat-masks.xml").getroot()
    for track in root.iter("track"):
        mask = next(track.iter("mask"))
        left, top, across, down = (int(mask.attrib[k]) for k in ("left", "top", "width", "height"))
        runs = [float(one) for one in mask.attrib["rle"].split(",")]
        points = [*runs, left, top, left + across - 1, top + down - 1]
        name = f"cvat/{mask.attrib['frame']}/{track.attrib['group_id']}"
        found[name] = decode_mask(points, image_width=width, image_height=height)
    return found


def trackeval_scores(frames: int) -> dict[str, float]:
    """Return the scores of the run against itself, by the evaluation of MOTChallenge."""
    quiet = {"PRINT_CONFIG": False}
    dataset = trackeval.datasets.MotChallenge2DBox(
        quiet
        | {
            "GT_FOLDER": str(FOLDER / "truth"),
            "TRACKERS_FOLDER": str(FOLDER / "trackers"),
            "SKIP_SPLIT_FOL": True,
            "SEQ_INFO": {"shots": frames},
            "DO_PREPROC": False,
        }
    )
    raw = dataset.get_raw_seq_data("ours", "shots")
    data = dataset.get_preprocessed_seq_data(raw, "pedestrian")
    hota = trackeval.metrics.HOTA().eval_sequence(data)
    clear = trackeval.metrics.CLEAR(quiet).eval_sequence(data)
    return {
        "frames": data["num_timesteps"],
        "ids": data["num_gt_ids"],
        "hota": float(min(hota[name].min() for name in ("HOTA", "DetA", "AssA"))),
        "mota": float(clear["MOTA"]),
        "wrong": float(clear["CLR_FN"] + clear["CLR_FP"] + clear["IDSW"]),
    }


def main() -> None:
    frames, height, width = (int(one) for one in sys.argv[2:])
    np.savez(FOLDER / "masks.npz", **coco_masks(), **cvat_masks(height, width))

    def opened(name: str, kind: str) -> datumaro.Dataset:
        return datumaro.Dataset.import_from(str(FOLDER / name), kind)

    mot = motmetrics.io.loadtxt(FOLDER / "mot/gt/gt.txt", fmt="mot15-2D").reset_index()
    told = {
        "cvat": frame_boxes(opened("cvat-boxes.xml", "cvat"), "group"),
        "mot": frame_boxes(opened("mot", "mot_seq"), "track_id"),
        "yolo": frame_boxes(opened("yolo", "yolo"), "none"),
        "motmetrics": mot[["FrameId", "Id", "X", "Y", "Width", "Height"]].to_numpy().tolist(),
        "trackeval": trackeval_scores(frames),
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
