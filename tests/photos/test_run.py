"""Photos go into a folder, one after the other; a run that broke off goes on."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from crashing_pillow import crash_on
from demo_clip import RememberingEngine
from PIL import Image

from persam_vos.errors import OutputError
from persam_vos.files.atomic import TEMPORARY
from persam_vos.photos.request import ReferencePhoto, SegmentRequest
from persam_vos.photos.run import segment, segment_to_folder
from persam_vos.photos.settings import PhotoSettings

SETTINGS = PhotoSettings(absent_is_empty=False)  # the small engine is sure of nothing


@pytest.fixture
def request_of(album: Path) -> Callable[..., SegmentRequest]:
    shown = ReferencePhoto(image=album / "ref.png", masks=str(album / "mask.png"))

    def make(name: str, **choice: Any) -> SegmentRequest:
        return SegmentRequest(
            photos=[album / "photos"],
            references=[shown],
            output=album / name,
            settings=SETTINGS,
            **choice,
        )

    return make


def contents(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_a_folder_has_masks_cutouts_coco_log_and_overview(
    small_engine: RememberingEngine, request_of: Callable[..., SegmentRequest]
) -> None:
    request = request_of("out")
    summary = segment_to_folder(request, engine=small_engine)
    assert (summary.photo_count, summary.object_ids) == (3, (7,))
    assert [Path(one).name for one in summary.failures] == ["broken.jpg"]
    files = contents(request.output)
    assert set(files) == {
        *("coco.json", "overview.html", "segment.json"),
        *("masks/a.png", "masks/c.png", "cutouts/a.png", "cutouts/c.png"),
    }
    told = json.loads(files["segment.json"])
    assert told["complete"]
    assert [Path(one["photo"]).name for one in told["photos"]] == ["a.png", "broken.jpg", "c.png"]
    labels = np.asarray(Image.open(request.output / "masks" / "a.png"))
    area = told["photos"][0]["objects"][0]["area_px"]
    assert int((labels == 7).sum()) == area > 0
    x0, y0 = told["photos"][0]["cutout_corner_xy"]
    cutout = np.asarray(Image.open(request.output / "cutouts" / "a.png"))
    solid = np.argwhere(cutout[..., 3] >= 128) + np.array([y0, x0])
    assert labels[tuple(solid.T)].all()
    assert len(solid) == area
    coco = json.loads(files["coco.json"])
    assert [one["file_name"] for one in coco["images"]] == ["a.png", "c.png"]
    assert {one["category_id"] for one in coco["annotations"]} == {7}


def test_a_photo_without_its_end_is_segmented_and_told(
    small_engine: RememberingEngine, request_of: Callable[..., SegmentRequest], album: Path
) -> None:
    whole = album / "whole.jpg"
    Image.open(album / "ref.png").convert("RGB").save(whole, quality=95)
    (album / "photos/cut.jpg").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    request = request_of("out")
    summary = segment_to_folder(request, engine=small_engine)
    assert [Path(one).name for one in summary.cut] == ["cut.jpg"]
    assert (request.output / "masks/cut.png").exists()
    assert "its end is missing" in (request.output / "overview.html").read_text()


def test_a_run_that_broke_off_goes_on_to_the_same_result(
    small_engine: RememberingEngine,
    request_of: Callable[..., SegmentRequest],
) -> None:
    whole = request_of("whole")
    segment_to_folder(whole, engine=small_engine)

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        segment_to_folder(request_of("cut"), engine=small_engine, on_photo=stop)
    with pytest.raises(OutputError, match="resume"):
        segment_to_folder(request_of("cut"), engine=small_engine)
    for name in ("masks", "cutouts", "."):  # as a kill leaves them
        (request_of("cut").output / name / f"{TEMPORARY}a.png").write_bytes(b"half")
    starts: list[tuple[int, int]] = []
    resumed = segment_to_folder(
        request_of("cut", resume=True),
        engine=small_engine,
        on_start=lambda *counts: starts.append(counts),
    )
    assert starts == [(1, 3)]
    assert resumed.resumed == 1
    assert contents(whole.output) == contents(resumed.output)
    again = segment_to_folder(request_of("cut", resume=True), engine=small_engine)
    assert again.resumed == 3
    (again.output / "masks" / f"{TEMPORARY}a.png").write_bytes(b"half")
    replaced = segment_to_folder(request_of("cut", overwrite=True), engine=small_engine)
    assert contents(whole.output) == contents(replaced.output)
    log = whole.output / "segment.json"
    told = json.loads(log.read_text())
    for damaged in ("[" * 100_000, json.dumps({**told, "photos": 3}), json.dumps([told])):
        (resumed.output / "segment.json").write_text(damaged)
        again = segment_to_folder(request_of("cut", resume=True), engine=small_engine)
        assert (again.resumed, contents(again.output)) == (0, contents(whole.output))


def test_only_results_are_replaced(
    small_engine: RememberingEngine, request_of: Callable[..., SegmentRequest], album: Path
) -> None:
    segment_to_folder(request_of("out"), engine=small_engine)
    with pytest.raises(OutputError, match="already holds"):
        segment_to_folder(request_of("out"), engine=small_engine)
    segment_to_folder(request_of("out", overwrite=True, cutouts=False), engine=small_engine)
    assert not list((album / "out" / "cutouts").iterdir())
    (album / "out" / "masks" / "mine.png").write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"mine\.png"):
        segment_to_folder(request_of("out", overwrite=True), engine=small_engine)


def test_photos_come_one_after_the_other(small_engine: RememberingEngine, album: Path) -> None:
    found = segment(
        album / "photos" / "a.png",
        [(album / "ref.png", album / "mask.png")],
        settings=SETTINGS,
        engine=small_engine,
    )
    (one,) = found
    assert one.path.name == "a.png"
    assert set(np.unique(one.label_map)) == {0, 7}


@pytest.mark.skipif(sys.platform == "win32", reason="signals have names elsewhere")
def test_a_photo_that_crashes_a_decoder_is_listed_and_passed_over(
    small_engine: RememberingEngine,
    request_of: Callable[..., SegmentRequest],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    crash_on("broken", tmp_path / "code", monkeypatch)
    summary = segment_to_folder(request_of("out", sandbox=True), engine=small_engine)
    ((name, error),) = summary.failures.items()
    assert Path(name).name == "broken.jpg"
    assert "crashes its decoder (SIGSEGV)" in error
    assert summary.photo_count == 3
