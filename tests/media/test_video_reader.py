from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.reformatter import Interpolation
from media_clips import TICK, add_video, encode_clicks, encode_picture, picture

from persam_vos.errors import MediaError
from persam_vos.media import video_reader
from persam_vos.media.picture import to_rgb
from persam_vos.media.read_options import Reader
from persam_vos.media.reader import open_source
from persam_vos.media.video_reader import VideoSource

MakeVideo = Callable[..., Path]
ACCURATE = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
READERS = ("pyav", "decord")

pytestmark = pytest.mark.usefixtures("no_thread_is_left")


@pytest.fixture(params=[1, 3], ids=["1 worker", "3 workers"], autouse=True)
def workers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """What machines of few and of many cores do."""
    monkeypatch.setattr(video_reader, "worker_count", lambda: request.param)
    return int(request.param)


def assert_pictures(frames, size_hw=(64, 96), turn=lambda image: image) -> None:
    """Compression and half-resolution colour blur the corner's edge, so most pixels count."""
    for frame in frames:
        expected = turn(picture(frame.index, size_hw)).astype(int)
        assert frame.image.shape == expected.shape
        assert np.median(np.abs(frame.image - expected)) <= 2
        assert np.abs(frame.image - expected).mean() < 4


@pytest.mark.parametrize("reader", READERS)
def test_frames_have_index_name_time_and_pixels(make_video: MakeVideo, reader: Reader) -> None:
    source = open_source(make_video(), reader=reader)
    frames = list(source)
    assert [frame.name for frame in frames] == [f"{i:05d}" for i in range(12)]
    assert [frame.time_seconds * 24 for frame in frames] == pytest.approx(range(12), abs=1e-3)
    assert_pictures(frames)
    info = source.info
    assert (info.kind, info.size_hw, info.frame_count) == ("video", (64, 96), 12)
    assert (info.codec, info.pixel_format) == ("h264", "yuv420p")
    assert info.frames_per_second == 24
    assert not info.has_audio


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("ten_bit.mp4", {"codec": "libx265", "pixel_format": "yuv420p10le"}),
        ("prores.mov", {"codec": "prores_ks", "pixel_format": "yuv422p10le"}),
        ("vp9.webm", {"codec": "libvpx-vp9"}),
        ("odd.mkv", {"codec": "ffv1", "size_hw": (77, 101)}),
        ("full_colour.mkv", {"codec": "ffv1", "pixel_format": "yuv444p"}),
        ("alpha.mov", {"codec": "qtrle", "pixel_format": "argb"}),
        ("transport.ts", {}),
        ("raw.h264", {}),
    ],
)
def test_formats_come_out_as_8_bit_rgb(
    make_video: MakeVideo, name: str, options: dict[str, Any]
) -> None:
    if options.get("codec") == "libx265":
        options |= {"codec_options": {"x265-params": "log-level=none"}}
    source = open_source(make_video(name, **options))
    frames = list(source)
    assert len(frames) == 12
    assert_pictures(frames, options.get("size_hw", (64, 96)))
    steps = np.diff([frame.time_seconds for frame in frames])
    np.testing.assert_allclose(steps, 1 / float(source.info.frames_per_second), atol=1.1e-3)


@pytest.mark.parametrize("reader", READERS)
def test_variable_frame_rate_keeps_its_times(make_video: MakeVideo, reader: Reader) -> None:
    times = [0.0, 0.1, 0.15, 0.4, 0.41, 1.0, 1.9]
    source = open_source(make_video(times=times), reader=reader)
    assert [frame.time_seconds for frame in source] == pytest.approx(times, abs=1e-4)


def test_times_count_from_the_start_of_the_stream(make_video: MakeVideo) -> None:
    source = open_source(make_video(times=[0.5, 0.6, 0.7], audio="aac"))
    assert [frame.time_seconds for frame in source] == pytest.approx([0.0, 0.1, 0.2], abs=1e-3)


