"""Windows: shown where there is a display, explained where there is none."""

from __future__ import annotations

import os
import sys

import pytest
from live_sources import captured, square

from persam_vos.errors import UsageError
from persam_vos.live.window import OverlayWindow
from persam_vos.structures import TrackedFrame

DISPLAY = sys.platform != "linux" or bool({"DISPLAY", "WAYLAND_DISPLAY"} & {*os.environ})


@pytest.mark.skipif(sys.platform != "linux", reason="only there a display can be taken away")
def test_without_a_display_it_is_explained(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(UsageError, match="window: got no display"):
        OverlayWindow(alpha=0.5)
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not DISPLAY, reason="there is no display")
def test_frames_are_shown_until_the_window_is_gone() -> None:
    window = OverlayWindow(alpha=0.5)
    tracked = TrackedFrame(captured(0).frame(), square(), ())
    assert window.show(tracked)
    assert window.show(tracked)
    window.close()
    assert window._process.returncode == 0
