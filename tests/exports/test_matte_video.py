"""Grey videos of soft masks, read back by FFmpeg."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from exported_run import IDS, SIZE_HW, TIMES, export, known_labels

from persam_vos.media.picture import to_rgb
from persam_vos.stages.coverage import coverage_of_mask


def read(path: Path) -> tuple[list[np.ndarray], list[float]]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        return [to_rgb(one)[..., 0] for one in frames], [one.time for one in frames]


@pytest.mark.parametrize(("codec", "tolerance"), [("ffv1", 0), ("h264", 48)])
def test_mattes_are_those_of_the_run(
    codec: str, tolerance: int, video_run: Path, tmp_path: Path
) -> None:
    found, times = read(export(video_run, f"matte:codec={codec}", tmp_path))
    assert times == pytest.approx(TIMES, abs=0.001)
    for index, matte in enumerate(found):
        alpha = sum(coverage_of_mask(known_labels(index) == one).astype(int) for one in IDS)
        seen = matte[: SIZE_HW[0], : SIZE_HW[1]].astype(int)
        difference = np.abs(seen - np.minimum(alpha, 255))
        assert difference.max() <= tolerance
        assert difference.mean() <= tolerance / 32


def test_each_object_has_a_file(image_run: Path, tmp_path: Path) -> None:
    folder = export(image_run, "matte:codec=ffv1,each=yes", tmp_path)
    for object_id in IDS:
        found, _ = read(folder / f"{object_id}.mkv")
        alpha = coverage_of_mask(known_labels(4) == object_id)
        np.testing.assert_array_equal(found[4], alpha)
