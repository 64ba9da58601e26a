"""What the structure of a file says of its end."""

from __future__ import annotations

from pathlib import Path

import pytest
from odd_videos import Clip

from persam_vos.media.file_end import ends_inside_picture, missing_end

KINDS = {
    "mp4": Clip(),
    "fragments": Clip(container={"movflags": "frag_keyframe+empty_moov"}),
    "mkv": Clip(name="a.mkv"),
    "live mkv": Clip(name="a.mkv", container={"live": "1"}),
    "avi": Clip(name="a.avi", codec="mpeg4"),
    "ts": Clip(name="a.ts"),
    "gif": Clip(name="a.gif", codec="gif", pixel_format="rgb8"),
    "flv": Clip(name="a.flv"),
    "wmv": Clip(name="a.wmv", codec="wmv2"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_whole_files_lack_nothing_and_cut_ones_do(tmp_path: Path, kind: str) -> None:
    path = KINDS[kind].make(tmp_path)
    data = path.read_bytes()
    assert missing_end(path) is None
    for missing in (1, 100, len(data) // 3 + 1):
        path.write_bytes(data[:-missing])
        assert missing_end(path), missing


@pytest.mark.parametrize("head", [b"", b"RIFF", b"\x1a\x45\xdf\xa3", b"GIF89a", b"text"])
def test_what_is_hardly_a_file_is_no_reason_to_fail(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(head)
    missing_end(path)
    assert not ends_inside_picture(path)


def test_sizes_that_recorders_leave_open_say_nothing(tmp_path: Path) -> None:
    path = Clip(name="a.avi", codec="mpeg4").make(tmp_path)
    data = bytearray(path.read_bytes())
    data[4:8] = bytes(4)
    path.write_bytes(bytes(data[:-10]))
    assert missing_end(path) is None


def test_a_transport_stream_that_ends_with_a_full_packet_was_perhaps_cut(tmp_path: Path) -> None:
    path = Clip(name="a.ts", size_hw=(240, 320), options={"g": "1"}).make(tmp_path)
    data = path.read_bytes()
    assert not ends_inside_picture(path)
    inside = next(
        place
        for place in range(188 * 8, len(data), 188)
        if data[place + 3] >> 4 & 3 == 1 and data[place + 1] & 0x40 == 0
    )
    path.write_bytes(data[: inside + 188])
    assert ends_inside_picture(path)
    assert missing_end(path) is None
