"""What the commands have another process look at."""

from __future__ import annotations

import ctypes
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from crashing_pillow import crash_on
from persam_vos_cli.main import cli
from persam_vos_cli.sandbox import files_of, in_another_process
from PIL import Image

from persam_vos import TrackRequest
from persam_vos.errors import PersamVosError, WorkerError


def test_work_in_another_process_comes_back_or_is_told_to_have_crashed() -> None:
    assert in_another_process(partial(max, 3, 5)) == 5
    with pytest.raises(ZeroDivisionError):
        in_another_process(partial(divmod, 1, 0))
    with pytest.raises(WorkerError, match=r"an early end.*; do not trust the file"):
        in_another_process(partial(ctypes.string_at, 0))


@pytest.mark.skipif(sys.platform == "win32", reason="its processes crash otherwise")
@pytest.mark.parametrize("command", ["import", "score", "eval", "predictions"])
def test_a_crash_of_a_decoder_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Where masks and pictures are only scored, or come from a tree."""
    image = Image.fromarray(np.eye(9, dtype=np.uint8))
    for kind, suffix in (("Annotations", "png"), ("JPEGImages", "jpg")):
        (tmp_path / kind / "480p/crash").mkdir(parents=True)
        for index in range(3):
            image.save(tmp_path / f"{kind}/480p/crash/{index:05}.{suffix}")
    (tmp_path / "ImageSets/2017").mkdir(parents=True)
    (tmp_path / "ImageSets/2017/val.txt").write_text("crash\n")
    masks, out = str(tmp_path / "Annotations/480p"), str(tmp_path / "out")
    words = {
        "import": ["import", str(tmp_path / "Annotations/480p/crash"), "-o", out],
        "score": ["score", masks, masks, "--workers", "1"],
        "eval": ["eval", "davis2017", "--root", str(tmp_path), "-o", out],
        "predictions": ["eval", "davis2017", "--root", str(tmp_path), "--predictions", masks],
    }[command]
    crash_on("/crash", tmp_path / "code", monkeypatch)
    done = CliRunner().invoke(cli, words)
    assert isinstance(done.exception, PersamVosError), done.output
    assert "crashes its decoder" in str(done.exception)
    assert not Path(out).exists()


def test_all_that_a_request_has_opened_is_looked_at() -> None:
    request = TrackRequest(
        source="a.mp4",
        masks=["1=a.png", "2=b.png"],
        later_masks={4: Path("c.png")},
        rough_masks={5: ["3=d.png"]},
        stream=1,
    )
    found = files_of(request)
    assert found.sources == ("a.mp4",)
    assert found.masks == ("a.png", "b.png", "c.png", "d.png")
    assert found.options == request.reading
