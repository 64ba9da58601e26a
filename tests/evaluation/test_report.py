"""The report of runs that only score; nothing here needs the network."""

from __future__ import annotations

import json
import re
import shutil
from html import escape, unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from persam_vos.datasets.catalog import open_split
from persam_vos.datasets.clips import Split
from persam_vos.evaluation import evaluate_predictions, write_report
from persam_vos.media.label_png import write_label_png

ODD_NAME = "a&b 'c'"
SIZE_HW = (40, 60)
VOID_ELEMENTS = {"meta", "img"}


def labels_at(x: int) -> np.ndarray:
    labels = np.zeros(SIZE_HW, np.uint8)
    labels[10:30, x : x + 20] = 1
    return labels


@pytest.fixture
def split(make_tree):
    """Two clips of eight frames; the object is at the same place in all of them."""
    frames = [(np.full((*SIZE_HW, 3), 90, np.uint8), labels_at(20))] * 8
    return open_split("folder", make_tree({ODD_NAME: frames, "plain": frames}))


@pytest.fixture
def folder(split: Split, tmp_path: Path) -> Path:
    """A scored folder: plain is perfect but for frames 2 and 5, the other clip is off by more."""
    for clip in split.clips:
        (tmp_path / "masks" / clip.name).mkdir(parents=True)
        for k in range(8):
            off = {2: 8, 5: 4}.get(k, 0) if clip.name == "plain" else 10
            path = tmp_path / "masks" / clip.name / f"{k:05d}.png"
            write_label_png(path, labels_at(20 + off))
    evaluate_predictions(split, tmp_path / "masks", tmp_path / "out", command="eval <folder>")
    return tmp_path / "out"


class _Reader(HTMLParser):
    """Collects addresses, texts and open elements."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.addresses += [value for name, value in attrs if name in ("src", "href", "srcset")]
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID_ELEMENTS:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def read(folder: Path) -> tuple[str, _Reader]:
    html = (folder / "report.html").read_text("utf-8")
    reader = _Reader()
    reader.feed(html)
    return html, reader


def test_report_is_well_formed_and_needs_nothing_else(folder):
    html, reader = read(folder)
    assert reader.open == []
    assert html.lstrip().startswith("<!DOCTYPE html>")
    assert not re.search(r"https?://|@import|url\(", html)
    inside = {f"#{name}" for name in reader.ids}
    assert all(one.startswith("data:image/jpeg") or one in inside for one in reader.addresses)
    assert len(set(reader.ids)) == len(reader.ids)


def test_names_and_commands_are_escaped(folder):
    html, reader = read(folder)
    assert ODD_NAME in reader.text
    assert ODD_NAME not in html
    assert escape("eval <folder>") in html


def test_every_clip_is_named_the_worst_first(folder):
    rows = re.findall(r'<td><a href="#clip-\d">(.*?)</a>', read(folder)[0])
    assert [unescape(name) for name in rows] == [ODD_NAME, "plain"]


def test_numbers_are_those_of_the_results(folder):
    told = json.loads((folder / "results.json").read_text())
    assert f'<div class="big">{100 * told["global"]["J&F-Mean"]:.1f}</div>' in read(folder)[0]


def test_pictured_frames_are_the_worst_of_their_clip(folder):
    captions = re.findall(r"<figcaption>frame (\d+)", read(folder)[0])
    assert captions[2:] == ["00002", "00005"]


def test_same_files_give_the_same_bytes(folder, split):
    before = (folder / "report.html").read_bytes()
    write_report(folder, split)
    assert (folder / "report.html").read_bytes() == before
    assert not list(folder.glob(".part-*"))


def test_without_frames_there_are_no_pictures_and_it_says_so(folder, split):
    shutil.rmtree(split.root / "JPEGImages")
    write_report(folder, split)
    html, reader = read(folder)
    assert "<img" not in html
    assert "No pictures:" in reader.text


def test_a_damaged_frame_is_told_in_its_place(folder, split):
    damaged = split.root / "JPEGImages/plain/00002.png"
    damaged.write_bytes(b"no picture")
    write_report(folder, split)
    html, reader = read(folder)
    assert html.count("<img") == 3
    assert f"{damaged}: got a file that cannot be read" in reader.text


def test_failed_clips_are_told_and_their_leftovers_are_not_shown(folder, split):
    told = json.loads((folder / "run.json").read_text())
    told["failures"] = {"plain": "a <reason>"}
    (folder / "run.json").write_text(json.dumps(told))
    write_report(folder, split)
    html, reader = read(folder)
    assert "1 clip failed" in reader.text
    assert "a &lt;reason&gt;" in html
    assert html.count("nothing predicted") == 2
