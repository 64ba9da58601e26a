"""What is saved in mid-clip goes on to the very same labels; what does not fit is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from demo_clip import DemoFrames, RememberingEngine, make_engine
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from static_compute import StaticCompute

from persam_vos import MethodSettings, Tracker
from persam_vos.errors import CheckpointError, OutputError
from persam_vos.sam.build import SamNetwork
from persam_vos.tracking import checkpoint
from persam_vos.tracking.checkpoint import load_checkpoint

SETTINGS = {
    "memory": MethodSettings(image_size=384, small_side=0),
    "mirrored": MethodSettings(image_size=384, small_side=0, mirrored=True),
    "crops": MethodSettings(image_size=384, small_side=384),  # of all objects
    "persam-f": MethodSettings(method="persam-f", without=frozenset({"refinement"}), fit_steps=20),
    "upstream": MethodSettings(method="persam", recipe="upstream"),
}


SLOW = {"crops", "persam-f", "upstream"}


@pytest.fixture(scope="module")
def small(mobile_sam: SamNetwork) -> RememberingEngine:
    return replace(make_engine(mobile_sam), settings=SETTINGS["memory"])


def begun(engine: RememberingEngine, demo_frames: DemoFrames) -> Tracker:
    """Two frames; an object came with the second, another went."""
    tracker, labels = Tracker(engine), demo_frames.labels
    tracker.start(demo_frames.frames[0].image, labels[0] * (labels[0] != 3))
    tracker.step(demo_frames.frames[1].image, {3: labels[1] == 3})
    tracker.remove(1)
    return tracker


@pytest.fixture(scope="module")
def saved_bytes(
    small: RememberingEngine, demo_frames: DemoFrames, tmp_path_factory: pytest.TempPathFactory
) -> bytes:
    path = tmp_path_factory.mktemp("saved") / "state.safetensors"
    begun(small, demo_frames).save(path)
    return path.read_bytes()


@pytest.fixture
def saved(saved_bytes: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "state.safetensors"
    path.write_bytes(saved_bytes)
    return path


@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=[pytest.mark.slow] * (one in SLOW)) for one in SETTINGS]
)
def test_a_tracker_goes_on_as_if_it_had_not_stopped(
    small: RememberingEngine, demo_frames: DemoFrames, tmp_path: Path, name: str
) -> None:
    chosen = replace(small, settings=SETTINGS[name])
    tracker = begun(chosen, demo_frames)
    tracker.save(tmp_path / "state.safetensors")
    other = Tracker.load(tmp_path / "state.safetensors", chosen)
    for number in (2, 3):
        one, same = (each.step(demo_frames.frames[number].image) for each in (tracker, other))
        assert (same.index, same.name, same.objects) == (one.index, one.name, one.objects)
        np.testing.assert_array_equal(same.label_map, one.label_map)
    better = {2: demo_frames.labels[3] == 2}
    one, same = (each.correct(better) for each in (tracker, other))
    np.testing.assert_array_equal(same.label_map, one.label_map)


def test_static_shapes_are_saved_too(
    small: RememberingEngine, demo_frames: DemoFrames, tmp_path: Path
) -> None:
    static = replace(small, compute=StaticCompute(torch.device("cpu"), torch.float32))
    tracker = begun(static, demo_frames)
    tracker.save(tmp_path / "state.safetensors")
    other = Tracker.load(tmp_path / "state.safetensors", static)
    one, same = (each.step(demo_frames.frames[2].image) for each in (tracker, other))
    assert same.objects == one.objects
    np.testing.assert_array_equal(same.label_map, one.label_map)


def test_the_size_does_not_grow_with_the_clip(
    small: RememberingEngine, demo_frames: DemoFrames, tmp_path: Path
) -> None:
    tracker, sizes = begun(small, demo_frames), []
    for frame in demo_frames.frames[2:]:
        tracker.step(frame.image)
        tracker.save(tmp_path / "state.safetensors")
        sizes.append((tmp_path / "state.safetensors").stat().st_size)
    assert abs(sizes[1] - sizes[0]) < 1000, "digits of numbers alone"


def test_a_state_of_other_settings_is_refused_by_name(
    small: RememberingEngine, saved: Path
) -> None:
    other = replace(small, settings=replace(small.settings, trust_threshold=0.5))
    with pytest.raises(CheckpointError, match=r"settings \(trust_threshold\): got 0.4, expected 0"):
        load_checkpoint(saved, other)
    other = replace(small, weights={"name": "mobile-sam", "file": "0" * 64})
    with pytest.raises(CheckpointError, match=r"weights \(file\): got None, expected 0000"):
        load_checkpoint(saved, other)


def edited(change: Callable[[dict[str, torch.Tensor], dict[str, Any]], object]) -> Any:
    """Change the tensors or the state of a saved file."""

    def edit(path: Path) -> None:
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        state = json.loads(metadata["state"])
        change(tensors, state)
        save_file(tensors, path, metadata | {"state": json.dumps(state)})

    return edit


@pytest.mark.parametrize(
    "damage",
    {
        "cut short": lambda path: path.write_bytes(path.read_bytes()[:-1000]),
        "empty": lambda path: path.write_bytes(b""),
        "another kind of file": lambda path: path.write_bytes(b"\x89PNG" * 100),
        "no state": lambda path: save_file({"a": torch.zeros(1)}, path),
        "deep": lambda path: save_file(
            {"a": torch.zeros(1)}, path, {"facts": "{}", "state": "[" * 100_000}
        ),
        "a tensor missing": edited(lambda tensors, _: tensors.pop("0003")),
        "no bank": edited(lambda _, state: state["method"].pop("bank")),
        "no image": edited(lambda tensors, _: tensors.update({"0000": torch.zeros(4, 4)})),
        "ids of another kind": edited(lambda _, state: state["method"].update(ids=["a"])),
    }.items(),
    ids=lambda case: case[0],
)
def test_a_damaged_file_is_refused_in_one_line(
    small: RememberingEngine, saved: Path, damage: tuple[str, Callable[[Path], None]]
) -> None:
    damage[1](saved)
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(saved, small)
    assert str(saved) in str(caught.value) and "\n" not in str(caught.value)


def test_no_file_and_no_place_for_one_are_told(
    small: RememberingEngine, demo_frames: DemoFrames, tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError, match="got no such file"):
        load_checkpoint(tmp_path / "none", small)
    with pytest.raises(RuntimeError, match=r"Tracker\.save before"):
        Tracker(small).save(tmp_path / "early")
    with pytest.raises(OutputError, match="no such folder"):
        begun(small, demo_frames).save(tmp_path / "none" / "state")


def test_a_full_disk_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(checkpoint, "save_file", refuse)
    with pytest.raises(OutputError, match="got a full disk"):
        checkpoint.write_snapshot(tmp_path / "state", checkpoint.Snapshot({}, {}))
    assert list(tmp_path.iterdir()) == []
