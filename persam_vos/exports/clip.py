"""A finished run, read back frame by frame: its labels, scores, pictures and soft masks."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path, PurePath
from typing import Any

from ..errors import MediaError, param
from ..files.limits import read_json
from ..media.output_paths import ALPHA, LOG, MASKS
from ..media.read_options import ReadOptions, read_options_of
from ..media.reader import ADDRESS, Source, open_source, source_name
from ..scoring.label_files import read_label_file
from ..structures import Frame, LabelMap, ObjectResult, RgbImage, SourceInfo
from .colours import Colours

_WHERE = f"say with {param('source')} where it is now"


@dataclass(frozen=True, slots=True)
class ClipFrame:
    """One frame of a finished run; produced by `Clip`, consumed by exporters.

    ``index`` counts the frames of the source from 0; ``labels`` is (H, W) uint8; ``objects`` has
    one entry for each tracked object. The picture, and how long the source says that it is shown,
    are there only if they were asked for.
    """

    index: int
    name: str
    time_seconds: float
    labels: LabelMap
    objects: tuple[ObjectResult, ...]
    _frame: Frame | None = field(default=None, repr=False)

    @property
    def image(self) -> RgbImage:
        """The picture, (H, W, 3) uint8 RGB, of `Clip.pictures`."""
        assert self._frame is not None
        return self._frame.image

    @property
    def colours(self) -> Colours:
        """The picture with all the values that the source has, if it was opened so."""
        assert self._frame is not None
        return self._frame.image if self._frame.deep is None else self._frame.deep

    @property
    def duration_seconds(self) -> float | None:
        """How long the source says that it is shown, None where it does not."""
        return None if self._frame is None else self._frame.duration_seconds

    @property
    def visible(self) -> tuple[ObjectResult, ...]:
        """The objects that have a pixel."""
        return tuple(one for one in self.objects if one.visible)


@dataclass(frozen=True, slots=True)
class _Entry:
    """What the log says of a frame."""

    index: int
    name: str
    time_seconds: float
    objects: tuple[ObjectResult, ...]


@dataclass(frozen=True, slots=True)
class Clip:
    """A finished run; produced by `open_clip`, consumed by exporters.

    Memory holds what the log says of each frame, about a kilobyte for each object, and otherwise
    one frame at a time. ``on_frame`` is called for each frame that was given.
    """

    folder: Path
    info: SourceInfo
    object_ids: tuple[int, ...]
    complete: bool
    version: str
    entries: tuple[_Entry, ...] = field(repr=False)
    reading: ReadOptions = field(default_factory=ReadOptions)
    on_frame: Callable[[], None] = lambda: None

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def name(self) -> str:
        """Name of the source: a file's stem or a folder's name."""
        return source_name(self.info.path)

    @property
    def alpha_folder(self) -> Path | None:
        """Where soft masks were kept, None where they were not."""
        folder = self.folder / ALPHA
        return folder if folder.is_dir() else None

    def frames(self) -> Iterator[ClipFrame]:
        """Yield the frames in order, without pictures; raises ScoringError for a missing mask."""
        for entry in self.entries:
            yield self._frame(entry, None)
            self.on_frame()

    def pictures(self, source: Source | None = None) -> Iterator[ClipFrame]:
        """Yield the frames in order, with the source's pictures, which are read again.

        ``source`` is what `open_source` gave. Raises MediaError where the source is not there any
        more, or is another one.
        """
        source = source or self.open_source()
        wanted = {entry.index: entry for entry in self.entries}
        found = 0
        with closing(source.frames(self.entries[0].index)) as frames:
            for frame in frames:
                entry = wanted.get(frame.index)
                if entry is None:
                    continue
                yield self._frame(entry, frame)
                self.on_frame()
                found += 1
                if found == len(wanted):
                    return
        raise MediaError(
            self.info.path,
            got=f"{found} of the {len(wanted)} frames that were tracked",
            expected="the video that was tracked, as it was",
            remedy=_WHERE,
        )

    def open_source(self, *, deep: bool = False) -> Source:
        """Open the video that was tracked, if ``deep`` with all its values.

        Raises MediaError if it cannot be opened, or is another.
        """
        path = self.info.path
        if ADDRESS.fullmatch(path) and not self.reading.allow_network:
            raise MediaError(
                path,
                got="an address in the log of a run",
                expected="a file: what a log names is not fetched unasked",
                remedy=f"name it by {param('source')} to have it read",
            )
        elsewhere = glob.has_magic(path) or ADDRESS.fullmatch(path)
        if not elsewhere and not Path(path).exists():
            raise MediaError(
                path,
                got="no such file or folder",
                expected="the video that was tracked, whose pictures this export shows",
                remedy=_WHERE,
            )
        # Decord has 8 bits; PyAV counts frames as it does.
        reading = replace(self.reading, deep=True, reader="pyav") if deep else self.reading
        source = open_source(path, options=reading)
        if source.info.size_hw != self.info.size_hw:
            (height, width), (was_height, was_width) = source.info.size_hw, self.info.size_hw
            raise MediaError(
                self.info.path,
                got=f"a video of {width} x {height}",
                expected=f"{was_width} x {was_height}, as when it was tracked",
                remedy=_WHERE,
            )
        return source

    def _frame(self, entry: _Entry, frame: Frame | None) -> ClipFrame:
        labels = read_label_file(self.folder / MASKS / f"{entry.name}.png")
        if labels.shape != self.info.size_hw:
            raise MediaError(
                str(self.folder / MASKS / f"{entry.name}.png"),
                got="a mask of {1} x {0}".format(*labels.shape),
                expected="{1} x {0}, as track.json says".format(*self.info.size_hw),
                remedy="track again: masks and log are of different runs",
            )
        return ClipFrame(
            entry.index,
            entry.name,
            entry.time_seconds,
            labels,
            entry.objects,
            frame,
        )


def open_clip(folder: Path, *, source: str | None = None) -> Clip:
    """Open the folder of a finished run, by its `track.json`.

    ``source`` says where the video is now, if it was moved; only there an address may be. Raises
    MediaError for a folder that holds no run, or one without a frame.
    """
    path = folder / LOG
    try:
        log = read_json(path)
        clip = _understood(folder, log)
    except OSError as error:
        raise MediaError(
            str(folder),
            got=f"no {LOG} ({error.strerror})",
            expected="the output folder of `persam-vos track`",
            remedy="name the folder that holds masks/ and track.json",
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise MediaError(
            str(path),
            got=f"a log that cannot be understood ({type(error).__name__}: {error})",
            expected="what `persam-vos track` wrote",
            remedy="track again",
        ) from error
    if not clip.entries:
        raise MediaError(str(path), got="no frame", expected="a run with at least one frame")
    if source is None:
        return clip
    reading = replace(clip.reading, allow_network=True)
    return replace(clip, info=replace(clip.info, path=source), reading=reading)


def _understood(folder: Path, log: Mapping[str, Any]) -> Clip:
    """Make a clip of what a log says; raises the error of whatever is not as it should be."""
    entries = tuple(_entry(one) for one in log["frames"])
    return Clip(
        folder,
        _info(log["input"], log.get("source_path")),
        tuple(int(one) for one in log["object_ids"]),
        log["complete"] is True,
        str(log["version"]),
        tuple(sorted(entries, key=lambda one: one.index)),
        replace(read_options_of(log.get("reading", {})), allow_network=False),
    )


def _info(given: Mapping[str, Any], path: str | None) -> SourceInfo:
    height, width = (int(side) for side in given["size_hw"])
    return SourceInfo(
        path=str(path or given["path"]),
        kind="images" if given["kind"] == "images" else "video",
        size_hw=(height, width),
        frame_count=given["frame_count"],
        frames_per_second=Fraction(given["frames_per_second"]),
        codec=str(given["codec"]),
        has_audio=bool(given["has_audio"]),
        start_seconds=Fraction(given.get("start_seconds", 0)),
        first_frame=int(given.get("first_frame", 0)),
        stride=int(given.get("stride", 1)),
        pixel_aspect=Fraction(given.get("pixel_aspect", 1)),
    )


def _entry(given: Mapping[str, Any]) -> _Entry:
    name = str(given["name"])
    if PurePath(name).name != name:
        raise ValueError(f"frame name {name!r}")
    objects = tuple(_object(one) for one in given["objects"])
    return _Entry(int(given["index"]), name, float(given["time_seconds"]), objects)


def _object(given: Mapping[str, Any]) -> ObjectResult:
    box = given["box_xyxy"]
    if box is not None:
        x0, y0, x1, y1 = (int(value) for value in box)
        box = (x0, y0, x1, y1)
    return ObjectResult(int(given["id"]), box, int(given["area_px"]), float(given["score"]))
