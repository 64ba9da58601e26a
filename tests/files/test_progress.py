from __future__ import annotations

import pytest

from persam_vos.files.progress import ProgressCallback, silent


def test_nobody_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    report: ProgressCallback = silent
    report("fetching", 1, 2)
    report("unpacking", 1, None)
    assert capsys.readouterr() == ("", "")