@pytest.mark.parametrize(
    ("rotation", "degrees", "turn"),
    [
        ((90, False), 270, lambda a: np.rot90(a, 1)),
        ((180, False), 180, lambda a: np.rot90(a, 2)),
        ((-90, False), 90, lambda a: np.rot90(a, -1)),
        ((0, True), 0, lambda a: a[:, ::-1]),
        ((90, True), 270, lambda a: np.rot90(a, 1)[:, ::-1]),
    ],
)
def test_rotation_metadata_is_applied(make_video: MakeVideo, rotation, degrees, turn) -> None:
    path = make_video(rotation=rotation)
    source = open_source(path)
    frames = list(source)
    assert source.info.rotation_degrees == degrees
    assert source.info.size_hw == frames[0].size_hw
    assert_pictures(frames, turn=turn)
    if not rotation[1]:
        other = list(open_source(path, reader="decord"))
        assert_pictures(other, turn=turn)


@pytest.mark.parametrize("matrix", [1, 5, 6, 9], ids=["709", "bt470bg", "601", "2020"])
@pytest.mark.parametrize("full_range", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p", "yuv420p10le"])
def test_colours_follow_matrix_and_range(matrix: int, full_range: bool, pixel_format: str) -> None:
    red, blue = {1: (0.2126, 0.0722), 9: (0.2627, 0.0593)}.get(matrix, (0.299, 0.114))
    scale = 4 if "10" in pixel_format else 1
    for y, u, v in [(60, 128, 128), (120, 100, 160), (200, 140, 120), (90, 150, 110)]:
        frame = av.VideoFrame(16, 16, pixel_format)
        frame.colorspace, frame.color_range = matrix, 2 if full_range else 1
        for plane, value in zip(frame.planes, (y, u, v), strict=True):
            kind = np.uint16 if scale == 4 else np.uint8
            plane.update(
                np.full(plane.buffer_size // kind().itemsize, value * scale, kind).tobytes()
            )
        if full_range:
            peak = 256 * scale - 1
            luma, cb, cr = y * scale / peak, (u - 128) * scale / peak, (v - 128) * scale / peak
        else:
            luma, cb, cr = (y - 16) / 219, (u - 128) / 224, (v - 128) / 224
        r, b = luma + 2 * (1 - red) * cr, luma + 2 * (1 - blue) * cb
        g = (luma - red * r - blue * b) / (1 - red - blue)
        expected = np.clip(np.array([r, g, b]) * 255, 0, 255)
        # swscale rounds 10-bit full range through an intermediate of 8 bits.
        np.testing.assert_allclose(to_rgb(frame)[8, 8], expected, atol=1.3)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("eight_bit.mp4", {"size_hw": (90, 150)}),
        ("ten_bit.mov", {"codec": "prores_ks", "pixel_format": "yuv422p10le"}),
        ("turned.mp4", {"rotation": (90, False)}),
        ("mirrored.mp4", {"rotation": (90, True)}),
        ("rgb.mkv", {"codec": "ffv1", "pixel_format": "bgr0"}),
    ],
)
def test_a_context_for_many_pictures_converts_as_one_for_each(
    make_video: MakeVideo, name: str, options: dict[str, Any]
) -> None:
    path = make_video(name, **options)
    source = open_source(path)
    assert isinstance(source, VideoSource)
    frames = list(source)
    near = list(source.frames_reversed(11))
    with av.open(str(path)) as container:
        alone = [
            source.orientation.apply(one.to_ndarray(format="rgb24", interpolation=ACCURATE))
            for one in container.decode(video=0)
        ]
    assert len(frames) == len(near) == len(alone) == 12
    for frame, again, expected in zip(frames, reversed(near), alone, strict=True):
        np.testing.assert_array_equal(frame.image, expected)
        np.testing.assert_array_equal(again.image, expected)


