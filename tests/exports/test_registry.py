"""The table of exports: every entry works, by every one of its choices."""

from __future__ import annotations

from pathlib import Path

import pytest
from exported_run import export

from persam_vos.errors import UsageError
from persam_vos.exports import registry
from persam_vos.exports.exporter import option_table
from persam_vos.exports.registry import EXPORTS, parse_export


def every_choice() -> list[str]:
    """Each export as it is, and with each value of each option that has a few."""
    texts = []
    for name, entry in EXPORTS.items():
        texts.append(name)
        for key, values, _ in option_table(entry.kind):
            texts += [f"{name}:{key}={value}" for value in values.split("|")[1:]]
    return texts


@pytest.mark.parametrize("text", every_choice())
def test_every_export_writes_what_it_says(text: str, image_run: Path, tmp_path: Path) -> None:
    path = export(image_run, text, tmp_path)
    suffix = parse_export(text).exporter.suffix
    assert path.is_file() if suffix else any(path.iterdir())
    assert [one.name for one in tmp_path.iterdir()] == [path.name], "nothing else is left"


@pytest.mark.parametrize("name", EXPORTS)
def test_every_export_says_what_it_is_and_what_its_options_are_for(name: str) -> None:
    entry = EXPORTS[name]
    assert entry.summary
    assert entry.kind.__doc__
    assert all(purpose for _, _, purpose in option_table(entry.kind))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nothing", "'nothing'"),
        ("coco:colour=red", "the option 'colour'"),
        ("masks:kind=grey", "it has no options"),
        ("labels:kind=blue", "one of palette, grey, 16bit, rgb"),
        ("labels:offset=many", "a whole number"),
        ("labels:offset=300", "choose kind=16bit"),
        ("labels:kind=16bit,offset=-1", "0 to 65280"),
        ("rgba:each=perhaps", "yes or no"),
        ("overlay:colour=nothing", "#rrggbb"),
        ("gif:rate=0", "pictures a second"),
        ("gif:rate=nan", "pictures a second"),
        ("webp:quality=200", "1 to 100"),
        ("contact-sheet:count=0", "1 or more"),
        ("crops:size=3", "16 to 4096 pixels"),
        ("crops:margin=-1", "a margin from 0"),
        ("label-studio:tolerance=-1", "0 or more"),
        ("", "''"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(text: str, words: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_export(text)
    assert words in str(refused.value)


def test_an_option_alone_means_yes() -> None:
    assert parse_export("rgba:each") == parse_export("rgba:each=yes")


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"no OpenEXR.*pip install 'persam-vos\[export\]'"):
        parse_export("exr")


def markdown_table() -> str:
    """The table of exports as the documents have it."""
    rows = ["| name | what | options, the default first |", "|---|---|---|"]
    for entry in EXPORTS.values():
        options = "; ".join(f"`{key}={values}`" for key, values, _ in option_table(entry.kind))
        escaped = options.replace("|", "\\|")
        rows.append(f"| `{entry.name}` | {entry.summary} | {escaped} |")
    return "\n".join(rows)


def test_the_documents_have_the_table() -> None:
    page = Path(__file__).parents[2] / "docs" / "exports.md"
    assert markdown_table() in page.read_text()
