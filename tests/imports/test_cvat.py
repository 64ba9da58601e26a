"""CVAT's XML as people export it: polygons, groups, tracks, images."""

from __future__ import annotations

from pathlib import Path

import pytest

from persam_vos.errors import MaskError
from persam_vos.imports.cvat import read_cvat

SIZE = "<meta><job><original_size><width>20</width><height>10</height></original_size></job></meta>"
SQUARE = 'points="2.00,2.00;8.00,2.00;8.00,8.00;2.00,8.00"'


def read(path: Path, text: str) -> list[tuple[int | None, str, int | None, str]]:
    path.write_text(f"<annotations><version>1.1</version>{text}</annotations>")
    found = read_cvat(path)
    return [(one.frame, one.name, one.object_id, one.label) for one in found.shapes]


def test_polygon_tracks_are_objects_at_their_key_frames(tmp_path: Path) -> None:
    text = (
        f'{SIZE}<track id="4" label="dog">'
        f'<polygon frame="0" keyframe="1" outside="0" {SQUARE}/>'
        f'<polygon frame="1" keyframe="0" outside="0" {SQUARE}/>'
        f'<polygon frame="2" keyframe="1" outside="1" {SQUARE}/></track>'
    )
    assert read(tmp_path / "a.xml", text) == [(0, "", 5, "dog")]


def test_images_have_names(tmp_path: Path) -> None:
    text = (
        '<image id="3" name="shots/b 7.jpg" width="20" height="10">'
        f'<polygon label="cat" {SQUARE} group_id="6"/><polygon label="cat" {SQUARE}/>'
        '<box label="cat" xtl="1" ytl="1" xbr="3" ybr="3"/></image>'
    )
    assert read(tmp_path / "a.xml", text) == [(3, "b 7", 6, "cat"), (3, "b 7", None, "cat")]


def test_a_video_without_its_size_is_refused(tmp_path: Path) -> None:
    text = (
        f'<track id="0" label="dog"><polygon frame="0" keyframe="1" outside="0" {SQUARE}/></track>'
    )
    with pytest.raises(MaskError, match="no <original_size>"):
        read(tmp_path / "a.xml", text)
