"""The cache of models: made once, made again when stale or damaged, never needed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from persam_vos.backends.model_cache import cached_model
from persam_vos.files.progress import silent


class Maker:
    """Makes something else each time."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> bytes:
        self.count += 1
        return b"made %d" % self.count


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PERSAM_VOS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "encoders"


def test_it_is_made_once(cache: Path) -> None:
    make = Maker()
    assert [cached_model("one", "fingerprint", make, silent) for _ in range(3)] == [b"made 1"] * 3
    assert cached_model("two", "fingerprint", make, silent) == b"made 2"
    assert sorted(path.name for path in cache.glob("*.model")) == ["one.model", "two.model"]


def test_another_recipe_takes_its_place(cache: Path) -> None:
    make = Maker()
    cached_model("one", "fingerprint", make, silent)
    assert cached_model("one", "better fingerprint", make, silent) == b"made 2"
    assert cached_model("one", "better fingerprint", make, silent) == b"made 2"
    assert len(list(cache.glob("*.model"))) == 1


def test_the_least_used_go_when_there_are_many(cache: Path) -> None:
    for number in range(14):
        cached_model(f"{number:02}", "fingerprint", Maker(), silent)
        os.utime(cache / f"{number:02}.model", (number, number))
        if number:
            cached_model("00", "fingerprint", Maker(), silent)
    left = sorted(path.stem for path in cache.glob("*.model"))
    assert left == ["00", *(f"{number:02}" for number in range(3, 14))]


@pytest.mark.parametrize(
    "damage",
    [lambda data: data[:0], lambda data: data[:-1], lambda data: data[:-1] + b"!"],
    ids=["empty", "cut short", "changed"],
)
def test_what_is_damaged_is_made_again(cache: Path, damage: Callable[[bytes], bytes]) -> None:
    make = Maker()
    cached_model("one", "fingerprint", make, silent)
    path = cache / "one.model"
    path.write_bytes(damage(path.read_bytes()))
    assert cached_model("one", "fingerprint", make, silent) == b"made 2"
    assert cached_model("one", "fingerprint", make, silent) == b"made 2"


def test_a_cache_that_cannot_be_written_to_is_not_needed(cache: Path) -> None:
    cache.parent.parent.mkdir(exist_ok=True)
    cache.parent.write_text("a file where the folder should be")
    make = Maker()
    assert cached_model("one", "fingerprint", make, silent) == b"made 1"
    assert cached_model("one", "fingerprint", make, silent) == b"made 2"


def test_what_fails_leaves_nothing_behind(cache: Path) -> None:
    def fail() -> bytes:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        cached_model("one", "fingerprint", fail, silent)
    assert cached_model("one", "fingerprint", Maker(), silent) == b"made 1"
    assert not list(cache.glob("*.tmp"))
