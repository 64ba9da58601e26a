"""`persam-vos dreambooth` has its commands."""

from __future__ import annotations

from click.testing import CliRunner
from persam_vos_cli.main import cli


def test_the_group_lists_its_commands() -> None:
    told = CliRunner().invoke(cli, ["dreambooth", "--help"])
    assert told.exit_code == 0
    assert {"prepare", "train"} <= {*told.stdout.split()}
