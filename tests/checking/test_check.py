"""What `check` says of every odd file that the tests have is true."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from demo_clip import RememberingEngine
from media_clips import picture
from odd_inputs import CASES, REFUSED, Cut
from odd_masks import ODD_MASKS, SIZE_HW
from odd_videos import Clip
from PIL import Image

from persam_vos import MethodSettings, TrackRequest, check, track_to_folder
from persam_vos.checking.check import Report, fix_masks, quick_warnings
from persam_vos.checking.findings import Severity
from persam_vos.errors import MaskError, OutputError, PersamVosError, UsageError, WeightsError
from persam_vos.media.reader import open_source
from persam_vos.scoring.region import region_similarity
from persam_vos.tracking.plan import plan_request


def said(report: Report, severity: Severity) -> list[str]:
    return [str(one) for one in report.findings if one.severity == severity]


def run_fails(request: TrackRequest) -> bool:
    """Whether reading masks and all frames fails, as it would in a run."""
    try:
        plan, _ = plan_request(request)
        for _ in plan.source.frames():
            pass
    except PersamVosError:
        return True
    return False


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of four pictures."""
    folder = tmp_path_factory.mktemp("frames")
    for index in range(4):
        Image.fromarray(picture(index, SIZE_HW)).save(folder / f"{index}.png")
    return folder


@pytest.mark.parametrize("kind", CASES)
def test_what_is_said_of_odd_inputs_is_true(tmp_path: Path, kind: str) -> None:
    case = CASES[kind]
    report = check(TrackRequest(source=case.make(tmp_path)))
    assert report.video is not None
    if isinstance(case, Cut):
        assert report.fails
        (error,) = said(report, "error")
        assert f"{report.frames_read} frames" in error
        assert "the frames before it are good" in error
        return
    assert said(report, "error") == []
    assert not report.fails
    assert report.frames_read == case.count
    warnings = [one for one in said(report, "warning") if "a single picture" not in one]
    assert len(warnings) == bool(case.warning)
    assert re.search(case.warning, "".join(warnings))
    assert any("a single picture" in one for one in said(report, "warning")) == (case.count == 1)
    assert report.video.info.size_hw == next(iter(open_source(report.video.info.path))).size_hw
    if not case.damaged and case.off is not None:
        assert report.video.counted == case.count


def clip_of(make: object) -> Clip | None:
    """The clip whose method this is, if it is one's."""
    owner = getattr(make, "__self__", None)
    return owner if isinstance(owner, Clip) else None


CLIPS = {kind: clip for kind, case in CASES.items() if (clip := clip_of(case.make)) is not None}
MATRICES = {1: "BT.709", 5: "BT.601", 6: "BT.601", 9: "BT.2020"}
BITS = {"10le": 10, "12le": 12, "16le": 16}


@pytest.mark.parametrize("kind", CLIPS)
def test_what_a_video_says_of_itself_is_what_it_was_written_with(tmp_path: Path, kind: str) -> None:
    clip = CLIPS[kind]
    video = check(TrackRequest(source=clip.make(tmp_path))).video
    assert video is not None
    info, yuv = video.info, clip.pixel_format.startswith("yuv")
    assert info.pixel_aspect == (clip.aspect or Fraction(1))
    assert info.transfer == {16: "PQ", 18: "HLG"}.get(clip.colour[2], "")
    if clip.codec != "prores_ks":  # whose decoder gives 12 bits, whatever went in
        assert info.bit_depth == BITS.get(clip.pixel_format[-4:], 8)
    assert video.alpha == (clip.pixel_format.startswith(("yuva", "argb")))
    if yuv and video.colour_matrix:
        assert video.colour_matrix == MATRICES[clip.colour[0]]
    if clip.codec in ("libx264", "libx265") and clip.name.endswith(("mp4", "ts")):
        assert video.colour_matrix == MATRICES[clip.colour[0]]
        assert video.colour_range == {1: "limited", 2: "full"}[clip.colour[1]]
    steps = np.diff(clip.times)
    assert video.variable_rate == (len(steps) > 1 and float(np.ptp(steps)) > 0.01)
    if video.variable_rate:
        assert video.longest_seconds == pytest.approx(max(steps), abs=0.01)


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_refused_is_said_to_fail_in_the_words_of_the_run(tmp_path: Path, kind: str) -> None:
    make, words = REFUSED[kind]
    request = TrackRequest(source=make(tmp_path))
    try:
        report = check(request)
    except UsageError as error:
        assert re.search(words, str(error))
        return
    assert report.fails
    assert re.search(words, "; ".join(f": got {one}" for one in said(report, "error"))) or any(
        re.search(words.replace("got ", ""), one) for one in said(report, "error")
    )


