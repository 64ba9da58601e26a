"""What `make fuzz` found, each by its name; and a minute of it. See `benchmarks/fuzz.py`."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile
from media_clips import picture
from odd_videos import Clip
from persam_vos_cli.main import main
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("files")
    Path(Clip(times=[0, 0.1, 0.2]).make(base)).rename(base / "clip.mp4")
    mask = np.zeros((64, 96), np.uint8)
    mask[8:40, 8:60] = 1
    Image.fromarray(mask).save(base / "mask.png")
    return base


def check(
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    source: Path | str,
    mask: Path | str,
) -> tuple[int, str]:
    """Run `check`; returns its exit code and all that it printed."""
    words = ["check", str(source), "--first-mask", str(mask), "--no-measure", "--no-sandbox"]
    monkeypatch.setattr(sys, "argv", ["persam-vos", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capfd.readouterr()
    out = re.sub(r"\s*\n\s+", " ", out)  # lines of a table
    assert "unexpected" not in out + err
    assert "Traceback" not in err
    assert re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", out + err) is None
    return int(ended.value.code or 0), out + err


def npy(header: str) -> bytes:
    """Make a NumPy file of a header that is like code."""
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


MASKS: dict[str, bytes] = {
    "a header of an open bracket": npy("{'descr': ("),
    "a header of deep brackets": npy("(" * 3000),
    "a header of a call": npy("__import__('os').mkdir('ran')"),
    "a pickled array": npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}") + b"cos\n",
    "an array that no disk could hold": npy(
        "{'descr': '|u1', 'fortran_order': False, 'shape': (9999999999, 9999999999)}"
    ),
    "an array that is not there": npy(
        "{'descr': '|u1', 'fortran_order': False, 'shape': (60000, 60000)}"
    ),
    "floats that no integer holds": npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2)}")
    + np.array([1e300, np.inf]).tobytes(),
    "a TIFF without pages": b"II*\0\0\0\0\0",
    "a TIFF that goes round": b"II*\0\x08\0\0\0\0\0\x08\0\0\0",
}


@pytest.mark.parametrize("name", MASKS)
def test_a_hostile_mask_is_explained(
    files: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / ("mask.tif" if "TIFF" in name else "mask.npy")
    path.write_bytes(MASKS[name])
    code, said = check(capfd, monkeypatch, files / "clip.mp4", path)
    assert code == 1
    assert path.name in said
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_a_tiff_whose_parts_are_missing_prints_nothing_of_its_library(
    files: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "mask.tif"
    tifffile.imwrite(path, np.eye(9, dtype=np.uint8))
    path.write_bytes(path.read_bytes()[:60])
    _, said = check(capfd, monkeypatch, files / "clip.mp4", path)
    assert "tifffile" not in said.lower()
    assert "Warning" not in said


def test_a_png_of_a_video_that_ffmpeg_has_not_implemented_is_explained(
    files: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "moving.png"
    first, *rest = (Image.fromarray(picture(index)) for index in range(3))
    first.save(path, save_all=True, append_images=rest)
    content = bytearray(path.read_bytes())
    content[content.index(b"IDAT") + 4 :] = b"\0" * 40
    path.write_bytes(content)
    code, said = check(capfd, monkeypatch, path, files / "mask.png")
    assert code == 1
    assert "moving.png" in said.replace(" ", "")  # tables break long paths


@pytest.mark.parametrize("name", ["list.m3u8", "list.mp4"])
def test_a_playlist_opens_no_other_files(
    files: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    shutil.copy(files / "clip.mp4", tmp_path / "other.mp4")
    for text in (
        "ffconcat version 1.0\nfile other.mp4\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:1.0,\nother.mp4\n#EXT-X-ENDLIST\n",
    ):
        (tmp_path / name).write_text(text)
        code, said = check(capfd, monkeypatch, tmp_path / name, files / "mask.png")
        assert code == 1
        assert "a playlist, which names other files" in said


NAMES = ("[red]a", "{name}", "a\nb", "\x1b[31mred", "%d%n", "-o", "<b>a", "\x9b2J", "\u202egnp")


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_name_is_shown_as_it_is_and_cannot_change_the_terminal(
    files: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    path = tmp_path / f"{name}.mp4"
    shutil.copy(files / "clip.mp4", path)
    code, said = check(capfd, monkeypatch, path, files / "mask.png")
    assert code == 0
    shown = name.split("\n")[0] if name.isprintable() or "\n" in name else "\\"
    assert shown in said


def test_a_picture_of_too_many_pixels_is_refused_by_its_header(
    files: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for kind in ("png", "tif", "gif", "bmp"):
        path = tmp_path / f"a.{kind}"
        Image.new("P" if kind == "gif" else "RGB", (96, 64)).save(path)
        monkeypatch.setenv("PERSAM_VOS_MAX_PIXELS", "6000")
        code, said = check(capfd, monkeypatch, path, files / "mask.png")
        assert code == 1
        assert "PERSAM_VOS_MAX_PIXELS" in said
    code, said = check(capfd, monkeypatch, files / "clip.mp4", files / "mask.png")
    assert code == 1
    assert "PERSAM_VOS_MAX_PIXELS" in said


def test_an_archive_unpacks_an_image_no_further_than_its_bound(
    files: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("persam_vos.media.zip_images.MOST_BYTES", 1 << 20)
    written = io.BytesIO()
    Image.fromarray(picture(0)).save(written, "PNG")
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../0.png", written.getvalue() + bytes(5 << 20))
    code, said = check(capfd, monkeypatch, tmp_path / "a.zip", files / "mask.png")
    assert code == 1
    assert "unpacks to more than 1 MiB" in said
    assert [one.name for one in tmp_path.iterdir()] == ["a.zip"]


def run_benchmark(name: str, *arguments: str) -> str:
    """Run a driver of `benchmarks`; returns what it printed, or fails with it."""
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is measured by /proc")
def test_damaged_files_of_every_kind_are_answered_by_one_line() -> None:
    run_benchmark("fuzz", "--seconds", "60", "--seed", "20")


@pytest.mark.slow
@pytest.mark.skipif(
    not sys.platform.startswith("linux") or os.geteuid() != 0,
    reason="file systems are mounted for it",
)
def test_a_disk_that_fails_is_explained_in_one_line_and_leaves_whole_masks() -> None:
    run_benchmark("disk_faults")


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is measured by /proc")
def test_a_long_run_stays_flat() -> None:
    run_benchmark("soak", "--frames", "300", "--track-frames", "0", "--flat", "0.03")


_RUN_ALL = """
import json, sys
import benchmarks.fuzz_child as child
child.use_tiny_network()
print([child.run_main(one) for one in json.loads(sys.argv[1])])
"""
_CALLS = (
    "trace=openat,creat,mkdir,mkdirat,rename,renameat2,unlink,unlinkat,symlink,link,connect,bind"
)
_WRITING = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|^(creat|mkdir|rename|unlink|symlink|link)")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="a quota is feigned by strace")
def test_a_quota_that_is_used_up_is_told_in_one_line(files: Path, tmp_path: Path) -> None:
    """The kernel refuses to write one mask, by the error that a quota gives."""
    refuse = ("-f", "-qq", "-e", "trace=write", "-e", "inject=write:error=EDQUOT")
    out = tmp_path / "run"
    shown = ("--first-mask", str(files / "mask.png"), "-o", str(out), "--no-overlay")
    command = ["track", str(files / "clip.mp4"), *shown, "--image-size", "256"]
    code = f"""
