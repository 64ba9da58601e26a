"""Paths in, files out: the promise of the package."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from demo_clip import DemoFrames, RememberingEngine, overlap
from earlier_run import write_log
from PIL import Image

import persam_vos
from persam_vos import MethodSettings, TrackRequest, load_engine, track, track_to_folder
from persam_vos.errors import MaskError, MediaError, OutputError, UsageError, WeightsError
from persam_vos.media.label_png import read_label_map, write_label_png
from persam_vos.media.reader import open_source

QUICK = MethodSettings(method="persam-f", without=frozenset({"refinement"}), fit_steps=20)


@pytest.fixture
def fast(engine: RememberingEngine) -> RememberingEngine:
    return replace(engine, settings=QUICK)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, demo_frames: DemoFrames) -> Path:
    """A folder of three pictures, and beside it their first mask: objects 2 and 3 of the demo."""
    base = tmp_path_factory.mktemp("clip")
    (base / "frames").mkdir()
    for name, frame in zip(("shot9", "shot10", "shot11"), demo_frames.frames, strict=False):
        Image.fromarray(frame.image).save(base / "frames" / f"{name}.png")
    labels = demo_frames.labels[0]
    write_label_png(base / "mask.png", np.where(labels > 1, labels, 0).astype(np.uint8))
    return base


@pytest.mark.parametrize("name", persam_vos.__all__)
def test_what_is_promised_is_there(name: str) -> None:
    assert getattr(persam_vos, name) is not None


def test_the_promise_is_sorted_and_unknown_names_are_an_error() -> None:
    assert persam_vos.__all__ == sorted(persam_vos.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = persam_vos.nothing


def test_files_and_lazy_frames_have_the_same_masks(
    clip: Path, tmp_path: Path, fast: RememberingEngine
) -> None:
    seen: list[int] = []
    request = TrackRequest(
        source=clip / "frames",
        masks=clip / "mask.png",
        output=tmp_path / "out",
        command="a test",
    )
    summary = track_to_folder(
        request, engine=fast, on_frame=lambda tracked: seen.append(tracked.index)
    )
    names = ["shot9", "shot10", "shot11"]
    assert (summary.frame_count, summary.object_ids, seen) == (3, (2, 3), [0, 1, 2])
    assert summary.masks.is_dir()
    assert summary.overlay is not None
    assert summary.overlay.is_file()
    lazy = list(track(clip / "frames", clip / "mask.png", engine=fast))
    for name, one in zip(names, lazy, strict=True):
        assert one.name == name
        np.testing.assert_array_equal(read_label_map(summary.masks / f"{name}.png"), one.label_map)
    log = json.loads(summary.log.read_text())
    assert log["complete"] is True
    assert [frame["name"] for frame in log["frames"]] == names
    assert log["input"]["kind"] == "images"
    assert log["object_ids"] == [2, 3]
    assert set(log["busy_seconds"]) == {"read", "encode", "track", "write"}
    assert log["peak_memory_bytes"] > 1e8


def test_a_clip_from_its_middle_has_masks_of_all_frames_in_order(
    clip: Path, tmp_path: Path, fast: RememberingEngine, demo_frames: DemoFrames
) -> None:
    middle = np.where(demo_frames.labels[1] == 2, 2, 0).astype(np.uint8)
    given: dict[str, Any] = {
        "start_frame": 1,
        "later_masks": {2: {30: demo_frames.labels[2] == 3}},
    }
    totals: list[int | None] = []
    seen: list[int] = []
    summary = track_to_folder(
        TrackRequest(source=clip / "frames", masks=middle, output=tmp_path / "out", **given),
        engine=fast,
        on_start=lambda begun: totals.append(begun.frame_count),
        on_frame=lambda tracked: seen.append(tracked.index),
    )
    assert (totals, seen, summary.frame_count) == ([3], [1, 0, 2], 3)
    assert summary.object_ids == (2, 30)
    lazy = {frame.index: frame for frame in track(clip / "frames", middle, engine=fast, **given)}
    assert list(lazy) == [1, 0, 2]
    log = json.loads(summary.log.read_text())
    assert log["complete"] is True
    assert (log["start_frame"], log["direction"], log["mask_frames"]) == (1, "both", [1, 2])
    assert [entry["index"] for entry in log["frames"]] == [0, 1, 2]
    assert [len(entry["objects"]) for entry in log["frames"]] == [1, 1, 2]
    for entry in log["frames"]:
        labels = read_label_map(summary.masks / f"{entry['name']}.png")
        np.testing.assert_array_equal(labels, lazy[entry["index"]].label_map)
        assert overlap(labels, demo_frames.labels[entry["index"]], 2) > 0.7
        assert [one["area_px"] for one in entry["objects"]] == [
            int((labels == one["id"]).sum()) for one in entry["objects"]
        ]
    assert summary.overlay is not None
    assert len(list(open_source(summary.overlay))) == 3


@pytest.mark.parametrize(("direction", "names"), [("forward", "10 11"), ("backward", "9 10")])
def test_one_direction_writes_the_frames_on_its_way(
    clip: Path, tmp_path: Path, fast: RememberingEngine, direction: Any, names: str
) -> None:
    request = TrackRequest(
        source=clip / "frames",
        output=tmp_path,
        later_masks={1: clip / "mask.png"},
        direction=direction,
    )
    summary = track_to_folder(request, engine=fast)
    assert {path.stem for path in summary.masks.iterdir()} == {f"shot{n}" for n in names.split()}
    assert summary.frame_count == 2
    assert summary.overlay is not None
    assert len(list(open_source(summary.overlay))) == 2


def test_masks_come_as_arrays_files_and_by_id(clip: Path, fast: RememberingEngine) -> None:
    labels = read_label_map(clip / "mask.png")
    for masks, objects in (
        (labels, None),
        ({2: labels == 2, 3: labels == 3}, None),
        ([f"2={clip / 'mask.png'}"], None),
        (clip / "mask.png", [3]),
    ):
        first = next(iter(track(clip / "frames", masks, engine=fast, objects=objects)))
        assert {r.object_id for r in first.objects} == {
            int(i) for i in np.unique(first.label_map) if i
        }


WRONG: dict[str, tuple[dict[str, Any], type[Exception]]] = {
    "no such video": ({"source": "nothing.mp4"}, MediaError),
    "no such mask": ({"masks": "nothing.png"}, MaskError),
    "mask of another shape": ({"masks": np.ones((9, 9), np.uint8)}, MaskError),
    "empty mask": ({"masks": np.zeros((480, 854), np.uint8)}, MaskError),
    "object that is not in the mask": ({"objects": [9]}, MaskError),
    "no mask at all": ({"masks": None}, MaskError),
    "two masks of one frame": ({"later_masks": {0: np.ones((480, 854), np.uint8)}}, MaskError),
    "start frame beyond the end": ({"start_frame": 3}, MediaError),
    "later mask beyond the end": ({"later_masks": {3: np.ones((480, 854), bool)}}, MediaError),
    "another direction": ({"direction": "up"}, UsageError),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_refused_at_once_and_before_weights_are_loaded(
    clip: Path, tmp_path: Path, case: str
) -> None:
    def no_engine() -> persam_vos.Engine:
        raise AssertionError("weights were asked for")

    changes, error = WRONG[case]
    given = {"source": clip / "frames", "masks": clip / "mask.png"} | changes
    with pytest.raises(error):
        track_to_folder(TrackRequest(output=tmp_path / "out", **given), engine=no_engine)
    with pytest.raises(error):
        track(**given)  # nothing has to be iterated
    assert not (tmp_path / "out").exists()


def test_an_existing_result_is_refused_before_weights_are_loaded(
    clip: Path, tmp_path: Path
) -> None:
    request = TrackRequest(source=clip / "frames", masks=clip / "mask.png", output=tmp_path)
    (tmp_path / "track.json").write_text("{}")
    with pytest.raises(OutputError, match=r"no earlier run lists as its own: track\.json"):
        track_to_folder(request)
    write_log(tmp_path, files=[])
    with pytest.raises(OutputError, match="overwrite=True"):
        track_to_folder(request)


def test_a_wrong_choice_is_refused_before_weights_are_loaded() -> None:
    with pytest.raises(UsageError, match=r"^device: "):
        load_engine(device="tpu")
    with pytest.raises(UsageError):
        load_engine("sam-9000", device="cpu")
    with pytest.raises(UsageError, match=r"^backend: "):
        load_engine(checkpoint="nothing.pt", device="cpu", backend="tpu")
    with pytest.raises(WeightsError):
        load_engine(checkpoint="nothing.pt", device="cpu")


def test_a_failure_on_the_way_keeps_finished_masks(
    clip: Path, tmp_path: Path, fast: RememberingEngine
) -> None:
    def stop(tracked: persam_vos.TrackedFrame) -> None:
        if tracked.index == 1:
            raise KeyboardInterrupt

    request = TrackRequest(source=clip / "frames", masks=clip / "mask.png", output=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        track_to_folder(request, engine=fast, on_frame=stop)
    results = (path for path in tmp_path.rglob("*") if ".resume" not in path.parts)
    written = {path.name for path in results if path.is_file()}
    assert written == {"shot9.png", "shot10.png", "overlay.mp4", "track.json"}
    assert json.loads((tmp_path / "track.json").read_text())["complete"] is False


def test_exports_and_soft_masks_are_written_when_all_is_tracked(
    clip: Path, tmp_path: Path, fast: RememberingEngine
) -> None:
    request = TrackRequest(
        source=clip / "frames",
        masks=clip / "mask.png",
        output=tmp_path / "out",
        start_frame=1,
        overlay=False,
        exports=["boxes-csv", "rgba", "rgba:each"],
    )
    seen: list[object] = []
    summary = track_to_folder(
        request,
        engine=fast,
        on_export=lambda name, count: seen.append((name, count)),
        on_export_frame=lambda: seen.append("frame"),
    )
    every = ["frame"] * 3
    assert seen == [("boxes-csv", 3), *every, ("rgba", 3), *every, ("rgba", 3), *every]
    names = ["boxes-csv.csv", "rgba", "rgba-2"]
    assert [path.name for path in summary.exports] == names
    assert all(path.exists() for path in summary.exports)
    for name in ("shot9", "shot10", "shot11"):
        labels = read_label_map(summary.masks / f"{name}.png")
        for object_id in (2, 3):
            alpha = np.asarray(Image.open(tmp_path / f"out/alpha/{object_id}/{name}.png"))
            np.testing.assert_array_equal(alpha >= 128, labels == object_id)
            assert ((alpha > 0) & (alpha < 255)).any()
    log = json.loads(summary.log.read_text())
    assert Path(log["source_path"]) == clip / "frames"
    assert not summary.warnings
    again = replace(request, exports=[], overwrite=True)
    assert track_to_folder(again, engine=fast).exports == ()
    assert not list((tmp_path / "out/alpha").rglob("*.png"))


def test_an_export_that_is_unknown_is_refused_at_once() -> None:
    with pytest.raises(UsageError, match="'nothing'"):
        TrackRequest(source="clip.mp4", masks="m.png", exports=["nothing"])
    with pytest.raises(UsageError, match=r"\['coco'\]"):
        TrackRequest(source="clip.mp4", masks="m.png", exports="coco")
