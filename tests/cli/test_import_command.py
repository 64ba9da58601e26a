"""`persam-vos import`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from persam_vos_cli.main import cli

SQUARE = 'points="2,2;8,2;8,8"'


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    frames = "".join(
        f'<track id="{i}" label="dog" group_id="4"><polygon frame="{i}" keyframe="1" outside="0" '
        f"{SQUARE}/></track>"
        for i in range(12)
    )
    size = "<original_size><width>20</width><height>10</height></original_size>"
    (tmp_path / "a.xml").write_text(f"<annotations><meta>{size}</meta>{frames}</annotations>")
    return tmp_path / "a.xml"


def test_ids_and_what_to_tell_track_are_printed(
    drawn: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = drawn.parent / "in"
    cli.main(["import", str(drawn), "-o", str(output)], standalone_mode=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "cvat, 12 frames, objects 4 (dog)"
    assert lines[1] == f"--first-mask {output}/00000.png  objects 4"
    assert lines[2] == f"--mask 1={output}/00001.png  objects 4"
    assert lines[-1] == "and 4 more"


def test_json_has_every_mask(drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["import", str(drawn), "-o", str(drawn.parent / "in"), "--json"]
    cli.main(arguments, standalone_mode=False)
    facts = json.loads(capsys.readouterr().out)
    assert len(facts["masks"]) == 12
    assert facts["names"] == {"4": "dog"}
