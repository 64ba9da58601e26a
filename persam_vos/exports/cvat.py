"""CVAT for video: masks and boxes in one XML file.

CVAT keeps one mask of a track only ("mask tracks are not supported", says its importer), so each
mask is a track of one frame, and the masks of an object share a group. Boxes are tracks.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ClassVar, Literal
from xml.sax.saxutils import XMLGenerator
from xml.sax.xmlreader import AttributesImpl

import numpy as np
import numpy.typing as npt

from ..structures import Box
from .clip import Clip, ClipFrame
from .coco import category_names
from .exporter import option


def cvat_runs(mask: npt.NDArray[np.bool_]) -> list[int]:
    """Return the lengths of the runs of an (h, w) mask row by row, that of zeros first."""
    flat = mask.ravel()
    ends = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    runs = np.diff(np.concatenate([[0], ends, [flat.size]])).tolist()
    return [0, *runs] if flat[0] else runs


@dataclass(frozen=True, kw_only=True)
class Cvat:
    """Write CVAT for video 1.1. ``group_id`` is the object's id.

    Labels must exist in the task that it is uploaded to.
    """

    label: str = option("object", "name of the label; {id} in it gives each object its own")
    shapes: Literal["both", "masks", "boxes"] = option("both", "what to write of each object")

    suffix: ClassVar[str] = ".xml"
    soft: ClassVar[bool] = False

    def write(self, clip: Clip, output: Path) -> None:
        """Write all frames; boxes of a track are held in a file until all masks are written."""
        names = category_names(self.label, clip.object_ids)
        last = clip.entries[-1].index
        with output.open("w", encoding="utf-8") as file, _BoxTracks(names) as boxes:
            document = XMLGenerator(file, "utf-8", short_empty_elements=True)
            document.startDocument()
            with _element(document, "annotations"):
                _write_head(document, clip, names)
                number = 0
                for frame in clip.frames():
                    if self.shapes != "boxes":
                        number = _write_masks(document, frame, names, number, last)
                    if self.shapes != "masks":
                        boxes.add(frame)
                document.characters("\n")
                boxes.write_to(file, number)
            document.endDocument()


class _BoxTracks:
    """A track of boxes for each object, held in files until they are written one after another."""

    def __init__(self, names: dict[int, str]) -> None:
        self._names = names
        self._files: dict[int, IO[str]] = {}
        self._gone: dict[int, str] = {}

    def __enter__(self) -> _BoxTracks:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()

    def add(self, frame: ClipFrame) -> None:
        """Add the boxes of a frame; where an object is gone, its last box says so once."""
        found = {one.object_id: one.box_xyxy for one in frame.visible}
        for object_id in self._names:
            box = found.get(object_id)
            if box is not None:
                place = _box_place(box)
                self._line(object_id, frame.index, outside=0, place=place)
                self._gone[object_id] = place
            elif object_id in self._gone:
                self._line(object_id, frame.index, outside=1, place=self._gone.pop(object_id))

    def write_to(self, file: IO[str], number: int) -> None:
        """Write the tracks, numbered from ``number`` on."""
        for object_id, held in self._files.items():
            text = _escaped(self._names[object_id])
            file.write(
                f'<track id="{number}" label="{text}" source="file" group_id="{object_id}">\n'
            )
            number += 1
            held.seek(0)
            for line in held:
                file.write(line)
            file.write("</track>\n")

    def _line(self, object_id: int, frame: int, *, outside: int, place: str) -> None:
        if object_id not in self._files:
            self._files[object_id] = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - closed on exit
        self._files[object_id].write(
            f'<box frame="{frame}" keyframe="1" outside="{outside}" occluded="0" {place} '
            'z_order="0"></box>\n'
        )


def _write_masks(
    document: XMLGenerator, frame: ClipFrame, names: dict[int, str], number: int, last: int
) -> int:
    """Write a track for each mask of a frame; returns the next track's number."""
    for one in frame.visible:
        assert one.box_xyxy is not None  # as it is visible
        x0, y0, x1, y1 = one.box_xyxy
        mask = frame.labels[y0 : y1 + 1, x0 : x1 + 1] == one.object_id
        place = {
            "rle": ", ".join(map(str, cvat_runs(mask))),
            "left": x0,
            "top": y0,
            "width": x1 - x0 + 1,
            "height": y1 - y0 + 1,
            "z_order": 0,
        }
        track = {
            "id": number,
            "label": names[one.object_id],
            "source": "file",
            "group_id": one.object_id,
        }
        with _element(document, "track", **track):
            for index, outside in ((frame.index, 0), (frame.index + 1, 1)):
                if index > last:
                    continue
                shape = {"frame": index, "keyframe": 1, "outside": outside, "occluded": 0}
                with _element(document, "mask", **shape, **place):
                    pass
        number += 1
    return number


def _write_head(document: XMLGenerator, clip: Clip, names: dict[int, str]) -> None:
    _text(document, "version", "1.1")
    height, width = clip.info.size_hw
    with _element(document, "meta"), _element(document, "task"):
        _text(document, "name", clip.name)
        _text(document, "size", clip.entries[-1].index + 1)
        _text(document, "mode", "interpolation")
        _text(document, "start_frame", 0)
        _text(document, "stop_frame", clip.entries[-1].index)
        with _element(document, "labels"):
            for name in dict.fromkeys(names.values()):
                with _element(document, "label"):
                    _text(document, "name", name)
                    _text(document, "type", "any")
                    _text(document, "attributes", "")
        with _element(document, "original_size"):
            _text(document, "width", width)
            _text(document, "height", height)


def _box_place(box: Box) -> str:
    """Return a box as CVAT has it: edges of pixels, not centres."""
    x0, y0, x1, y1 = box
    return f'xtl="{x0}.00" ytl="{y0}.00" xbr="{x1 + 1}.00" ybr="{y1 + 1}.00"'


@contextmanager
def _element(document: XMLGenerator, name: str, **attributes: object) -> Iterator[None]:
    document.characters("\n")
    texts = {key: str(value) for key, value in attributes.items()}
    document.startElement(name, AttributesImpl(texts))
    yield
    document.endElement(name)


def _text(document: XMLGenerator, name: str, value: object) -> None:
    with _element(document, name):
        document.characters(str(value))


def _escaped(text: str) -> str:
    from xml.sax.saxutils import escape

    return escape(text, {'"': "&quot;"})
