"""ProRes 4444 and VP9, read back by FFmpeg's own decoders: colours, alpha, times, sound."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from exported_run import COUNT, IDS, SIZE_HW, TIMES, chart_picture, export, known_labels
from media_clips import picture

from persam_vos.exports.alpha_video import VP9_ALPHA, prores_4444
from persam_vos.media.picture import to_rgb
from persam_vos.media.picture_encoder import BT709
from persam_vos.media.video_writer import VideoWriter
from persam_vos.stages.coverage import coverage_of_mask
from persam_vos.structures import SourceInfo


def decoded(path: Path) -> tuple[list[np.ndarray], list[float]]:
    """Return the RGBA pictures of a video and their times; VP9's alpha needs libvpx."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        if stream.codec_context.name.startswith("vp9"):
            decoder = av.CodecContext.create("libvpx-vp9", "r")
            frames = [one for packet in container.demux(stream) for one in decoder.decode(packet)]
        else:
            frames = list(container.decode(stream))
        times = [float(one.pts * stream.time_base) for one in frames]
        pictures = []
        for one in frames:
            alpha = one.reformat(format="rgba").to_ndarray()[..., 3]
            pictures.append(np.dstack([to_rgb(one), alpha]))
        return pictures, times


@pytest.mark.parametrize("name", ["prores", "webm"])
def test_times_alpha_and_size_are_those_of_the_run(
    name: str, video_run: Path, tmp_path: Path
) -> None:
    path = export(video_run, name, tmp_path)
    pictures, times = decoded(path)
    assert times == pytest.approx(TIMES, abs=0.001)
    tolerance = 1 if name == "prores" else 0
    for index, found in enumerate(pictures):
        assert found.shape[:2] == SIZE_HW
        alpha = np.zeros(SIZE_HW, int)
        for object_id in IDS:
            alpha += coverage_of_mask(known_labels(index) == object_id)
        assert np.abs(found[..., 3].astype(int) - alpha.clip(max=255)).max() <= tolerance


def test_prores_has_the_colours_the_sound_and_the_tags(video_run: Path, tmp_path: Path) -> None:
    path = export(video_run, "prores", tmp_path)
    pictures, _ = decoded(path)
    for index, found in enumerate(pictures):
        assert np.abs(found[..., :3].astype(int) - chart_picture(index)).max() <= 2
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert context.profile == "4444"
        assert context.format.name.startswith("yuva444")
        tags = (context.colorspace, context.color_primaries, context.color_trc)
        assert [int(tag) for tag in tags] == [1, 1, 1]
        assert len(container.streams.audio) == 1


def test_webm_has_the_colours_of_large_areas(tmp_path: Path) -> None:
    primaries = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    colours = [*primaries, (255, 255, 255), (128, 128, 128), (20, 90, 200)]
    image = np.repeat(np.array(colours, np.uint8)[None], 32, axis=1).repeat(64, axis=0)
    pixels = np.dstack([image, np.full(image.shape[:2], 255, np.uint8)])
    info = SourceInfo("x", "images", (64, 192), 3, Fraction(24))
    with VideoWriter(tmp_path / "out.webm", info, VP9_ALPHA) as writer:
        for index in range(3):
            writer.write(pixels, index / 24)
    found, _ = decoded(tmp_path / "out.webm")
    for one in found:
        middles = one[32, 16::32, :3].astype(int)
        assert np.abs(middles - np.array(colours)).max() <= 3


def test_prores_keeps_pictures_of_nature(tmp_path: Path) -> None:
    info = SourceInfo("x", "images", (64, 96), 2, Fraction(24))
    with VideoWriter(tmp_path / "out.mov", info, prores_4444(BT709)) as writer:
        for index in range(2):
            alpha = np.full((64, 96), 255, np.uint8)
            writer.write(np.dstack([picture(index), alpha]), index / 24)
    found, _ = decoded(tmp_path / "out.mov")
    assert np.abs(found[1][..., :3].astype(int) - picture(1)).max() <= 3


def test_each_object_has_a_file(image_run: Path, tmp_path: Path) -> None:
    folder = export(image_run, "prores:each=yes", tmp_path)
    for object_id in IDS:
        pictures, _ = decoded(folder / f"{object_id}.mov")
        assert len(pictures) == COUNT
        alpha = coverage_of_mask(known_labels(0) == object_id)
        assert np.abs(pictures[0][..., 3].astype(int) - alpha).max() <= 1
