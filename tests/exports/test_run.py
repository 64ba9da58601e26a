"""One export of a run: checked first, whole or not at all."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from exported_run import COUNT

from persam_vos.errors import MediaError, OutputError, ScoringError
from persam_vos.exports.registry import parse_export
from persam_vos.exports.run import default_path, export_all, export_run


def test_exports_go_to_the_run_by_default(image_run: Path, tmp_path: Path) -> None:
    run = shutil.copytree(image_run, tmp_path / "run")
    started: list[tuple[str, int]] = []
    frames: list[None] = []
    done = export_run(
        run,
        parse_export("boxes-csv"),
        on_start=lambda name, count: started.append((name, count)),
        on_frame=lambda: frames.append(None),
    )
    assert done.path == run / "exports/boxes-csv.csv"
    assert (done.frame_count, done.warnings) == (COUNT, ())
    assert (started, len(frames)) == ([("boxes-csv", COUNT)], COUNT)


def test_two_exports_of_one_name_are_told_apart(image_run: Path, tmp_path: Path) -> None:
    run = shutil.copytree(image_run, tmp_path / "run")
    both = [parse_export("labels"), parse_export("labels:kind=grey")]
    done = export_all(run, both, overwrite=False)
    assert [one.path.name for one in done] == ["labels", "labels-2"]


def test_what_is_there_is_replaced_only_if_asked(image_run: Path, tmp_path: Path) -> None:
    for text, name in (("boxes-csv", "b.csv"), ("labels", "labels")):
        chosen = parse_export(text)
        export_run(image_run, chosen, output=tmp_path / name)
        with pytest.raises(OutputError, match="overwrite=True"):
            export_run(image_run, chosen, output=tmp_path / name)
        export_run(image_run, chosen, output=tmp_path / name, overwrite=True)


def test_a_folder_that_no_export_wrote_is_never_replaced(image_run: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("dear")
    with pytest.raises(OutputError, match="a folder that no export wrote"):
        export_run(image_run, parse_export("labels"), output=tmp_path / "mine", overwrite=True)
    assert (tmp_path / "mine/letter.txt").read_text() == "dear"


@pytest.mark.parametrize("where", ["", "..", "../shots"])
def test_run_and_video_are_never_written_over(where: str, image_run: Path) -> None:
    with pytest.raises(OutputError, match="what holds the video or the run"):
        export_run(image_run, parse_export("labels"), output=image_run / where, overwrite=True)
    assert (image_run / "track.json").exists()


def test_another_suffix_is_refused(image_run: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"choose a\.json"):
        export_run(image_run, parse_export("coco"), output=tmp_path / "a.xml")


@pytest.mark.parametrize("text", ["labels", "boxes-csv", "coco", "cvat", "matte"])
def test_nothing_is_left_of_an_export_that_fails(
    text: str, image_run: Path, tmp_path: Path
) -> None:
    run = shutil.copytree(image_run, tmp_path / "run")
    (run / "masks/shot4.png").unlink()
    before = sorted(run.rglob("*"))
    with pytest.raises((MediaError, ScoringError)):
        export_run(run, parse_export(text))
    assert [one for one in sorted(run.rglob("*")) if one not in before] == [run / "exports"]
    assert not any((run / "exports").iterdir())


def test_a_failed_export_leaves_the_earlier_one(image_run: Path, tmp_path: Path) -> None:
    run = shutil.copytree(image_run, tmp_path / "run")
    done = export_run(run, parse_export("labels"))
    (run / "masks/shot4.png").unlink()
    with pytest.raises(ScoringError):
        export_run(run, parse_export("labels"), overwrite=True)
    assert (done.path / "shot5.png").exists()
    assert [one.name for one in done.path.parent.iterdir()] == ["labels"]


def test_what_a_run_lacks_is_said(video_run: Path, tmp_path: Path) -> None:
    run = shutil.copytree(video_run, tmp_path / "run")
    log = json.loads((run / "track.json").read_text())
    (run / "track.json").write_text(json.dumps(log | {"complete": False}))
    broken, lacking = export_run(run, parse_export("matte")).warnings
    assert "the run broke off" in broken
    assert "kept no soft masks" in lacking
    assert default_path(run, parse_export("matte")).exists()
