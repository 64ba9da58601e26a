"""What `track` takes for other formats."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from persam_vos_cli.main import cli
from persam_vos_cli.track_command import track

from persam_vos.errors import UsageError


def test_exports_are_handed_on() -> None:
    from persam_vos_cli.export_options import ExportOptions

    names = {name for option in track.params for name in option.opts}
    assert {"--export", "--keep-alpha"} <= names
    options = ExportOptions(exports=("coco", "rgba:each"), keep_alpha=False)
    assert options.exports == ("coco", "rgba:each")


def test_a_wrong_export_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    arguments = ["track", "none.mp4", "--first-mask", "none.png", "--export", "coco:x=1"]
    with pytest.raises(UsageError, match="the option 'x'"):
        cli.main([*arguments, "-o", str(tmp_path / "out")], standalone_mode=False)
    assert not (tmp_path / "out").exists()


def test_help_names_the_exports(capsys: pytest.CaptureFixture[str]) -> None:
    with click.Context(track) as context:
        assert "youtube-vos" in track.get_help(context)
    capsys.readouterr()
