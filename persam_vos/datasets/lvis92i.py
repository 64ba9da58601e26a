"""LVIS-92i: ten folds of 92 classes of LVIS, 25 episodes a class.

::

    ROOT/LVIS/lvis_val.pkl    {category: {"val2017/%012d.jpg": {"annotations": [{"segmentation"}]}}}
    ROOT/LVIS/coco/val2017/*.jpg and train2017/*.jpg

Source of the episodes: ``matcher/data`` of aim-uofa/Matcher.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .annotations import explained, read_pickle, require_tree, tree_in
from .episodes import Draws, Episode, Fold, Pick, ShapeMask, Shot

EPISODES = 2300
_FOLDS = 10
_LAYOUT = '{category: {file name: {"annotations": [{"segmentation": ...}]}}}'

_Images = Mapping[str, Mapping[str, Any]]


def lvis92i_folds(root: Path, folds: Sequence[int], shots: int) -> Iterator[Fold]:
    """Yield folds by number. Raises DatasetError for a tree that is none, and for other splits."""
    tree = tree_in(root, "LVIS")
    path = tree / "lvis_val.pkl"
    require_tree(tree, (path, tree / "coco"), "LVIS-92i")
    categories = read_pickle(path, _LAYOUT)
    with explained(path, _LAYOUT):
        kept = [key for key, images in categories.items() if len(images) > shots]
        for number in folds:
            own = [kept[number + _FOLDS * v] for v in range(len(kept) // _FOLDS)]
            if not own:
                raise ValueError(f"{len(kept)} categories with more than {shots} pictures")
            yield _Lvis92i(number, tree, {key: categories[key] for key in own}, shots)


class _Lvis92i(Fold):
    def __init__(
        self, number: int, tree: Path, categories: Mapping[Any, _Images], shots: int
    ) -> None:
        super().__init__(number, {i: f"category {key}" for i, key in enumerate(categories)})
        self._tree, self._shots = tree, shots
        self._images = list(categories.values())

    def episodes(self) -> Iterator[Episode]:
        draws = Draws()
        for number in range(EPISODES):
            class_id = number % len(self._images)
            names = list(self._images[class_id])
            query = draws.one(names)
            supports = draws.others(names, query, self._shots)
            yield Episode(
                self.number, number, class_id, Pick(query), tuple(Pick(one) for one in supports)
            )

    def shot(self, class_id: int, pick: Pick) -> Shot:
        if class_id not in self.classes or pick.image not in self._images[class_id]:
            raise self.unknown(class_id, pick)
        path = self._tree / "lvis_val.pkl"
        with explained(path, _LAYOUT):
            annotations = self._images[class_id][pick.image]["annotations"]
            shapes = tuple(one["segmentation"] for one in annotations)
        return Shot(self._tree / "coco" / pick.image, ShapeMask(shapes, path))
