"""PACO-Part: parts of objects in four folds, 2500 episodes each, cropped to the object.

::

    ROOT/PACO-Part/paco/paco_part_train.pkl, paco_part_val.pkl
        {"cid2img": {category: [{image_id: path}, ...]},
         "img2anno": {image_id: [{"category_id", "obj_ann_id", "obj_bbox": [x, y, w, h],
                                  "segmentation"}, ...]}}
    ROOT/PACO-Part/coco/train2017/*.jpg and val2017/*.jpg

Source of the episodes: ``matcher/data`` of aim-uofa/Matcher; where a crop is empty the whole
episode is drawn again, as ``datasets`` of visinf/INSID3 do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from ..errors import DatasetError
from .annotations import explained, read_pickle, require_tree, tree_in
from .episodes import Draws, Episode, Fold, Pick, ShapeMask, Shot

EPISODES = 2500
_CLASSES, _FOLDS = 448, 4
_LAYOUT = '{"cid2img": {category: [{image: path}]}, "img2anno": {image: [annotation]}}'
_MOST_REDRAWS = 1000
_REMEMBERED = 4096

_Files = Mapping[str, Any]
"""Image id by file name below ``coco``, in the order of the list, without repetitions."""


def paco_part_folds(root: Path, folds: Sequence[int], shots: int) -> Iterator[Fold]:
    """Yield folds by number. Raises DatasetError for a tree that is none, and for other splits."""
    tree = tree_in(root, "PACO-Part")
    train, val = (tree / "paco" / f"paco_part_{split}.pkl" for split in ("train", "val"))
    require_tree(tree, (train, val, tree / "coco"), "PACO-Part")
    with explained(train, _LAYOUT):
        categories = list(read_pickle(train, _LAYOUT)["cid2img"])
        if len(categories) != _CLASSES:
            raise ValueError(f"{len(categories)} categories instead of {_CLASSES}")
    content = read_pickle(val, _LAYOUT)
    with explained(val, _LAYOUT):
        files = {key: _files(images) for key, images in content["cid2img"].items()}
        for number in folds:
            own = [key for key in categories[number::_FOLDS] if len(files.get(key, ())) > shots]
            if not own:
                raise ValueError(f"no category of fold {number} with more than {shots} pictures")
            yield _PacoPart(number, tree, {key: files[key] for key in own}, content, shots)


def _files(images: Sequence[Mapping[Any, str]]) -> _Files:
    """Return a category's files; of entries with one image id the first counts."""
    by_id: dict[Any, str] = {}
    for entry in images:
        ((image_id, path),) = entry.items()
        by_id.setdefault(image_id, "/".join(PurePosixPath(path).parts[-2:]))
    return {file: image_id for image_id, file in by_id.items()}


class _PacoPart(Fold):
    def __init__(
        self,
        number: int,
        tree: Path,
        files: Mapping[Any, _Files],
        content: Mapping[str, Any],
        shots: int,
    ) -> None:
        super().__init__(number, {i: f"part {key}" for i, key in enumerate(files)})
        self._categories, self._files = list(files), list(files.values())
        self._tree, self._annotations, self._shots = tree, content["img2anno"], shots
        self._boxes = lru_cache(_REMEMBERED)(self._read_boxes)

    def episodes(self) -> Iterator[Episode]:
        draws = Draws()
        self.redrawn = 0
        classes = range(len(self._files))
        with explained(self._source, _LAYOUT):
            for number in range(EPISODES):
                for _ in range(_MOST_REDRAWS):
                    class_id, picks = self._draw(draws, draws.one(classes))
                    if not any(self._is_empty(class_id, pick) for pick in picks):
                        break
                    self.redrawn += 1
                else:
                    raise DatasetError(
                        f"PACO-Part fold {self.number}",
                        got=f"{_MOST_REDRAWS} episodes on end with an empty object box",
                        expected="boxes of a pixel or more",
                    )
                yield Episode(self.number, number, class_id, picks[0], picks[1:])

    def _draw(self, draws: Draws, class_id: int) -> tuple[int, tuple[Pick, ...]]:
        """Draw the pictures of an episode, the query first, each with one of its objects."""
        files = list(self._files[class_id])
        query = draws.one(files)
        picks = [Pick(query, draws.one(list(self._boxes(class_id, query))))]
        while len(picks) <= self._shots:
            support = draws.one(files)
            if support != query:
                picks.append(Pick(support, draws.one(list(self._boxes(class_id, support)))))
        return class_id, tuple(picks)

    def shot(self, class_id: int, pick: Pick) -> Shot:
        if class_id not in self.classes or pick.image not in self._files[class_id]:
            raise self.unknown(class_id, pick)
        with explained(self._source, _LAYOUT):
            own = [
                one
                for one in self._of_class(class_id, pick.image)
                if one["obj_ann_id"] == pick.instance
            ]
            if not own:
                raise self.unknown(class_id, pick)
            shapes = tuple(one["segmentation"] for one in own)
            crop = _crop(own[0]["obj_bbox"])
        return Shot(self._tree / "coco" / pick.image, ShapeMask(shapes, self._source), crop)

    @property
    def _source(self) -> Path:
        return self._tree / "paco" / "paco_part_val.pkl"

    def _of_class(self, class_id: int, file: str) -> list[Mapping[str, Any]]:
        """Return the annotations of a class in a picture."""
        annotations = self._annotations[self._files[class_id][file]]
        category = self._categories[class_id]
        return [one for one in annotations if one["category_id"] == category]

    def _read_boxes(self, class_id: int, file: str) -> dict[int, Sequence[float]]:
        """Return the boxes of the objects in a picture that have a class, as they first appear."""
        boxes: dict[int, Sequence[float]] = {}
        for one in self._of_class(class_id, file):
            boxes.setdefault(int(one["obj_ann_id"]), one["obj_bbox"])
        if not boxes:
            raise ValueError(f"no annotation of category {self._categories[class_id]} in {file}")
        return boxes

    def _is_empty(self, class_id: int, pick: Pick) -> bool:
        assert pick.instance is not None
        x0, y0, x1, y1 = _crop(self._boxes(class_id, pick.image)[pick.instance])
        return x1 <= x0 or y1 <= y0


def _crop(box_xywh: Sequence[float]) -> tuple[int, int, int, int]:
    """Return the part of a picture that an object's box stands for, as the programs cut it."""
    x, y, width, height = box_xywh
    return int(x), int(y), int(x + width), int(y + height)
