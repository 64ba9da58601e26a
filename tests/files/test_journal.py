"""Lines count only as they were written, and what counts is gone on with."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from persam_vos.errors import OutputError
from persam_vos.files.journal import JournalFile

HEAD = {"run": "é", "shares": [0.1, 1e-9, None]}
RECORDS = [{"number": number, "text": "a\nb"} for number in range(4)]


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "folder" / "j.jsonl"
    with closing(JournalFile(path)) as journal:
        journal.open(HEAD)
        for record in RECORDS:
            journal.add(record, sync=True)
    return path


def test_records_come_back_and_lines_are_json(written: Path) -> None:
    journal = JournalFile(written)
    assert (journal.head(), list(journal.records())) == (HEAD, RECORDS)
    lines = [json.loads(line) for line in written.read_text().splitlines()]
    assert [line["number"] for line in lines[1:]] == [0, 1, 2, 3]


def test_there_is_nothing_in_a_file_that_is_not_there(tmp_path: Path) -> None:
    journal = JournalFile(tmp_path / "none")
    assert (journal.head(), list(journal.records())) == (None, [])


@pytest.mark.parametrize(
    ("damage", "left"),
    [
        (lambda data: data[:-1], 3),
        (lambda data: data.replace(b'"number": 2', b'"number": 7'), 2),
        (lambda data: data.replace(b'"number": 1', b"\xff\xff"), 1),
        (lambda data: data + b"[" * 100_000 + b"\n", 4),
        (lambda data: data + b'{"number": 4}\n', 4),
        (lambda data: b"\0" * 99 + data, -1),
    ],
)
def test_what_is_damaged_and_behind_it_is_written_again(written: Path, damage, left: int) -> None:
    whole = written.read_bytes()
    written.write_bytes(damage(whole))
    with closing(JournalFile(written)) as journal:
        assert (journal.head() is None) == (left < 0)
        assert len(list(journal.records())) == max(0, left)
        journal.open(HEAD)
        for record in RECORDS[max(0, left) :]:
            journal.add(record)
    assert written.read_bytes() == whole


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "j").mkdir()
    with pytest.raises(OutputError, match=r"cannot write .*j: got a folder"):
        JournalFile(tmp_path / "j").open(HEAD)
