"""Bad input, through the command line: one line that explains, an exit code, nothing half-written.

The table runs the command's own `main` in this process; what depends on a process of its own
(a full disk, a truncated video on the way, interrupts) runs one, here and in `test_track`.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from command import COMMAND
from persam_vos_cli.main import main
from PIL import Image

from persam_vos.demo import write_demo
from persam_vos.media.video_writer import VideoWriter
from persam_vos.structures import SourceInfo
from persam_vos.weights import original_files

QUICK = ["--without", "refinement"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good and bad input, by telling names."""
    base = tmp_path_factory.mktemp("input")
    write_demo(base, frame_count=2)
    clip = (base / "clip.mp4").read_bytes()
    (base / "stub.mp4").write_bytes(clip[: len(clip) // 100])
    (base / "text.mp4").write_text("this is no video\n" * 100)
    (base / "empty.mp4").touch()
    (base / "no images").mkdir()
    (base / "no images/readme.txt").write_text("nothing here")
    (base / "empty folder").mkdir()
    (base / "mixed").mkdir()
    for name, size in (("0.png", (64, 48)), ("1.png", (48, 64))):
        Image.new("RGB", size).save(base / "mixed" / name)
    (base / "broken frame").mkdir()
    (base / "broken frame/0.png").write_bytes(b"\x89PNG\r\n\x1a\n but no more")
    labels = np.asarray(Image.open(base / "first_mask.png"))
    Image.fromarray(np.zeros_like(labels)).save(base / "black.png")
    Image.fromarray(labels[:, :200]).save(base / "other shape.png")
    soft = Image.fromarray((labels > 0).astype(np.uint8) * 255).resize((427, 240))
    soft.resize((854, 480), Image.Resampling.BICUBIC).save(base / "soft.png")
    Image.fromarray(((labels > 0) * 255).astype(np.uint8)).save(base / "lossy.jpg")
    (base / "text.png").write_text("no picture")
    (base / "text.pt").write_text("no weights")
    (base / "empty.pt").touch()
    encoder = original_files("mobile-sam")[0]
    (base / "cut.onnx").write_bytes(encoder.read_bytes()[:100_000])
    (base / "a file").write_text("mine")
    (base / "done").mkdir()
    (base / "done/track.json").write_text('{\n "version": "0.2.0",\n "frames": [\n ]\n}\n')
    return base


def noisy_video(path: Path, frame_count: int) -> None:
    """Write a video whose frames all take the same room in the file."""
    info = SourceInfo(str(path), "images", (64, 96), frame_count, Fraction(24))
    random = np.random.default_rng(0)
    with VideoWriter(path, info) as writer:
        for index in range(frame_count):
            writer.write(random.integers(0, 256, (64, 96, 3), np.uint8), index / 24)


def track(source: str = "clip.mp4", mask: str = "first_mask.png", *more: str) -> list[str]:
    return ["track", source, "--first-mask", mask, "--device", "cpu", *more]


# What is wrong: the command line, the exit code, and words that the line must have.
WRONG: dict[str, tuple[list[str], int, str]] = {
    "missing video": (track("nothing.mp4"), 1, "no such file or folder"),
    "text named .mp4": (track("text.mp4"), 1, "does not open as a video"),
    "zero-length video": (track("empty.mp4"), 1, "an empty file"),
    "video cut in its header": (track("stub.mp4"), 1, "stub.mp4"),
    "video cut in its header, by decord": (
        track("stub.mp4", "first_mask.png", "--reader", "decord"),
        1,
        "stub.mp4",
    ),
    "folder without images": (track("no images"), 1, "a folder without images"),
    "empty folder": (track("empty folder"), 1, "an empty folder"),
    "pattern without matches": (track("nothing/*.jpg"), 1, "no match"),
    "images of two sizes": (track("mixed"), 1, "an image of 48 x 64"),
    "broken image": (track("broken frame"), 1, "cannot be read as an image"),
    "missing mask": (track(mask="nothing.png"), 1, "nothing.png"),
    "text named .png": (track(mask="text.png"), 1, "text.png"),
    "black mask": (track(mask="black.png"), 1, "no foreground"),
    "mask of another shape": (track(mask="other shape.png"), 1, "a mask of 200 x 480"),
    "anti-aliased mask": (track(mask="soft.png"), 1, "soft.png"),
    "JPEG mask": (track(mask="lossy.jpg"), 1, "export the mask as PNG"),
    "object id out of range": (track(mask="300=first_mask.png"), 1, "object id 300"),
    "masks without ids": (
        track("clip.mp4", "first_mask.png", "--first-mask", "first_mask.png"),
        1,
        "1=a.png",
    ),
    "object that is not in the mask": (
        track("clip.mp4", "first_mask.png", "--objects", "9"),
        1,
        "ids in the masks: 1, 2, 3",
    ),
    "missing checkpoint": (
        track("clip.mp4", "first_mask.png", "--checkpoint", "nothing.pt"),
        1,
        "nothing.pt",
    ),
    "checkpoint of text": (
        track("clip.mp4", "first_mask.png", "--checkpoint", "text.pt"),
        1,
        "text.pt",
    ),
    "empty checkpoint": (
        track("clip.mp4", "first_mask.png", "--checkpoint", "empty.pt"),
        1,
        "empty.pt",
    ),
    "truncated checkpoint": (
        track("clip.mp4", "first_mask.png", "--checkpoint", "cut.onnx"),
        1,
        "cut.onnx",
    ),
    "output below a file": (
        track("clip.mp4", "first_mask.png", "--output", "a file/out"),
        1,
        "a file where a folder is needed",
    ),
    "output that is a file": (
        track("clip.mp4", "first_mask.png", "--output", "a file", "--overwrite"),
        1,
        "a file where a folder is needed",
    ),
    "output with results": (
        track("clip.mp4", "first_mask.png", "--output", "done"),
        1,
        "--overwrite",
    ),
    "unknown device": (track("clip.mp4", "first_mask.png", "--device", "tpu"), 2, "'tpu'"),
    "unknown backend": (track("clip.mp4", "first_mask.png", "--backend", "tpu"), 2, "'tpu'"),
    "backend that has no such precision": (
        track("clip.mp4", "first_mask.png", "--backend", "onnx", "--dtype", "bfloat16"),
        2,
        "got --dtype bfloat16, expected float32",
    ),
    "ablation of the upstream recipe": (
        track("clip.mp4", "first_mask.png", "--recipe", "public", "--without", "refinement"),
        2,
        "with --recipe upstream, expected the default recipe",
    ),
    "start frame beyond the end": (
        track("clip.mp4", "first_mask.png", "--start-frame", "2"),
        2,
        "clip.mp4, frame 2: got 2 frames, expected a frame from 0 to 1",
    ),
    "mask beyond the end": (
        track("clip.mp4", "first_mask.png", "--mask", "7=first_mask.png"),
        2,
        "clip.mp4, frame 7: got 2 frames",
    ),
    "same frame twice": (
        track("clip.mp4", "first_mask.png", "--mask", "0=first_mask.png"),
        1,
        "masks of frame 0: got two",
    ),
    "same later frame twice": (
        track("clip.mp4", "first_mask.png", *["--mask", "1=first_mask.png"] * 2),
        1,
        "1:1=a.png 1:2=b.png",
    ),
    "black mask of a later frame": (
        track("clip.mp4", "first_mask.png", "--mask", "1=black.png"),
        1,
        "no foreground",
    ),
    "mask of a later frame of another shape": (
        track("clip.mp4", "first_mask.png", "--mask", "1:4=other shape.png"),
        1,
        "a mask of 200 x 480",
    ),
    "mask that is not on the way": (
        track(
            *("clip.mp4", "first_mask.png", "--start-frame", "1", "--direction", "forward"),
            *("--mask", "0=first_mask.png"),
        ),
        1,
        "masks of frame 0: got a frame that is not tracked",
    ),
    "start frame without a mask": (
        ["track", "clip.mp4", "--mask", "1=first_mask.png", "--start-frame", "0"],
        1,
        "got masks of frames 1, expected one of frame 0",
    ),
    "mask without a frame": (
        track("clip.mp4", "first_mask.png", "--mask", "first_mask.png"),
        2,
        "expected 40=mask.png or 40:2=dog.png",
    ),
    "negative start frame": (
        track("clip.mp4", "first_mask.png", "--start-frame", "-1"),
        2,
        "--start-frame",
    ),
    "unknown direction": (track("clip.mp4", "first_mask.png", "--direction", "up"), 2, "'up'"),
    "no mask": (["track", "clip.mp4"], 2, "--first-mask"),
    "no video": (["track", "--first-mask", "first_mask.png"], 2, "VIDEO"),
    "unknown option": (track("clip.mp4", "first_mask.png", "--nothing"), 2, "--nothing"),
    "unknown command": (["tracke"], 2, "tracke"),
    "unknown weights": (track("clip.mp4", "first_mask.png", "--weights", "sam"), 2, "vit-b"),
    "strength above one": (track("clip.mp4", "first_mask.png", "--alpha", "2"), 2, "--alpha"),
    "ids that are no numbers": (
        track("clip.mp4", "first_mask.png", "--objects", "a,b"),
        2,
        "object ids such as 1,3",
    ),
}
WRONG |= {
    "one mask for several videos": (
        ["track", "clip.mp4", "mixed", "--first-mask", "first_mask.png"],
        2,
        "got the same file for 2 videos, expected {name} in its path",
    ),
    "one later mask for several videos": (
        ["track", "clip.mp4", "mixed", "--first-mask", "{name}.png", "--mask", "1:2=m.png"],
        2,
        "mask 2=m.png: got the same file",
    ),
    "two videos of one name": (
        ["track", "clip.mp4", "other/clip.mp4", "--first-mask", "{name}.png"],
        2,
        "clip.mp4 and other/clip.mp4: got the same output for both, clip_tracked",
    ),
}
LIVE = ["track", "--first-mask", "first_mask.png", "--device", "cpu", "--source"]
WRONG |= {
    "live source that is a file": (
        [*LIVE, "clip.mp4"],
        2,
        "give files and folders without --source",
    ),
    "live source of another kind": ([*LIVE, "file:///etc/passwd"], 2, "begins with file://"),
    "live source and a video": ([*LIVE, "0", "clip.mp4"], 2, "got --source and clip.mp4"),
    "live source without a mask": (["track", "--source", "0"], 2, "--first-mask"),
    "live source with a later mask": ([*LIVE, "0", "--mask", "4=m.png"], 2, "objects on frame 4"),
    "pipe without a live source": (track("clip.mp4", "first_mask.png", "--pipe"), 2, "--source"),
    "raw frames of a camera": ([*LIVE, "0", "--raw", "8x8:gray"], 2, "--raw: got --source 0"),
    "raw frames of unknown pixels": ([*LIVE, "-", "--raw", "8x8:nv12"], 2, "640x480:rgb24"),
    "no time to stall": ([*LIVE, "0", "--stall-timeout", "0"], 2, "--stall-timeout: got 0"),
    "no rate": ([*LIVE, "-", "--rate", "-3"], 2, "--rate: got -3"),
    "camera that is not there": ([*LIVE, "97"], 1, "camera 97: got no camera of this number"),
}
OWN_WORDS = {name for name, (_, code, _) in WRONG.items() if code == 1}


def everything(base: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in base.rglob("*")}


@pytest.mark.parametrize("case", WRONG)
def test_bad_input_is_explained_in_one_line_and_leaves_nothing(
    files: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    case: str,
) -> None:
    arguments, code, words = WRONG[case]
    monkeypatch.chdir(files)
    monkeypatch.setattr(sys, "argv", ["persam-vos", *arguments])
    before = everything(files)
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capfd.readouterr()
    assert ended.value.code == code
    assert out == ""
    assert len(err.splitlines()) == 1, err
    assert err.startswith("persam-vos: ")
    assert words in err
    assert "unexpected" not in err
    if case in OWN_WORDS:
        assert ": got " in err
        assert "expected " in err
        assert "; " in err, "the line says what to do"
    assert everything(files) == before


@pytest.fixture
def run(files: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command in a process of its own, in the folder of the input."""

    def start(*arguments: str, largest_file: int | None = None) -> subprocess.CompletedProcess[str]:
        def limit() -> None:
            if largest_file is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

        return subprocess.run(
            [*COMMAND, *arguments],
            cwd=files,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            preexec_fn=limit,
        )

    return start


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_truncated_video_keeps_the_masks_of_its_good_frames(
    tmp_path: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    video, mask, out = (tmp_path / name for name in ("cut.mp4", "mask.png", "out"))
    noisy_video(video, 16)
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 4])
    square = np.zeros((64, 96), np.uint8)
    square[20:40, 30:60] = 255
    Image.fromarray(square).save(mask)
    ended = run(*track(str(video), str(mask), *QUICK, "-o", str(out)))
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
    written = {name for name in names(out) if not name.startswith(".resume/")}
    masks = {name for name in written if name.startswith("masks/")}
    assert masks == {f"masks/{index:05d}.png" for index in range(len(masks))}
    assert 1 <= len(masks) < 8
    assert f"cut.mp4: got {len(masks)} frames" in ended.stderr
    assert written - masks == {"overlay.mp4", "track.json"}
    assert '"complete": false' in (out / "track.json").read_text()


def test_a_mask_beyond_an_end_that_no_header_states_is_told_before_anything_is_done(
    tmp_path: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    video, mask, out = (tmp_path / name for name in ("live.mkv", "mask.png", "out"))
    noisy_video(tmp_path / "clip.mp4", 3)
    with (
        av.open(str(tmp_path / "clip.mp4")) as source,
        av.open(str(video), "w", options={"live": "1"}) as target,
    ):
        copy = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = copy
                target.mux(packet)
    square = np.zeros((64, 96), np.uint8)
    square[20:40, 30:60] = 255
    Image.fromarray(square).save(mask)
    ended = run(*track(str(video), str(mask), *QUICK, "-o", str(out), "--mask", f"5={mask}"))
    assert ended.returncode == 2
    assert ended.stderr.startswith("persam-vos: ")
    assert "live.mkv, frame 5: got 3 frames, expected a frame from 0 to 2" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
    assert not out.exists()


def test_a_disk_that_is_full_is_explained_and_whole_files_stay(
    tmp_path: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """No file may grow past 30 kB: the masks can be written, the overlay cannot."""
    out = tmp_path / "out"
    asked = track("clip.mp4", "first_mask.png", *QUICK, "--checkpoint-every", "0", "-o", str(out))
    ended = run(*asked, largest_file=30_000)
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
    assert "overlay.mp4: got " in ended.stderr
    assert "masks/00000.png" in names(out)
    assert not [name for name in names(out) if ".part" in name or name.endswith(".mp4")]
    for name in names(out):
        if name.endswith(".png"):
            Image.open(out / name).load()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_result_that_cannot_be_printed_is_explained(files: Path) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [*COMMAND, "weights", "path", "mobile-sam"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            cwd=files,
        )
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
    assert "standard output" in ended.stderr
