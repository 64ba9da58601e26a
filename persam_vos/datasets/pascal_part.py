"""PASCAL-Part: parts of animals, things, persons and vehicles, cropped to the object.

::

    ROOT/Pascal-Part/VOCdevkit/VOC2010/
        all_obj_part_to_image.json    {fold: {"object": {name: {"part": {name: {"train": [...],
                                                                                "val": [...]}}}}}}
        Annotations_Part_json_merged_part_classes/ID.json
        JPEGImages/ID.jpg

Source of the episodes: ``matcher/data`` of aim-uofa/Matcher.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..errors import DatasetError
from .annotations import explained, read_json, require_tree, tree_in
from .episodes import Draws, Episode, Fold, Pick, ShapeMask, Shot, require_choices

FOLDS = ("animals", "indoor", "person", "vehicles")
MOST_EPISODES = 2500
_LEFT_OUT = ("aeroplane", "TAIL")
_MOST_DRAWS = 10_000
_REMEMBERED = 4096
_LISTS = '{"animals": {"object": {NAME: {"part": {NAME: {"train": [...], "val": [...]}}}}}, ...}'
_ANNOTATION = '{"object": [{"name", "bndbox", "parts": [{"name", "mask": [run lengths]}]}]}'
_FOLDER = "Annotations_Part_json_merged_part_classes"


def pascal_part_folds(root: Path, folds: Sequence[int], shots: int) -> Iterator[Fold]:
    """Yield folds by number. Raises DatasetError for a tree that is none, and for other lists."""
    tree = tree_in(root, "Pascal-Part") / "VOCdevkit" / "VOC2010"
    path = tree / "all_obj_part_to_image.json"
    require_tree(tree, (path, tree / "JPEGImages", tree / _FOLDER), "PASCAL-Part")
    content = read_json(path, _LISTS)
    for number in folds:
        with explained(path, _LISTS):
            objects = content[FOLDS[number]]["object"]
            yield _PascalPart(number, tree, objects, shots)


class _PascalPart(Fold):
    def __init__(self, number: int, tree: Path, objects: Mapping[str, Any], shots: int) -> None:
        lists = {
            (name, part): split
            for name, facts in objects.items()
            for part, split in facts["part"].items()
        }
        self._total = sum(len(split["val"]) for split in lists.values())
        self._own = {
            key: list(split["val"])
            for key, split in lists.items()
            if split["train"] and split["val"] and key != _LEFT_OUT
        }
        super().__init__(number, {i: "+".join(key) for i, key in enumerate(self._own)})
        if not self._own:
            raise ValueError(f"no part with pictures in {FOLDS[number]}")
        self._parts = list(self._own)
        self._tree, self._shots = tree, shots
        self._objects = lru_cache(_REMEMBERED)(self._read_objects)

    def episodes(self) -> Iterator[Episode]:
        draws = Draws()
        for number in range(min(self._total, MOST_EPISODES)):
            class_id = number % len(self._parts)
            choices = self._own[self._parts[class_id]]
            what = f"PASCAL-Part fold {self.number}, class {self.classes[class_id]}"
            require_choices(choices, self._shots + 1, what)
            picks: list[Pick] = []
            while len(picks) <= self._shots:
                picks.append(self._draw(draws, choices, class_id, {one.image for one in picks}))
            yield Episode(self.number, number, class_id, picks[0], tuple(picks[1:]))

    def _draw(self, draws: Draws, choices: Sequence[str], class_id: int, used: set[str]) -> Pick:
        """Draw until there is an object that has the part, in a picture that was not used."""
        name, part = self._parts[class_id]
        for _ in range(_MOST_DRAWS):
            image = draws.one(choices)
            if image in used:
                continue
            objects = self._objects(image)
            named = [index for index, one in enumerate(objects) if one["name"] == name]
            if not named:
                continue
            index = draws.one(named)
            if _masks(objects[index], part):
                return Pick(image, index)
        raise DatasetError(
            f"PASCAL-Part fold {self.number}, class {self.classes[class_id]}",
            got=f"no picture with that part in {_MOST_DRAWS} draws",
            expected=f"{self._shots + 1} different ones",
        )

    def shot(self, class_id: int, pick: Pick) -> Shot:
        if class_id not in self.classes or pick.image not in self._own[self._parts[class_id]]:
            raise self.unknown(class_id, pick)
        path = self._annotation(pick.image)
        objects = self._objects(pick.image)
        if pick.instance is None or not 0 <= pick.instance < len(objects):
            raise self.unknown(class_id, pick)
        with explained(path, _ANNOTATION):
            found = objects[pick.instance]
            masks = _masks(found, self._parts[class_id][1])
            # By position, as the programs read them: x0, y0, x1, y1.
            x0, y0, x1, y1 = (int(value) for value in found["bndbox"].values())
        image = self._tree / "JPEGImages" / f"{pick.image}.jpg"
        return Shot(image, ShapeMask(tuple(masks), path), (x0, y0, x1, y1))

    def _annotation(self, image: str) -> Path:
        return self._tree / _FOLDER / f"{image}.json"

    def _read_objects(self, image: str) -> list[Mapping[str, Any]]:
        path = self._annotation(image)
        with explained(path, _ANNOTATION):
            return list(read_json(path, _ANNOTATION)["object"])


def _masks(found: Mapping[str, Any], part: str) -> list[Any]:
    """Return all run lengths of a part of an object: several entries may have its name."""
    return [mask for one in found["parts"] if one["name"] == part for mask in one["mask"]]
