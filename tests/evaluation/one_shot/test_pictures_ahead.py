"""Pictures of episodes are looked at once, in the order in which they are needed."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from crashing_pillow import crash_on
from PIL import Image

from persam_vos.errors import MediaError
from persam_vos.evaluation.one_shot.pictures_ahead import PicturesAhead


@pytest.mark.skipif(sys.platform == "win32", reason="signals have names elsewhere")
def test_a_picture_that_crashes_a_decoder_is_named_in_its_episode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash_on("crash.png", tmp_path / "code", monkeypatch)
    paths = [tmp_path / f"{name}.png" for name in ("a", "b", "crash", "c")]
    for path in paths:
        Image.fromarray(np.zeros((8, 9), np.uint8)).save(path)
    a, b, crash, c = paths
    with PicturesAhead([(a, b), (b, a), (crash, c), (c, a)]) as ahead:
        ahead.wait([a, b])
        ahead.wait([b, a])
        with pytest.raises(MediaError, match=r"crash\.png: got a file that crashes its decoder"):
            ahead.wait([crash, c])
        ahead.wait([c, a])


def test_without_files_nothing_is_started() -> None:
    with PicturesAhead(()) as ahead:
        ahead.wait([Path("a.png")])
