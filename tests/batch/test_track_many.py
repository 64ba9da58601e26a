"""Many videos into folders: order, failures, and what is checked before the network is loaded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from earlier_run import write_log
from PIL import Image

from persam_vos import Engine, EngineChoice, MethodSettings, TrackRequest, track_many
from persam_vos.batch import TrackEvents, TrackOutcome
from persam_vos.demo.render import render_demo
from persam_vos.errors import UsageError, WeightsError
from persam_vos.media.label_png import read_label_map, write_label_png

CHOICE = EngineChoice(device="cpu", settings=MethodSettings(image_size=256))
NO_NETWORK = EngineChoice(device="cpu", checkpoint=Path("nothing.pt"))
FRAMES = 2


@pytest.fixture
def jobs(tmp_path: Path) -> list[TrackRequest]:
    """Two good clips, and between them one whose second picture is broken."""
    rendered = list(render_demo(FRAMES, (90, 160)))
    write_label_png(tmp_path / "mask.png", rendered[0][1])
    made = []
    for name in ("first", "broken", "last"):
        folder = tmp_path / name
        folder.mkdir()
        for index, (image, _) in enumerate(rendered):
            Image.fromarray(image).save(folder / f"{index}.png")
        output = tmp_path / f"{name}_out"
        made.append(
            TrackRequest(source=folder, masks=tmp_path / "mask.png", output=output, overlay=False)
        )
    whole = (tmp_path / "broken/1.png").read_bytes()
    (tmp_path / "broken/1.png").write_bytes(whole[: len(whole) // 2])
    return made


def test_a_clip_that_fails_on_the_way_stops_no_other(jobs: list[TrackRequest]) -> None:
    loaded: list[Engine] = []
    ended: list[TrackOutcome] = []
    outcomes = track_many(
        jobs, CHOICE, events=TrackEvents(on_engine=loaded.append, on_outcome=ended.append)
    )
    assert len(loaded) == 1, "the network is loaded once"
    assert ended == list(outcomes)
    assert [outcome.request for outcome in outcomes] == jobs
    assert [bool(outcome.error) for outcome in outcomes] == [False, True, False]
    assert "1.png" in str(outcomes[1].error)
    assert [len(list((job.folder / "masks").iterdir())) for job in jobs] == [2, 1, 2]
    assert outcomes[2].summary is not None
    assert outcomes[2].summary.frame_count == FRAMES


@pytest.mark.slow
def test_processes_give_the_same_masks(jobs: list[TrackRequest], tmp_path: Path) -> None:
    there = [jobs[0], jobs[2]]
    elsewhere = [replace(job, output=tmp_path / f"{job.folder.name}_2") for job in there]
    track_many(there, CHOICE)
    outcomes = track_many(elsewhere, CHOICE, workers=2)
    assert [outcome.error for outcome in outcomes] == [None, None]
    for one, other in zip(there, elsewhere, strict=True):
        for index in range(FRAMES):
            path = f"masks/{index}.png"
            found = read_label_map(one.folder / path), read_label_map(other.folder / path)
            np.testing.assert_array_equal(*found)


def test_bad_input_is_told_before_the_network_is_loaded(
    jobs: list[TrackRequest], tmp_path: Path
) -> None:
    bad = [
        replace(jobs[0], source=tmp_path / "nothing.mp4"),
        replace(jobs[1], masks=tmp_path / "nothing.png"),
    ]
    told: list[TrackOutcome] = []
    assert track_many(bad, NO_NETWORK, events=TrackEvents(on_outcome=told.append)) == tuple(told)
    assert [outcome.request for outcome in told] == bad
    assert "no such file" in str(told[0].error)
    assert "nothing.png" in str(told[1].error)
    told.clear()
    with pytest.raises(WeightsError, match="nothing"):
        track_many([*bad, jobs[2]], NO_NETWORK, events=TrackEvents(on_outcome=told.append))
    assert len(told) == 2
    assert not jobs[2].folder.exists()


def test_no_jobs_need_no_network() -> None:
    assert track_many([], NO_NETWORK) == ()


def test_an_output_that_another_request_reads_is_not_replaced(jobs: list[TrackRequest]) -> None:
    folder = jobs[0].folder
    frames = folder / "masks"
    frames.mkdir(parents=True)
    Image.fromarray(np.full((90, 160), 200, np.uint8)).save(frames / "0.png")
    write_log(folder, "0")
    requests = [replace(jobs[0], overwrite=True), replace(jobs[2], masks=frames / "0.png")]
    told: list[TrackOutcome] = []
    with pytest.raises(WeightsError, match="nothing"):
        track_many(requests, NO_NETWORK, events=TrackEvents(on_outcome=told.append))
    assert [outcome.request for outcome in told][:1] == requests[:1]
    assert "masks/0.png is an input of this run" in str(told[0].error)


def test_outputs_are_not_shared(jobs: list[TrackRequest]) -> None:
    spelled = jobs[0].folder / ".." / jobs[0].folder.name
    same = [jobs[0], replace(jobs[2], output=spelled)]
    with pytest.raises(UsageError, match=r"first and .*last: got the same output for both"):
        track_many(same, NO_NETWORK)
