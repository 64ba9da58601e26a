"""The overview: pages of HTML that need no other file, a bounded number of photos on each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any

import jinja2

from ..files.atomic import atomic_path
from ..files.journal import Record
from .journal import Journal

OVERVIEW = "overview.html"
PER_PAGE = 60
"""Photos on a page: about 3 MB."""
_FAILURES_SHOWN = 50
_TEMPLATE = "overview_template.html"


def write_overview(folder: Path, journal: Journal, facts: Mapping[str, Any]) -> list[str]:
    """Write `overview.html`, and more pages where there are more photos; returns their names."""
    totals = _totals(journal, facts["object_ids"])
    count = max(1, -(-totals["photos"] // PER_PAGE))
    names = [OVERVIEW, *(f"{Path(OVERVIEW).stem}-{n}.html" for n in range(2, count + 1))]
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["percent"] = lambda value: f"{100 * min(value, 0.999):.1f} %"
    template = environment.from_string(files(__package__).joinpath(_TEMPLATE).read_text("utf-8"))
    pages = _pages(journal)
    for number, name in enumerate(names, 1):
        cards = next(pages, [])
        text = template.render(
            facts=facts, totals=totals, cards=cards, pages=names, number=number, per_page=PER_PAGE
        )
        with atomic_path(folder / name) as temporary:
            temporary.write_text(text, "utf-8")
    return names


def _pages(journal: Journal) -> Iterator[list[Record]]:
    """Group the photos that could be read by page."""
    read = (record for record in journal.records() if "error" not in record["photo"])
    while page := list(islice(read, PER_PAGE)):
        yield page


def _totals(journal: Journal, object_ids: list[int]) -> dict[str, Any]:
    """Count photos, and in how many each object was found; the failures are listed."""
    found, photos, failures = dict.fromkeys(object_ids, 0), 0, list[Record]()
    failed = 0
    for record in journal.records():
        photo = record["photo"]
        if "error" in photo:
            failed += 1
            if len(failures) < _FAILURES_SHOWN:
                failures.append(photo)
            continue
        photos += 1
        for one in photo["objects"]:
            found[one["object_id"]] += one["present"]
    return {"photos": photos, "found": found, "failed": failed, "failures": failures}
