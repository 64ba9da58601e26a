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
    """An entry of the table: ``home`` is ``module:class`` in this package.

    ``library`` is what it needs beyond the plain installation: its module and package.
    """

    name: str
    home: str
    summary: str
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
    # Label maps
    Export("labels", "label_pngs:Labels", "label maps: palette, grey, 16-bit or colour PNGs"),
    Export("masks", "label_pngs:Masks", "a black and white PNG for each object and frame"),
    # Mattes
    Export("rgba", "rgba:Rgba", "the objects cut out, as RGBA PNGs"),
    Export("prores", "alpha_video:ProRes", "the same as ProRes 4444 (.mov)"),
    Export("webm", "alpha_video:WebM", "the same as VP9 for web pages (.webm)"),
    Export("matte", "matte_video:Matte", "soft masks alone, as a grey video"),
    Export("exr", "exr:Exr", "multi-layer OpenEXR", library=_EXR),
    # Labels
    Export("coco", "coco:Coco", "COCO JSON: run lengths, tracks, scores", library=_COCO),
    Export("youtube-vis", "youtube:YoutubeVis", "YouTube-VIS JSON", library=_COCO),
    Export("youtube-vos", "youtube:YoutubeVos", "folder of YouTube-VOS"),
    Export("mot", "boxes:Mot", "MOTChallenge text"),
    Export("boxes-csv", "boxes:BoxesCsv", "boxes, areas and scores as CSV"),
    Export("boxes-jsonl", "boxes:BoxesJsonLines", "the same as JSON lines"),
    Export("yolo-seg", "yolo:YoloSeg", "YOLO data set of polygons"),
    Export("yolo-track", "yolo:YoloTrack", "YOLO data set of boxes, with tracks"),
    Export("cvat", "cvat:Cvat", "CVAT for video 1.1, masks and tracks of boxes"),
    Export("label-studio", "label_studio:LabelStudio", "Label Studio tasks with predictions"),
    Export("labelme", "labelme:LabelMe", "LabelMe JSON files with masks"),
    # Pictures
    Export("frames", "pictures:Frames", "the pictures of the source, named as the masks are"),
    Export("overlay", "overlay_video:OverlayVideo", "the objects shown in the video, in a style"),
    Export("gif", "animation:Gif", "the same as a GIF"),
    Export("webp", "animation:WebP", "the same as an animated WebP"),
    Export("contact-sheet", "contact_sheet:ContactSheet", "the same as one picture of many frames"),
    Export("crops", "crops:Crops", "a video or folder that follows each object"),
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
