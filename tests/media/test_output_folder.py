"""The output folder: whole files, honest logs, nothing touched that should not be."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from persam_vos.errors import MediaError, OutputError
from persam_vos.media import output_folder
from persam_vos.media.label_png import read_label_map, write_label_png
from persam_vos.media.output_folder import OutputFolder, OverlayStyle
from persam_vos.media.run_state import Kept
from persam_vos.media.segmented_video import SegmentedVideo
from persam_vos.runtime.profiler import Profiler
from persam_vos.runtime.timer import StageTimer
from persam_vos.structures import Frame, ObjectResult, SourceInfo, TrackedFrame

SIZE_HW = (48, 64)
INFO = SourceInfo("clip.mp4", "images", SIZE_HW, 3, Fraction(24))

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("no_thread_is_left")]


@pytest.fixture(params=[1, 3], ids=["1 worker", "3 workers"], autouse=True)
def workers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """What machines of few and of many cores do."""
    monkeypatch.setattr(output_folder, "worker_count", lambda: request.param)
    return int(request.param)


def tracked(index: int, name: str | None = None) -> TrackedFrame:
    image = np.full((*SIZE_HW, 3), 60 + 10 * index, np.uint8)
    labels = np.zeros(SIZE_HW, np.uint8)
    labels[10:20, 10 : 20 + index] = 7
    box = (10, 10, 19 + index, 19)
    objects = (
        ObjectResult(7, box, int((labels == 7).sum()), 0.87654321),
        ObjectResult(200, None, 0, 0.0),
    )
    frame = Frame(index, name or f"{index:05d}", image, index / 24)
    return TrackedFrame(frame, labels, objects)


def open_folder(path: Path, **options: Any) -> OutputFolder:
    chosen: dict[str, Any] = {"overlay": True, "overwrite": False, "info": INFO}
    chosen |= options
    chosen["overlay"] = OverlayStyle() if chosen["overlay"] else None
    folder = OutputFolder(path, chosen.pop("info"), timer=StageTimer(), **chosen)
    folder.describe({"version": "0", "command": "a \"quoted\" 'name' \u00e9"})
    return folder


def write_all(path: Path, count: int = 3, **options: Any) -> None:
    with open_folder(path, **options) as folder:
        for index in range(count):
            folder.write(tracked(index))
        folder.finish({"frame_count": count})


def names(path: Path) -> set[str]:
    return {str(file.relative_to(path)) for file in path.rglob("*") if file.is_file()}


def log_of(path: Path) -> dict[str, Any]:
    log: dict[str, Any] = json.loads((path / "track.json").read_text())
    return log


def pictures(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


MASKS = {f"masks/{index:05d}.png" for index in range(3)}


def test_a_finished_run_has_masks_overlay_and_log(tmp_path: Path) -> None:
    write_all(tmp_path / "new" / "out")
    out = tmp_path / "new" / "out"
    assert names(out) == {*MASKS, "overlay.mp4", "track.json"}
    assert pictures(out / "overlay.mp4") == 3
    with Image.open(out / "masks/00002.png") as mask:
        assert mask.mode == "P"
        np.testing.assert_array_equal(np.asarray(mask), tracked(2).label_map)


def test_the_log_says_what_when_and_where(tmp_path: Path) -> None:
    write_all(tmp_path)
    log = log_of(tmp_path)
    assert log["command"] == "a \"quoted\" 'name' \u00e9"
    assert log["complete"] is True
    assert log["frame_count"] == 3
    assert [frame["index"] for frame in log["frames"]] == [0, 1, 2]
    assert log["frames"][1] == {
        "index": 1,
        "name": "00001",
        "time_seconds": 0.041667,
        "objects": [
            {"id": 7, "box_xyxy": [10, 10, 20, 19], "area_px": 110, "score": 0.8765},
            {"id": 200, "box_xyxy": None, "area_px": 0, "score": 0.0},
        ],
    }


@pytest.mark.parametrize("facts", [{}, {"a": 1}, {"a": {"b": {}}}], ids=str)
def test_the_log_is_json_whatever_the_facts(tmp_path: Path, facts: dict[str, Any]) -> None:
    with open_folder(tmp_path, overlay=False) as folder:
        folder.describe(facts)
        folder.write(tracked(0))
    assert log_of(tmp_path) | facts == log_of(tmp_path)


def test_the_log_says_when_an_object_was_gone(tmp_path: Path) -> None:
    with open_folder(tmp_path) as folder:
        for index in range(4):
            seen = tracked(index)
            gone = tuple(replace(one, box_xyxy=None, area_px=0) for one in seen.objects)
            folder.write(replace(seen, objects=gone) if index in (1, 2) else seen)
        folder.finish({})
    assert log_of(tmp_path)["absent"] == {"7": [[1, 2]], "200": [[0, 3]]}


def test_masks_are_named_after_the_pictures(tmp_path: Path) -> None:
    with open_folder(tmp_path, overlay=False) as folder:
        folder.write(tracked(0, "IMG 07.final"))
    assert names(tmp_path) == {"masks/IMG 07.final.png", "track.json"}


def pictures_of(start: int) -> Iterator[Frame]:
    return iter([tracked(index).frame for index in range(start, 5)])


def test_a_backward_half_comes_out_in_the_order_of_frames(tmp_path: Path) -> None:
    write_all(tmp_path / "forwards", count=5)
    with open_folder(tmp_path / "both") as folder:
        for index in (2, 1, 0):
            folder.write_backwards(tracked(index))
        folder.catch_up(pictures_of)
        for index in (3, 4):
            folder.write(tracked(index))
        folder.finish({"frame_count": 5})
    for name in names(tmp_path / "forwards"):
        one, other = tmp_path / "forwards" / name, tmp_path / "both" / name
        assert one.read_bytes() == other.read_bytes(), name


def test_a_backward_half_alone_is_a_finished_run(tmp_path: Path) -> None:
    with open_folder(tmp_path, overlay=False) as folder:
        folder.write_backwards(tracked(1))
        folder.write_backwards(tracked(0))
        folder.catch_up(pictures_of)
        folder.finish({"frame_count": 2})
    assert names(tmp_path) == {"masks/00000.png", "masks/00001.png", "track.json"}
    assert [frame["index"] for frame in log_of(tmp_path)["frames"]] == [0, 1]


def test_a_backward_half_that_breaks_off_keeps_masks_and_log(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), open_folder(tmp_path) as folder:
        folder.write_backwards(tracked(2))
        folder.write_backwards(tracked(1))
        raise KeyboardInterrupt
    assert names(tmp_path) == {"masks/00001.png", "masks/00002.png", "track.json"}
    assert log_of(tmp_path)["complete"] is False
    assert [frame["index"] for frame in log_of(tmp_path)["frames"]] == [1, 2]


def test_nothing_to_turn_is_no_output(tmp_path: Path) -> None:
    with open_folder(tmp_path / "out") as folder:
        folder.catch_up(pictures_of)
    assert list(tmp_path.iterdir()) == []


def test_no_overlay_is_written_if_none_is_wanted(tmp_path: Path) -> None:
    write_all(tmp_path, overlay=False)
    assert names(tmp_path) == {*MASKS, "track.json"}


def test_nothing_appears_before_the_first_frame(tmp_path: Path) -> None:
    with open_folder(tmp_path / "out"):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [MediaError("broken"), KeyboardInterrupt()], ids=repr)
def test_a_run_that_breaks_off_keeps_what_is_finished(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)), open_folder(tmp_path) as folder:
        folder.write(tracked(0))
        folder.write(tracked(1))
        raise error
    assert names(tmp_path) == {"masks/00000.png", "masks/00001.png", "overlay.mp4", "track.json"}
    assert pictures(tmp_path / "overlay.mp4") == 2
    assert log_of(tmp_path)["complete"] is False
    assert len(log_of(tmp_path)["frames"]) == 2


@pytest.mark.parametrize("there", ["masks/00000.png", "overlay.mp4", "track.json", "trace.json"])
def test_earlier_results_are_not_touched_without_overwrite(tmp_path: Path, there: str) -> None:
    (tmp_path / there).parent.mkdir(exist_ok=True)
    (tmp_path / there).write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(OutputError, match=r"no earlier run lists.*choose another folder"):
            open_folder(tmp_path, overwrite=overwrite)
    assert (tmp_path / there).read_text() == "mine"


def test_an_earlier_result_is_replaced_only_if_asked_for(tmp_path: Path) -> None:
    write_all(tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
    with pytest.raises(OutputError, match=r"already holds .*or add overwrite=True"):
        open_folder(tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == before


@pytest.mark.parametrize("overwrite", [False, True])
def test_masks_beside_those_of_an_earlier_run_are_not_touched(
    tmp_path: Path, overwrite: bool
) -> None:
    write_all(tmp_path)
    (tmp_path / "masks/mine.png").write_text("mine")
    with pytest.raises(OutputError, match=r"lists as its own: masks/mine\.png"):
        open_folder(tmp_path, overwrite=overwrite)
    assert names(tmp_path) == {*MASKS, "masks/mine.png", "overlay.mp4", "track.json"}


def test_a_mask_of_an_earlier_run_that_is_read_again_is_not_replaced(tmp_path: Path) -> None:
    write_all(tmp_path)
    with pytest.raises(OutputError, match=r"masks/00000\.png is an input of this run"):
        open_folder(tmp_path, overwrite=True, inputs=[tmp_path / "masks/00000.png"])


def test_what_a_killed_run_left_is_replaced(tmp_path: Path) -> None:
    killed = open_folder(tmp_path)
    killed.write(tracked(0))
    killed.write(tracked(1))
    killed._masks.flush()  # type: ignore[union-attr]
    (tmp_path / "masks/.part-0123456789ab.png").write_bytes(b"half a m")
    assert {"masks/00000.png", "masks/00001.png", ".resume/names.txt"} < names(tmp_path)
    write_all(tmp_path, overwrite=True, count=1)
    assert names(tmp_path) == {"masks/00000.png", "overlay.mp4", "track.json"}
    killed._log.close()  # type: ignore[union-attr]
    killed._overlay.abort()  # type: ignore[union-attr]
    killed._masks.close()  # type: ignore[union-attr]


def test_a_resumed_run_keeps_what_holds_and_writes_the_rest_anew(tmp_path: Path) -> None:
    write_all(tmp_path / "whole", count=5)
    out, identity = tmp_path / "out", {"of": "this"}
    with pytest.raises(KeyboardInterrupt), open_folder(out, resumable=True) as folder:
        folder.describe({"version": "0"}, identity=identity)
        for index in range(4):
            folder.write(tracked(index))
        raise KeyboardInterrupt
    assert json.loads((out / ".resume/run.json").read_text()) == identity
    with pytest.raises(OutputError, match="add resume=True to go on"):
        open_folder(out)
    stale = out / ".resume/forward-00000003.safetensors"
    stale.write_bytes(b"")
    before = (out / "masks/00001.png").stat().st_mtime_ns
    with open_folder(out, resumable=True, resume=True) as folder:
        folder.go_on(Kept(forward=2), [stale])
        folder.catch_up(pictures_of)
        assert names(out) >= {"masks/00000.png", "masks/00001.png"}
        assert not {"masks/00002.png", "track.json"} & names(out)
        for index in (2, 3, 4):
            folder.write(tracked(index))
        folder.sync()
        folder.finish({"frame_count": folder.frame_count})
    folder.settle(keep_state=False)
    assert (out / "masks/00001.png").stat().st_mtime_ns == before
    for name in names(tmp_path / "whole"):
        assert (tmp_path / "whole" / name).read_bytes() == (out / name).read_bytes(), name
    assert names(out) == names(tmp_path / "whole")


def test_files_that_a_run_of_an_earlier_version_wrote_are_replaced(tmp_path: Path) -> None:
    write_all(tmp_path)
    log = log_of(tmp_path)
    del log["files"]
    entries = ",\n  ".join(json.dumps(entry) for entry in log.pop("frames"))
    head = json.dumps(log, indent=1)[:-2]
    (tmp_path / "track.json").write_text(f'{head},\n "frames": [\n  {entries}\n ]\n}}\n')
    write_all(tmp_path, overwrite=True, count=1)
    assert names(tmp_path) == {"masks/00000.png", "overlay.mp4", "track.json"}


def test_an_empty_masks_folder_is_no_earlier_result(tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    write_all(tmp_path)
    assert log_of(tmp_path)["complete"] is True


def test_overwrite_replaces_results_and_leaves_the_rest(tmp_path: Path) -> None:
    with open_folder(tmp_path) as folder:
        folder.describe({}, others=["trace.json"])
        folder.write(tracked(0))
        folder.write(tracked(1))
        folder.write(tracked(2))
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "trace.json").write_text("of the earlier run")
    write_all(tmp_path, count=2, overwrite=True, overlay=False)
    assert names(tmp_path) == {"masks/00000.png", "masks/00001.png", "track.json", "notes.txt"}


def test_overwrite_removes_nothing_before_the_first_frame(tmp_path: Path) -> None:
    write_all(tmp_path)
    with open_folder(tmp_path, overwrite=True):
        pass
    assert names(tmp_path) == {*MASKS, "overlay.mp4", "track.json"}


@pytest.mark.parametrize("source", ["masks", "masks/*.png", "overlay.mp4", "masks/00000.png"])
def test_the_input_is_never_overwritten(tmp_path: Path, source: str) -> None:
    info = SourceInfo(str(tmp_path / source), "images", SIZE_HW, 3, Fraction(24))
    with pytest.raises(OutputError, match=r"^output=.*is the input"):
        open_folder(tmp_path, overwrite=True, info=info)
    open_folder(tmp_path / "elsewhere", info=info)


@pytest.mark.parametrize("overwrite", [False, True])
def test_an_output_that_is_a_file_is_refused(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "out").write_text("mine")
    with (
        pytest.raises(OutputError, match="got a file where a folder is needed"),
        open_folder(tmp_path / "out", overwrite=overwrite) as folder,
    ):
        folder.write(tracked(0))
    assert (tmp_path / "out").read_text() == "mine"


def test_a_name_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="too long"):
        open_folder(tmp_path / ("x" * 300))


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="this system has no /proc")
def test_a_folder_that_cannot_be_made_is_explained_also_to_root() -> None:
    with (
        pytest.raises(OutputError, match="cannot write /proc/nowhere"),
        open_folder(Path("/proc/nowhere/out")) as folder,
    ):
        folder.write(tracked(0))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused_at_once(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="no permission"):
        open_folder(tmp_path / "out")


def refuse(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_disk_that_is_full_at_the_first_mask_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image.Image, "save", refuse)
    with (
        pytest.raises(OutputError, match=r"00000\.png: got a full disk"),
        open_folder(tmp_path) as folder,
    ):
        folder.write(tracked(0))
    assert names(tmp_path) == set()


def test_a_failing_overlay_is_dropped_and_the_masks_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_two(folder: OutputFolder) -> None:
        folder.write(tracked(0))
        monkeypatch.setattr(SegmentedVideo, "close", refuse_output)
        folder.write(tracked(1))
        folder.finish({"frame_count": 2})

    def refuse_output(writer: SegmentedVideo) -> None:
        writer.abort()
        raise OutputError("overlay.mp4", got="a full disk")

    with pytest.raises(OutputError, match=r"overlay\.mp4"), open_folder(tmp_path) as folder:
        write_two(folder)
    assert names(tmp_path) == {"masks/00000.png", "masks/00001.png", "track.json"}
    assert log_of(tmp_path)["complete"] is False


def test_the_first_error_is_the_one_to_see(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_file = Path.replace

    def refuse_all_but_masks(path: Path, target: Path) -> Path:
        if target.parent.name != "masks":
            refuse()
        return replace_file(path, target)

    monkeypatch.setattr(Path, "replace", refuse_all_but_masks)
    with pytest.raises(MediaError, match="broken"), open_folder(tmp_path) as folder:
        folder.write(tracked(0))
        raise MediaError("broken")
    assert names(tmp_path) == {"masks/00000.png"}


@pytest.mark.parametrize("count", [5, 6, 30], ids=["the last", "the last but one", "one of many"])
@pytest.mark.parametrize("backwards", [False, True], ids=["forwards", "backwards"])
def test_a_mask_that_cannot_be_written_ends_masks_and_log_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int, backwards: bool, count: int
) -> None:
    after_it = threading.Event()

    def refuse_the_fifth(path: Path, labels: np.ndarray) -> None:
        if path.stem == "00004":
            if workers > 1 and count > 5:
                after_it.wait()
            raise OutputError(f"cannot write {path}", got="a full disk")
        write_label_png(path, labels)
        if path.stem == "00005":
            after_it.set()

    monkeypatch.setattr(output_folder, "write_label_png", refuse_the_fifth)
    with (
        pytest.raises(OutputError, match=r"00004\.png: got a full disk"),
        open_folder(tmp_path, overlay=not backwards) as folder,
    ):
        for index in range(count):
            one = replace(tracked(index % 3), frame=replace(tracked(0).frame, index=index))
            one = replace(one, frame=replace(one.frame, name=f"{index:05d}", time_seconds=index))
            (folder.write_backwards if backwards else folder.write)(one)
        folder.finish({"frame_count": count})
    masks = {f"masks/{index:05d}.png" for index in range(4)}
    assert names(tmp_path) - {"overlay.mp4"} == {*masks, "track.json"}
    log = log_of(tmp_path)
    assert log["complete"] is False
    assert sorted(entry["index"] for entry in log["frames"]) == [0, 1, 2, 3]


def test_many_masks_are_all_there_and_whole(tmp_path: Path) -> None:
    with open_folder(tmp_path, overlay=False) as folder:
        for index in range(18):
            folder.write(tracked(index, f"{index:05d}"))
        folder.finish({})
    assert len(names(tmp_path)) == 19
    assert [entry["index"] for entry in log_of(tmp_path)["frames"]] == list(range(18))
    for index in range(18):
        written = read_label_map(tmp_path / f"masks/{index:05d}.png")
        np.testing.assert_array_equal(written, tracked(index).label_map)


def test_a_profile_counts_each_mask_and_picture_once(tmp_path: Path) -> None:
    with Profiler(tmp_path / "trace.json") as profile:
        folder = OutputFolder(
            tmp_path / "out", INFO, overlay=OverlayStyle(), overwrite=False, timer=profile
        )
        with folder:
            for index in range(9):
                folder.write(tracked(index))
    calls = {stage.name: stage.calls for stage in profile.stages}
    assert calls == {"write": 18, "write/masks": 9, "write/overlay": 9}
