"""What the README shows must run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
from persam_vos_cli.main import cli

from persam_vos.demo import write_demo

README = (Path(__file__).resolve().parent.parent / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


COMMANDS = [
    line
    for block in blocks("bash")
    for line in block.replace("\\\n", " ").splitlines()
    if line.startswith("persam-vos ")
]


@pytest.fixture
def beside_a_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with a short video.mp4 and its first_mask.png."""
    clip = write_demo(tmp_path, frame_count=2)
    clip.video.rename(tmp_path / "video.mp4")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_there_are_examples() -> None:
    assert blocks("python")
    assert COMMANDS


@pytest.mark.usefixtures("beside_a_video")
@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_python_examples_run(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(blocks("python")[number], f"README.md, python block {number}", "exec"), {})
    assert capsys.readouterr().out, "the example shows something"


@pytest.mark.parametrize("line", COMMANDS)
def test_command_lines_parse(line: str) -> None:
    name, *arguments = shlex.split(line, comments=True)
    command: click.Command = cli
    context = click.Context(cli, info_name=name)
    while isinstance(command, click.Group):
        name = arguments.pop(0)
        found = command.get_command(context, name)
        assert found is not None, f"no subcommand {name}"
        command = found
    command.make_context(name, arguments, parent=context)
