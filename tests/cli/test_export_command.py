"""`persam-vos export`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from exported_run import write_images, write_run
from persam_vos_cli.main import cli, main

from persam_vos.exports.registry import EXPORTS


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", write_images(tmp_path / "shots"))


def test_help_tells_of_every_export(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["export", "--help"], standalone_mode=False)
    shown = capsys.readouterr().out
    assert [name for name in EXPORTS if f"\n{name}:\n" not in shown] == []


def test_the_result_is_printed(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["export", str(run), "boxes-csv"], standalone_mode=False)
    assert f"boxes-csv  {run / 'exports/boxes-csv.csv'}" in capsys.readouterr().out
    again = ["export", str(run), "matte", "--json", "-o", str(run / "m.mp4")]
    cli.main(again, standalone_mode=False)
    shown = capsys.readouterr()
    facts = json.loads(shown.out)
    assert (facts["export"], facts["frame_count"]) == ("matte", 6)
    assert "kept no soft masks" in facts["warnings"][0]
    assert "kept no soft masks" in shown.err


WRONG = {
    "no run": ["{base}", "coco"],
    "unknown export": ["{run}", "nothing"],
    "unknown option": ["{run}", "coco:x=1"],
    "output that exists": ["{run}", "labels", "-o", "{base}/shots"],
    "wrong suffix": ["{run}", "coco", "-o", "{base}/a.xml"],
    "video that is gone": ["{run}", "frames", "--source", "{base}/gone"],
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_one_line(
    name: str, run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [one.format(run=run, base=run.parent) for one in WRONG[name]]
    monkeypatch.setattr(sys, "argv", ["persam-vos", "export", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code in (1, 2)
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_labels_need_no_torch() -> None:
    program = (
        "import sys, persam_vos.exports.run, persam_vos.exports.coco, persam_vos.imports.run\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
