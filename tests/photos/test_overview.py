"""The overview has a bounded number of photos on a page, and needs no other file."""

from __future__ import annotations

from pathlib import Path

import pytest

from persam_vos.photos import overview
from persam_vos.photos.journal import Journal

FACTS = {
    "version": "1",
    "settings": {"method": "match", "recipe": "default", "without": []},
    "references": [{"image": "r.jpg", "object_ids": [1], "card": "data:image/jpeg;base64,xx"}],
    "object_ids": [1],
}


def record(number: int) -> dict[str, object]:
    found = {"object_id": 1, "present": number != 1, "score": 1.0, "presence": 0.5, "area_px": 3}
    photo = {"photo": f"{number}.jpg", "name": f"<{number}>", "size_hw": [4, 4]}
    return {
        "photo": photo | {"objects": [found | {"instances": [1]}]},
        "card": {"picture": f"data:,{number}", "confidence": "data:,c"},
    }


def test_photos_are_spread_over_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "PER_PAGE", 2)
    with Journal(tmp_path / "j") as journal:
        journal.begin("x")
        journal.add({"photo": {"photo": "bad.jpg", "error": "bad.jpg: <broken>"}})
        for number in range(3):
            journal.add(record(number))
        names = overview.write_overview(tmp_path, journal, FACTS)
    assert names == ["overview.html", "overview-2.html"]
    first, second = ((tmp_path / name).read_text() for name in names)
    assert "Object 1 in 2 of 3 photos" in first
    assert "&lt;0&gt;" in first
    assert "bad.jpg: &lt;broken&gt;" in first
    assert 'href="overview-2.html"' in first
    assert "not there" in first
    assert "&lt;2&gt;" in second
    assert "&lt;0&gt;" not in second
    assert "http:" not in first + second
    assert "https:" not in first + second