@pytest.mark.parametrize("kind", ODD_MASKS)
def test_what_is_said_of_odd_masks_is_true(tmp_path: Path, frames: Path, kind: str) -> None:
    case = ODD_MASKS[kind]
    request = TrackRequest(source=frames, masks=case.write(tmp_path / "m"))
    report = check(request)
    assert report.fails == run_fails(request)
    assert len(report.findings) == len(case.said), report.findings
    for severity, words in case.said:
        assert any(words in one for one in said(report, severity)), report.findings
    refused = [file for file in report.mask_files if file.problem is not None]
    assert [file.fixable for file in refused] == [case.clean is not None] * len(refused)
    if not report.fails:
        plan, reference = plan_request(request)
        assert {one.object_id for one in report.objects[0]} == {*reference.object_ids}
        warnings = said(report, "warning")
        assert {*warnings} >= {*reference.warnings, *quick_warnings(plan, MethodSettings())}


@pytest.mark.parametrize("kind", [kind for kind, one in ODD_MASKS.items() if one.clean is not None])
def test_a_clean_mask_is_what_was_meant_and_leaves_nothing_to_say(
    tmp_path: Path, frames: Path, kind: str
) -> None:
    case = ODD_MASKS[kind]
    file = case.write(tmp_path / "m")
    before = file.read_bytes()
    request = TrackRequest(source=frames, masks=file)
    clean = fix_masks(request, tmp_path / "clean.png")
    assert file.read_bytes() == before
    assert case.clean is not None
    assert {*np.unique(clean.label_map)} == {*np.unique(case.clean)}
    for object_id in np.unique(case.clean)[1:]:
        overlap = region_similarity(clean.label_map == object_id, case.clean == object_id)
        assert overlap > 0.85, (object_id, overlap)
    report = check(TrackRequest(source=frames, masks=tmp_path / "clean.png"))
    assert not report.fails
    (written,) = report.mask_files
    assert (written.kind, written.size_hw, written.void_px) == ("palette PNG", SIZE_HW, 0)
    assert all(one.specks == one.holes == 0 for one in report.objects[0])
    kept = [severity for severity, words in case.said if severity == "error" or "void" in words]
    assert bool(clean.changes) >= bool(kept)


def test_what_cannot_be_cleaned_writes_nothing(tmp_path: Path, frames: Path) -> None:
    request = TrackRequest(source=frames, masks=ODD_MASKS["a photo"].write(tmp_path / "m"))
    with pytest.raises(MaskError, match="a photograph"):
        fix_masks(request, tmp_path / "clean.png")
    assert [path.name for path in tmp_path.iterdir()] == ["m.png"]


def test_a_clean_mask_replaces_no_file(tmp_path: Path, frames: Path) -> None:
    mask = ODD_MASKS["void"].write(tmp_path / "m")
    before = mask.read_bytes()
    with pytest.raises(OutputError, match="is never replaced"):
        fix_masks(TrackRequest(source=frames, masks=mask), mask)
    assert mask.read_bytes() == before


def test_a_time_is_given_with_an_engine_alone_and_not_for_a_run_that_fails(
    tmp_path: Path, frames: Path, engine: RememberingEngine
) -> None:
    mask = ODD_MASKS["palette"].write(tmp_path / "m")
    small = MethodSettings(image_size=256)
    loaded = RememberingEngine(engine.network, engine.compute, small, {"name": "mobile-sam"})
    request = TrackRequest(source=frames, masks=mask)
    assert check(request, settings=small).estimate is None
    report = check(request, settings=small, engine=lambda: loaded, started_seconds=100.0)
    assert report.estimate is not None
    assert (report.estimate.frame_count, report.estimate.object_count) == (4, 2)
    assert report.estimate.start_seconds > 100
    nothing = TrackRequest(source=frames)
    without = check(nothing, settings=small, engine=lambda: loaded)
    assert without.estimate is not None
    assert (without.estimate.object_count, without.objects) == (1, {})
    bad = TrackRequest(source=frames, masks=ODD_MASKS["black"].write(tmp_path / "b"))
    assert check(bad, settings=small, engine=lambda: pytest.fail("not loaded")).estimate is None


def test_weights_that_are_missing_are_a_finding(tmp_path: Path, frames: Path) -> None:
    def load() -> RememberingEngine:
        raise WeightsError("vit-h", got="no connection", expected="one", remedy="connect")

    report = check(
        TrackRequest(source=frames, masks=ODD_MASKS["palette"].write(tmp_path / "m")), engine=load
    )
    assert report.fails
    assert said(report, "error") == ["vit-h: no connection, expected one; connect"]


def test_a_run_warns_of_what_can_be_seen_at_once(
    tmp_path: Path, frames: Path, engine: RememberingEngine
) -> None:
    loaded = replace(engine, settings=MethodSettings(image_size=256))
    request = TrackRequest(
        source=str(frames / "*.png"),
        masks=ODD_MASKS["a dot"].write(tmp_path / "m"),
        output=tmp_path / "out",
        overlay=False,
    )
    warnings = track_to_folder(request, engine=loaded).warnings
    assert len(warnings) == 1
    assert "object 2: a box of 1 x 1 pixels, whose long side is 3 of the encoder's" in warnings[0]
    assert json.loads((tmp_path / "out/track.json").read_text())["warnings"] == list(warnings)
