"""Label maps in a folder as of YouTube-VOS."""

from __future__ import annotations

from pathlib import Path

from ..errors import MaskError
from ..files.limits import read_json
from ..scoring.label_files import list_label_files, present_ids, read_label_file
from .shapes import Found, Shape

ANNOTATIONS = "Annotations"


def read_youtube_vos(path: Path, *, clip: str | None = None) -> Found:
    """Read the label maps of one clip: ``path`` is a split, its Annotations, or a clip in it.

    ``clip`` is its name, where there are several. Frames are counted as ``JPEGImages`` has them.
    Raises MaskError, ScoringError for a label map that cannot be read, or OSError.
    """
    base = path / ANNOTATIONS if (path / ANNOTATIONS).is_dir() else path
    folder = base if list_label_files(base) else _clip(base, clip)
    split = folder.parent.parent
    categories = _categories(split / "meta.json", folder.name)
    pictures = split / "JPEGImages" / folder.name
    order = {one.stem: number for number, one in enumerate(sorted(pictures.glob("*.*")))}
    shapes = []
    for file in list_label_files(folder):
        labels = read_label_file(file)
        for object_id in sorted(present_ids(labels)):
            shapes.append(
                Shape.of_mask(
                    labels == object_id,
                    label=categories.get(object_id, "object"),
                    object_id=object_id,
                    frame=order.get(file.stem),
                    name=file.stem,
                )
            )
    return Found(shapes)


def _clip(base: Path, clip: str | None) -> Path:
    clips = sorted(one.name for one in base.iterdir() if one.is_dir() and list_label_files(one))
    if clip is None and len(clips) == 1:
        return base / clips[0]
    if clip in clips:
        return base / str(clip)
    raise MaskError(
        str(base),
        got=f"{len(clips)} clips" if clip is None else f"no clip {clip!r}",
        expected=f"one of {', '.join(clips[:20])}" if clips else "a folder of label PNGs",
        remedy="choose one with clip",
    )


def _categories(path: Path, clip: str) -> dict[int, str]:
    if not path.is_file():
        return {}
    objects = read_json(path)["videos"].get(clip, {})
    return {
        int(key): str(one.get("category", "object"))
        for key, one in objects.get("objects", {}).items()
    }
