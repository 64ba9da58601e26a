"""What people see on stderr: all of it, or with `--quiet` failures alone."""

from __future__ import annotations

import pytest
from persam_vos_cli.progress import Console


@pytest.mark.parametrize("quiet", [False, True])
def test_quiet_leaves_failures(capsys: pytest.CaptureFixture[str], quiet: bool) -> None:
    console = Console(quiet=quiet)
    console.warn("a [bold] warning")
    console.say("a line")
    console.fail("broken")
    with console.download() as show, console.frames() as progress:
        show("weights", 1, 2)
        progress.start("1 object", 2)
        progress.advance()
    out, err = capsys.readouterr()
    failed = "persam-vos: broken"
    assert out == ""
    assert [line for line in err.splitlines() if line.strip()] == (
        [failed] if quiet else ["warning: a [bold] warning", "a line", failed]
    )


def test_a_terminal_gets_bars_one_at_a_time(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with Console(quiet=False).frames() as progress:
        progress.advance()  # before there is a bar
        progress.start("first", 1)
        progress.advance()
        progress.start("second", None)
        progress.advance()
    assert "second" in capsys.readouterr().err
