"""What was finished is known again after a run was killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from persam_vos.errors import OutputError
from persam_vos.photos.journal import Journal


def test_whole_lines_are_kept_and_a_torn_one_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    assert Journal(path).names() == []
    with Journal(path) as journal:
        assert journal.begin("abc") == set()
        journal.add({"photo": {"photo": "a.jpg", "files": ["masks/a.png"]}})
    with path.open("ab") as file:
        file.write(b'{"photo": {"photo": "b.j')
    assert Journal(path).names() == ["masks/a.png"]
    with Journal(path) as journal:
        assert journal.begin("abc") == {"a.jpg"}
        journal.add({"photo": {"photo": "b.jpg"}})
        assert [one["photo"]["photo"] for one in journal.records()] == ["a.jpg", "b.jpg"]


def test_the_journal_of_another_run_is_refused(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        journal.begin("abc")
    with pytest.raises(OutputError, match="other references"), Journal(tmp_path / "j") as journal:
        journal.begin("xyz")
