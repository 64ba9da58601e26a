"""`persam-vos track --source` as people run it: in a pipeline, stopped by Ctrl-C."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import pytest
from command import COMMAND
from live_sources import SIZE_HW, jpeg, square
from media_clips import picture

from persam_vos.media.label_png import read_label_map, write_label_png
from persam_vos.media.reader import open_source

LIVE = ["track", "--source", "-", "--first-mask", "mask.png", "--device", "cpu"]
QUICK = ["--image-size", "256", "--backend", "torch"]
JPEGS = [jpeg(picture(index)) for index in range(3)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_label_png(tmp_path / "mask.png", square())
    return tmp_path


@contextmanager
def started(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """Yield the running command, and what it reads."""
    with subprocess.Popen(
        [*COMMAND, *LIVE, *QUICK, *arguments],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # a shell's background job hands down SIGINT ignored, and the child would too
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdin is not None
        try:
            yield process, process.stdin
        finally:
            process.kill()


def read(stream: IO[bytes] | None) -> str:
    assert stream is not None
    return stream.read().decode()


def test_jpegs_come_in_and_masks_go_out_of_a_pipeline(folder: Path) -> None:
    with started(folder, "--pipe", "--no-drop", "--rate", "10", "-o", "out") as (process, _):
        out, err = process.communicate(b"".join(JPEGS), timeout=120)
    told = err.decode().splitlines()
    assert process.returncode == 0, told
    labels = np.frombuffer(out, np.uint8).reshape(-1, *SIZE_HW)
    assert len(labels) == 3
    for index, one in enumerate(labels):
        np.testing.assert_array_equal(one, read_label_map(folder / f"out/masks/{index:05d}.png"))
    assert told[0].startswith("pipe     raw frames of 96 x 64 pixels, 6144 bytes each")
    assert told[1].startswith("3 of 3 frames, objects 7, ")
    assert told[1].endswith("end of the source")
    assert told[2] == "dropped  0"
    assert told[3].startswith("latency  median ")
    log = json.loads((folder / "out/track.json").read_text())
    assert [frame["time_seconds"] for frame in log["frames"]] == [0, 0.1, 0.2]


@pytest.mark.slow
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_whole_files_while_the_source_goes_on(
    folder: Path, stop: signal.Signals
) -> None:
    deadline = time.monotonic() + 120
    with started(folder, "--json", "-o", "out") as (process, source):
        number = 0
        while number < 3 or not (folder / "out/masks/00000.png").exists():
            source.write(jpeg(picture(number)))
            source.flush()
            number += 1
            time.sleep(0.05)
            assert time.monotonic() < deadline
        process.send_signal(stop)
        assert process.wait(timeout=60) == 130, "although stdin is open, and nothing comes"
        assert read(process.stderr).strip() == "persam-vos: interrupted; all files are whole"
        facts = json.loads(read(process.stdout))
    masks = sorted((folder / "out/masks").iterdir())
    assert (facts["ending"], facts["tracked"]) == ("interrupted", len(masks))
    for mask in masks:
        assert read_label_map(mask).shape == SIZE_HW
    assert len(list(open_source(folder / "out/overlay.mp4"))) == len(masks)
    log = json.loads((folder / "out/track.json").read_text())
    assert (log["complete"], len(log["frames"])) == (True, len(masks))
    assert not list(folder.rglob(".part*"))


@pytest.mark.slow
def test_a_reader_that_has_enough_ends_it(folder: Path) -> None:
    with started(folder, "--pipe", "--no-drop") as (process, source):
        source.write(b"".join(JPEGS))
        source.flush()
        assert process.stdout is not None
        assert len(process.stdout.read(SIZE_HW[0] * SIZE_HW[1])) == SIZE_HW[0] * SIZE_HW[1]
        process.stdout.close()
        source.write(b"".join(JPEGS))
        source.close()
        assert process.wait(timeout=60) == 0
        assert read(process.stderr).splitlines()[1].endswith("pipe closed")