def test_pictures_of_another_size_are_scaled_to_the_first(tmp_path: Path) -> None:
    path = tmp_path / "call.webm"
    with av.open(str(path), "w") as container:
        stream = add_video(container, "libvpx", "yuv420p", (64, 96), {"g": "1"})
        other = av.CodecContext.create("libvpx", "w")
        other.width, other.height, other.pix_fmt, other.time_base = 48, 32, "yuv420p", TICK
        for index in range(6):
            if index < 3:
                container.mux(encode_picture(stream, picture(index), index / 24))
                continue
            frame = av.VideoFrame.from_ndarray(picture(index, (32, 48)), format="rgb24")
            frame = frame.reformat(format="yuv420p")
            frame.pts, frame.time_base = round(index / 24 / TICK), TICK
            for packet in other.encode(frame):
                packet.stream = stream
                container.mux(packet)
    source = open_source(path)
    frames = list(source)
    assert [frame.size_hw for frame in frames] == [(64, 96)] * 6
    assert source.warnings == (
        f"{path} changes its size at frame 3, to 48 x 32; such pictures are scaled to 96 x 64, "
        "as the first",
    )
    assert np.abs(frames[4].image.astype(int) - picture(4)).mean() < 8


@pytest.mark.parametrize(
    ("name", "options", "cut"),
    [
        ("front.mp4", {"container_options": {"movflags": "faststart"}}, 0.6),
        ("matroska.mkv", {}, 0.6),
        ("matroska.webm", {"codec": "libvpx-vp9"}, 0.6),
        ("old.avi", {"codec": "mpeg4"}, 0.3),  # half of it is the index
    ],
)
def test_truncated_video_yields_its_frames_and_then_says_so(
    make_video: MakeVideo, name: str, options: dict[str, Any], cut: float
) -> None:
    options["codec_options"] = {"g": "6"}
    path = make_video(name, times=[i / 24 for i in range(48)], **options)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * cut)])
    count = 0
    frames = open_source(path).frames()
    with pytest.raises(MediaError, match=r"got \d+ frames .*expected.*the frames before") as caught:
        while True:
            count = next(frames).index + 1
    assert 5 < count < 48
    assert f"got {count} frames" in str(caught.value)


def test_frames_before_the_damage_are_whole(make_video: MakeVideo) -> None:
    path = make_video(
        times=[i / 24 for i in range(48)], container_options={"movflags": "faststart"}
    )
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * 0.7)])
    frames = []
    source = open_source(path).frames()
    with pytest.raises(MediaError, match=r"got (?P<count>[0-9]+) frames.*expected 48") as caught:
        while True:
            frames.append(next(source))
    assert 5 < len(frames) < 48
    assert f"got {len(frames)} frames" in str(caught.value)
    assert_pictures(frames)


def test_index_at_the_end_that_is_cut_off_is_explained(make_video: MakeVideo) -> None:
    path = make_video()
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(MediaError, match=r"expected .*copy or export it again"):
        open_source(path)


@pytest.mark.parametrize("reader", READERS)
def test_sound_alone_is_no_video(tmp_path: Path, reader: Reader) -> None:
    path = tmp_path / "song.m4a"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=48_000)
        sound.codec_context.layout = "mono"
        encode_clicks(container, sound, 1.0)
        container.mux(sound.encode(None))
    with pytest.raises(MediaError, match=r"without a video stream \(it has audio\)"):
        open_source(path, reader=reader)


def test_matroska_without_a_duration_is_read_to_its_end(make_video: MakeVideo) -> None:
    path = make_video("live.mkv", container_options={"live": "1"})
    source = open_source(path)
    assert source.info.frame_count == 12
    assert len(list(source)) == 12


def test_dropping_the_frames_closes_the_file(make_video: MakeVideo) -> None:
    def handles() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("no list of open files on this system")
    source = open_source(make_video())
    gc.collect()  # what earlier tests left open
    before = handles()
    frames = source.frames()
    next(frames)
    assert handles() > before
    frames.close()
    assert handles() == before


@pytest.mark.parametrize("rotation", [None, (90, False)], ids=["upright", "turned"])
def test_pictures_that_were_read_do_not_wait_for_the_collector(
    make_video: MakeVideo, rotation: tuple[float, bool] | None
) -> None:
    def pictures() -> int:
        return sum(type(thing) is av.VideoFrame for thing in gc.get_objects())

    path = make_video(rotation=rotation)
    gc.collect()  # what earlier tests left
    gc.disable()
    try:
        before = pictures()
        source = open_source(path)
        assert len(list(source)) == len(list(source.frames_reversed(11))) == 12
        assert pictures() == before
    finally:
        gc.enable()
