"""Files that crash a decoder, or take too much, end another process than ours."""

from __future__ import annotations

import os
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from media_clips import picture
from odd_videos import Clip
from PIL import Image

from persam_vos.errors import MediaError
from persam_vos.media.sandbox import Probe, ProbeAhead, Untrusted

CODE = """
import ctypes, time, av, builtins
real = av.open

def harmful(name, *arguments, **options):
    if "crash" in str(name):
        ctypes.string_at(0)
    if "hang" in str(name):
        time.sleep(60)
    if "hungry" in str(name):
        bytearray(1 << 40)
    return real(name, *arguments, **options)

av.open = harmful
"""
"""Makes a decoder that harms by the name of a file: no file is known that does so everywhere."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("files")
    clip = Clip(times=[0, 0.1, 0.2]).make(base)
    for name in ("crash", "hang", "hungry", "good"):
        (base / f"{name}.mp4").write_bytes(Path(clip).read_bytes())
    (base / "frames").mkdir()
    for index in range(4):
        Image.fromarray(picture(index)).save(base / f"frames/{index}.png")
    Image.fromarray(np.eye(9, dtype=np.uint8)).save(base / "mask.png")
    (base / "code").mkdir()
    (base / "code/sitecustomize.py").write_text(CODE)
    return base


@pytest.fixture
def harmful(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(files / "code"))


def look(*sources: Path, masks: tuple[Path, ...] = ()) -> None:
    wanted = Untrusted(sources=tuple(map(str, sources)), masks=tuple(map(str, masks)))
    with Probe(wanted) as probe:
        probe.result()


def test_good_files_pass_and_bad_ones_are_left_to_their_reader(files: Path) -> None:
    (files / "text.mp4").write_text("no video")
    look(
        *(files / name for name in ("good.mp4", "frames", "text.mp4", "nothing.mp4")),
        masks=(files / "mask.png", files / "nothing.png", files / "good.mp4"),
    )


@pytest.mark.skipif(sys.platform == "win32", reason="signals have names elsewhere")
@pytest.mark.usefixtures("harmful")
def test_a_crash_of_a_decoder_is_one_line_about_its_file(files: Path) -> None:
    with pytest.raises(MediaError, match=r"crash\.mp4: got a file that crashes its.*SIGSEGV"):
        look(files / "good.mp4", files / "crash.mp4", files / "frames")


@pytest.mark.usefixtures("harmful")
def test_what_takes_too_long_or_too_much_memory_is_refused_and_can_be_allowed(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MediaError, match=r"hungry\.mp4: .*4096 MB.*set PERSAM_VOS_PROBE_MEMORY_MB"):
        look(files / "hungry.mp4")
    monkeypatch.setenv("PERSAM_VOS_PROBE_SECONDS", "2")
    with pytest.raises(MediaError, match=r"hang\.mp4: .*2 seconds.*set PERSAM_VOS_PROBE_SECONDS"):
        look(files / "hang.mp4")


@pytest.mark.skipif(sys.platform == "win32", reason="signals have names elsewhere")
@pytest.mark.usefixtures("harmful")
def test_of_many_files_those_that_harm_are_told_apart_from_those_behind_them(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERSAM_VOS_PROBE_SECONDS", "2")
    names = ("good", "crash", "good", "hang", "crash", "nothing", "hungry")
    told = []
    with ProbeAhead([str(files / f"{name}.mp4") for name in names]) as probe:
        for index in range(len(names)):
            try:
                probe.wait(index)
                told.append("passed")
            except MediaError as error:
                told.append(next(one for one in ("SIGSEGV", "2 sec", "MB") if one in str(error)))
                assert f"{names[index]}.mp4: got a file that " in str(error)
    assert told == ["passed", "SIGSEGV", "passed", "2 sec", "SIGSEGV", "passed", "MB"]


def test_modules_in_the_current_folder_are_not_run(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("numpy", "cv2", "av", "json"):
        (tmp_path / f"{name}.py").write_text("import os; os.mkdir('ran')")
    monkeypatch.chdir(tmp_path)
    look(files / "good.mp4")
    assert not os.path.exists("ran")  # noqa: PTH110 - where the process was started


def bomb(side: int) -> bytes:
    """Make a PNG of a side of so many pixels, all black, in a few hundred kilobytes at most."""

    def chunk(name: bytes, data: bytes) -> bytes:
        check = zlib.crc32(name + data).to_bytes(4, "big")
        return len(data).to_bytes(4, "big") + name + data + check

    header = side.to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    packer = zlib.compressobj(9)
    pixels = b"".join(packer.compress(bytes(1 + 3 * side)) for _ in range(side)) + packer.flush()
    start = b"\x89PNG\r\n\x1a\n"
    return start + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def test_a_picture_that_needs_more_memory_than_there_may_be_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "0.png"
    path.write_bytes(bomb(6000))
    monkeypatch.setenv("PERSAM_VOS_PROBE_MEMORY_MB", "600")
    with pytest.raises(MediaError, match=r"0\.png: .*more than 600 MB of memory"):
        look(path)
