"""What README and docs show must run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from docs_scene import fill_scene
from persam_vos_cli.main import cli

ROOT = Path(__file__).resolve().parents[2]
PAGES = {path.name: path.read_text() for path in (ROOT / "README.md", *ROOT.glob("docs/*.md"))}
NOT_HERE = {
    "--device cuda": "needs a GPU and 2.5 GB of weights",
    "--checkpoint": "needs a checkpoint from elsewhere",
    "dreambooth train": "needs a diffusion model of some gigabytes",
    "--encoder": "needs a connection",
    "--root DATASETS": "needs data sets that cannot be fetched",
    "weights fetch": "needs a connection",
    "--source 0": "needs a camera",
    "rtsp://": "needs a camera",
    "ffmpeg": "needs another program",
    "persam-vos demo": "takes a minute; `make demo` runs it",
}


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands(text: str) -> list[str]:
    """Return the lines of a page that call the program, with continued lines joined."""
    lines = "\n".join(blocks(text, "bash")).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.startswith("persam-vos ")]


def pipelines(text: str) -> list[str]:
    """Return the lines of a page that pipe something into the program."""
    lines = "\n".join(blocks(text, "bash")).replace("\\\n", " ").splitlines()
    return [line for line in lines if "| persam-vos " in line]


def our_part(pipeline: str) -> str:
    """Return what of a pipeline calls the program."""
    found = re.search(r"\| (persam-vos [^|>]*)", pipeline)
    assert found is not None
    return found[1]


PYTHON = sorted({block for text in PAGES.values() for block in blocks(text, "python")})
COMMANDS = sorted({line for text in PAGES.values() for line in commands(text)})


def test_there_are_examples() -> None:
    assert len(PYTHON) >= 2
    assert len(COMMANDS) >= 10
    assert {command.split()[1] for command in COMMANDS} >= {"track", "eval", "score", "compare"}


def parse(line: str) -> tuple[click.Command, click.Context]:
    """Parse a command line as the program would; raises click's error where it is wrong."""
    name, *arguments = shlex.split(line, comments=True)
    command: click.Command = cli
    context = click.Context(cli, info_name=name)
    while isinstance(command, click.Group):
        name = arguments.pop(0)
        found = command.get_command(context, name)
        assert found is not None, f"no subcommand {name}"
        command = found
    return command, command.make_context(name, arguments, parent=context)


PIPELINES = sorted({line for text in PAGES.values() for line in pipelines(text)})


@pytest.mark.parametrize("line", [*COMMANDS, *map(our_part, PIPELINES)])
def test_command_lines_parse(line: str) -> None:
    parse(line)


def options(text: str) -> set[str]:
    """Return the options that a page names, in code and in prose, but for other programs'."""
    ours = re.sub(
        r"`(?:pip|make|python|npm) [^`]*`|^(?:pip|make) .*$", "", text, flags=re.MULTILINE
    )
    return set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", ours))


@pytest.mark.parametrize("page", PAGES)
def test_options_that_pages_name_exist(page: str) -> None:
    context = click.Context(cli)
    known = {"--help", "--version"}
    groups: list[click.Command] = [cli]
    for command in groups:
        known |= {
            name for option in command.params for name in (*option.opts, *option.secondary_opts)
        }
        if isinstance(command, click.Group):
            found = (command.get_command(context, name) for name in command.list_commands(context))
            groups.extend(sub for sub in found if sub is not None)
    assert options(PAGES[page]) <= known


@pytest.mark.parametrize("block", PYTHON, ids=range(len(PYTHON)))
def test_python_examples_run(
    block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fill_scene(tmp_path, block)
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "python block", "exec"), {})
    assert capsys.readouterr().out, "the example shows something"


@pytest.mark.slow
@pytest.mark.parametrize("page", [name for name in PAGES if commands(PAGES[name])])
def test_commands_of_a_page_run_one_after_the_other(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [line for line in commands(PAGES[page]) if not any(why in line for why in NOT_HERE)]
    fill_scene(tmp_path, "\n".join(lines))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PERSAM_VOS_DATA", str(tmp_path / "data"))
    for line in lines:
        assert cli.main(hurried(line), standalone_mode=False) in (0, None), line


@pytest.mark.slow
@pytest.mark.parametrize(
    "line", [line for line in PIPELINES if not any(why in line for why in NOT_HERE)]
)
def test_pipelines_run(line: str, tmp_path: Path) -> None:
    fill_scene(tmp_path, line)
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    quick = line.replace("persam-vos track", "persam-vos track --image-size 256")
    ended = subprocess.run(
        ["bash", "-o", "pipefail", "-c", quick],
        cwd=tmp_path,
        env=os.environ | {"PATH": programs},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


def hurried(line: str) -> list[str]:
    """Return the arguments of a command line that may replace results and shows small pictures."""
    arguments = shlex.split(line, comments=True)[1:]
    if arguments[:2] == ["eval", "perseg"]:
        return [*arguments, "--overwrite"]
    own_size = {"--method", "--quality", "--image-size", "--recipe"} & set(arguments)
    if arguments[0] in ("track", "eval", "mask") and "--predictions" not in arguments:
        arguments += [] if "--resume" in arguments else ["--overwrite"]
        arguments += [] if own_size else ["--image-size", "256"]
    return arguments
