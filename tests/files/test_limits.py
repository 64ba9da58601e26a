"""What rubbish and bombs meet, and how a user allows more."""

from __future__ import annotations

from pathlib import Path

import pytest

from persam_vos.errors import MaskError, MediaError, UsageError
from persam_vos.files.limits import MAX_PIXELS, check_pixels, parse_json, read_json


def test_a_picture_of_too_many_pixels_is_refused_until_the_user_allows_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check_pixels("a.png", (10_000, 10_000))
    with pytest.raises(MediaError, match="set PERSAM_VOS_MAX_PIXELS to more than 178956970"):
        check_pixels("a.png", (20_000, 20_000))
    with pytest.raises(MaskError, match="a picture of 1 x 1000000000"):
        check_pixels("a.png", (1_000_000_000, 1), MaskError)
    monkeypatch.setenv("PERSAM_VOS_MAX_PIXELS", "400000000")
    check_pixels("a.png", (20_000, 20_000))


@pytest.mark.parametrize("text", ["many", "0", "-1", "1.5", "٣"])
def test_a_limit_that_is_no_number_is_named(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSAM_VOS_MAX_PIXELS", text)
    with pytest.raises(UsageError, match=r"PERSAM_VOS_MAX_PIXELS: got .* pixels of a picture"):
        _ = MAX_PIXELS.value


def test_json_that_is_nested_too_deeply_is_no_json() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_json("[" * 100_000)


def test_json_is_read_up_to_a_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"a": [1, "é"]}', encoding="utf-8")
    assert read_json(path) == {"a": [1, "é"]}
    monkeypatch.setenv("PERSAM_VOS_MAX_TEXT_MB", "1")
    path.write_bytes(b"[" + b" " * (1 << 20) + b"]")
    with pytest.raises(ValueError, match=r"more than 1 MB .* set PERSAM_VOS_MAX_TEXT_MB"):
        read_json(path)


def test_texts_with_characters_that_no_name_has_are_no_json() -> None:
    assert parse_json(r'["\ud83d\ude00", "\udcff"]') == ["\U0001f600", "\udcff"]
    for text in (r'"a\u0000"', r'"\ud800"', r'{"\udc00": 1}'):
        with pytest.raises(ValueError, match=r"code 0|surrogates"):
            parse_json(text)
