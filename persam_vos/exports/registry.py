"""The table of exports: help, documents and tests are made from it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import cast

from ..errors import UsageError
from .exporter import Exporter, make_exporter


@dataclass(frozen=True, slots=True)
class Export:
    """An entry of the table. ``home`` is ``module:class`` in this package.

    ``reads`` says who reads it. ``alpha`` tells whether it shows soft masks, which a run keeps only
    if asked to. ``library`` is what it needs beyond the plain installation: its module and package.
    """

    name: str
    home: str
    summary: str
    reads: str
    alpha: bool = False
    library: tuple[str, str] | None = None

    @property
    def kind(self) -> type[Exporter]:
        """The class of its exporter, which is imported now."""
        module, _, attribute = self.home.partition(":")
        found = getattr(import_module(f".{module}", package=__package__), attribute)
        return cast(type[Exporter], found)


_COCO = ("pycocotools", "pycocotools")
_EXR = ("OpenEXR", "OpenEXR")

_TABLE = (
    Export("labels", "label_pngs:Labels", "label map PNGs: palette, grey, 16 bit or colour", "all"),
    Export("masks", "label_pngs:Masks", "a black and white PNG for each object and frame", "all"),
    Export("rgba", "rgba:Rgba", "the objects cut out, as RGBA PNGs", "compositors", alpha=True),
    Export("prores", "alpha_video:ProRes", "ProRes 4444 with alpha (.mov)", "editors", alpha=True),
    Export("webm", "alpha_video:WebM", "VP9 with alpha (.webm)", "web pages", alpha=True),
    Export("matte", "matte_video:Matte", "soft masks as a grey video", "editors", alpha=True),
    Export("exr", "exr:Exr", "multi-layer OpenEXR", "Nuke and others", alpha=True, library=_EXR),
    Export("coco", "coco:Coco", "COCO JSON with run lengths and tracks", "COCO", library=_COCO),
)

EXPORTS = {entry.name: entry for entry in _TABLE}
"""Every export by its name."""


@dataclass(frozen=True, slots=True)
class ChosenExport:
    """An export with its options, as a user asked for it; produced by `parse_export`."""

    entry: Export
    exporter: Exporter


def parse_export(text: str) -> ChosenExport:
    """Understand ``NAME`` or ``NAME:key=value,key=value``; raises UsageError.

    A key alone stands for ``key=yes``. Also raises for a library that is not installed.

    >>> parse_export("labels:kind=grey").exporter
    Labels(kind='grey', offset=0)
    """
    name, _, rest = text.partition(":")
    entry = EXPORTS.get(name)
    if entry is None:
        expected = f"one of {', '.join(EXPORTS)}"
        raise UsageError("export", got=repr(name), expected=expected)
    given: dict[str, str] = {}
    for part in filter(None, rest.split(",")):
        key, equals, value = part.partition("=")
        given[key.strip()] = value if equals else "yes"
    if entry.library is not None and find_spec(entry.library[0]) is None:
        raise UsageError(
            f"export {name}",
            got=f"no {entry.library[1]}",
            expected="this library",
            remedy="pip install 'persam-vos[export]'",
        )
    return ChosenExport(entry, make_exporter(name, entry.kind, given))