import os, sys, json, pathlib, signal, subprocess
import benchmarks.fuzz_child as child
from persam_vos.media import output_folder
child.use_tiny_network()
real = output_folder.write_label_png

def refused(path, *arguments, **options):
    if path.name == "00002.png":
        tracer = subprocess.Popen(
            ["strace", *{refuse!r}, "-o", {str(tmp_path / "seen")!r}, "-p", str(os.getpid())]
        )
        while "TracerPid:\\t0" in pathlib.Path("/proc/self/status").read_text():
            pass
        try:
            return real(path, *arguments, **options)
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.wait()
    return real(path, *arguments, **options)

output_folder.write_label_png = refused
sys.exit(child.run_main(json.loads(sys.argv[1])))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(command)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stderr.strip()
    assert (done.returncode, len(said.splitlines())) == (1, 1), done.stderr
    assert re.search(r"cannot write .*00002\.png: got a full quota", said)
    assert sorted(path.name for path in (out / "masks").iterdir()) == ["00000.png", "00001.png"]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="system calls are seen by strace")
def test_no_system_call_writes_elsewhere_or_connects(files: Path, tmp_path: Path) -> None:
    """Hostile files, read and refused, and one that is tracked: as the kernel sees it."""
    own, out, seen = tmp_path / "own", tmp_path / "out", tmp_path / "seen"
    for folder in (own, out):
        folder.mkdir()
    clip, mask = str(files / "clip.mp4"), str(files / "mask.png")
    cut, lying = own / "\x1b[2Jcut.mp4", own / "lying.npy"
    cut.write_bytes(Path(clip).read_bytes()[:900])
    lying.write_bytes(MASKS["a header of a call"])
    playlist = own / "list.mp4"
    playlist.write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    tiny = ["--image-size", "256", "--backend", "torch"]
    commands = [
        ["track", clip, "--first-mask", mask, "-o", f"{out}/run", *tiny],
        ["track", str(cut), "--first-mask", mask, "-o", f"{out}/cut", *tiny],
        ["check", str(playlist), "--first-mask", mask, "--no-measure"],
        ["check", clip, "--first-mask", str(lying), "--no-measure"],
        ["export", f"{out}/run", "coco", "-o", f"{out}/coco.json"],
        ["import", f"{out}/coco.json", "-o", f"{out}/imported"],
    ]
    traced = subprocess.run(
        [
            *(
                "strace",
                "-f",
                "--seccomp-bpf",
                "-y",
                "-qq",
                "-s",
                "4096",
                "-e",
                _CALLS,
                "-o",
                str(seen),
            ),
            *(sys.executable, "-c", _RUN_ALL, json.dumps(commands)),
        ],
        cwd=own,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "TMPDIR": str(out),
            "PERSAM_VOS_CACHE": str(out),
            "OMP_NUM_THREADS": "1",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert traced.stdout.splitlines()[-1] == "[0, 1, 1, 1, 0, 0]", traced.stderr
    elsewhere = []
    for line in seen.read_text(errors="replace").splitlines():
        call = line.split(maxsplit=1)[1]
        if call.startswith(("connect", "bind")):
            assert "AF_INET" not in call, call
        elif _WRITING.search(call):
            named = re.search(r'"([^"]*)"', call)
            path = named[1] if named else ""
            if not path.startswith((str(out), "/dev/", "/proc/self/")):
                elsewhere.append(call)
    assert not elsewhere, "\n".join(elsewhere)
