"""Whether a run may write where it is asked to; more of it is in test_output_folder."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from earlier_run import write_log

from persam_vos.errors import OutputError
from persam_vos.media.output_paths import alpha_path, check_output
from persam_vos.structures import SourceInfo

INFO = SourceInfo("clip.mp4", "images", (4, 6), 3, Fraction(24))


def test_a_soft_mask_lies_in_the_folder_of_its_object() -> None:
    assert alpha_path(Path("out"), 7, "00003") == Path("out/alpha/7/00003.png")


def test_a_run_that_can_be_gone_on_with_is_neither_replaced_nor_mistaken(tmp_path: Path) -> None:
    (tmp_path / ".resume").mkdir()
    (tmp_path / ".resume/run.json").write_text("{}")
    with pytest.raises(OutputError, match=r"add resume=True to go on .* or overwrite=True"):
        check_output(tmp_path, INFO, overwrite=False)
    assert check_output(tmp_path, INFO, overwrite=True) == ()
    assert check_output(tmp_path, INFO, overwrite=False, resume=True) == ()


@pytest.mark.parametrize("resume", [False, True])
def test_the_overlay_of_a_run_that_was_killed_before_its_log_is_its_own(
    tmp_path: Path, resume: bool
) -> None:
    (tmp_path / "overlay.mp4").write_text("")
    with pytest.raises(OutputError, match=r"lists as its own: overlay\.mp4"):
        check_output(tmp_path, INFO, overwrite=not resume, resume=resume)
    (tmp_path / ".resume/overlay").mkdir(parents=True)
    own = check_output(tmp_path, INFO, overwrite=not resume, resume=resume)
    assert own == (tmp_path / "overlay.mp4",)


@pytest.mark.parametrize("resume", [False, True])
def test_what_is_left_of_a_killed_run_counts_as_its_own(tmp_path: Path, resume: bool) -> None:
    write_log(tmp_path, "00000")
    left = tmp_path / "masks/.part-0123456789ab.png"
    left.parent.mkdir()
    left.write_text("")
    own = check_output(tmp_path, INFO, overwrite=not resume, resume=resume)
    assert set(own) == {left, tmp_path / "track.json"}
    (tmp_path / "masks/mine.png").write_text("")
    with pytest.raises(OutputError, match=r"lists as its own: masks/mine\.png"):
        check_output(tmp_path, INFO, overwrite=not resume, resume=resume)
