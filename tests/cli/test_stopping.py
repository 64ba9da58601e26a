"""Signals: the first one ends a run in good order, the second one at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from persam_vos_cli.stopping import Stopping

ROOT = Path(__file__).parents[2]
SIGNALS = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if os.name != "nt" else [])]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are Unix's here")


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_asks_and_the_handlers_before_come_back(
    number: signal.Signals, capfd: pytest.CaptureFixture[str]
) -> None:
    inherited = signal.signal(number, signal.default_int_handler)  # which may be to ignore it
    stopping = Stopping()
    try:
        with stopping.handled():
            stopping.arm()
            assert not stopping()
            os.kill(os.getpid(), number)
            assert stopping()
        assert signal.getsignal(number) == signal.default_int_handler
    finally:
        signal.signal(number, inherited)
    assert capfd.readouterr().err == (
        "persam-vos: stopping after this frame; once more to stop at once\n"
    )


def test_before_there_is_anything_to_finish_a_signal_interrupts() -> None:
    with Stopping().handled(), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGTERM)


def test_a_signal_that_is_to_be_ignored_is() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with Stopping().handled():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


TWICE = """
import os, signal, sys
from persam_vos_cli.stopping import Stopping
stopping = Stopping()
with stopping.handled():
    stopping.arm()
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGTERM)
print("still here")
"""


def test_the_second_signal_ends_the_process_at_once() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", TWICE], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (130, "")
    assert ended.stderr.splitlines()[1:] == [
        "persam-vos: stopped at once; add --resume to go on",
    ]


RUNS = """
import json, os, signal, sys, time
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # it may be inherited as ignored
sys.path.insert(0, sys.argv[2])
from benchmarks import kills

kills.prepare()
folder, case, told = Path(sys.argv[1]), kills.CASES["both directions, exports"], {}
kills.write_clip(folder)
whole = kills.run(folder, kills.arguments_of(case, "whole"))
told["whole"] = whole.code
expected = kills.results(folder / "whole")
for name, numbers in json.loads(sys.argv[3]).items():
    def send(seconds):
        masks = list((folder / name / "masks").glob("[0-9]*.png"))
        if len(masks) >= 2 and numbers:
            os.kill(int((folder / "pid").read_text()), numbers.pop(0))
        return ""
    arguments = kills.arguments_of(case, name)
    stopped = kills.run(folder, arguments, send)
    left = [str(path.name) for path in (folder / name).rglob("*") if ".part-" in path.name]
    log = folder / name / "track.json"
    complete = json.loads(log.read_text())["complete"] if log.exists() else None
    resumed = kills.run(folder, [*arguments, "--resume"])
    same = kills.results(folder / name) == expected
    told[name] = [stopped.code, left, complete, resumed.code, same]
print(json.dumps(told))
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_run_that_gets_signals_stops_and_goes_on_to_the_same_results(tmp_path: Path) -> None:
    numbers = {one.name: [int(one)] for one in SIGNALS}
    ended = subprocess.run(
        [sys.executable, "-c", RUNS, str(tmp_path), str(ROOT), json.dumps(numbers)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert told.pop("whole") == 0
    for name, found in told.items():
        assert found == [130, [], False, 0, True], name
    said = (tmp_path / "said.txt").read_text().splitlines()
    assert said.count("persam-vos: stopped; finished frames are kept; add --resume to go on") == 3
