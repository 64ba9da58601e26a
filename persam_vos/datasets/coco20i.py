"""COCO-20i: the 80 classes of COCO in four folds, a thousand episodes each.

::

    ROOT/COCO2014/splits/val/fold0.pkl        {class: ["val2014/COCO_val2014_%012d.jpg", ...]}
    ROOT/COCO2014/val2014/*.jpg
    ROOT/COCO2014/annotations/val2014/*.png   a pixel is its class + 1

Source of the episodes: ``matcher/data`` of aim-uofa/Matcher.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from .annotations import explained, read_pickle, require_tree, tree_in
from .episodes import Draws, Episode, Fold, Pick, PixelMask, Shot, require_choices

EPISODES = 1000
_CLASSES, _FOLDS = 80, 4
_LAYOUT = f"a dict of {_CLASSES} classes, each a list of paths"


def coco20i_folds(root: Path, folds: Sequence[int], shots: int) -> Iterator[Fold]:
    """Yield folds by number. Raises DatasetError for a tree that is none, and for other splits."""
    tree = tree_in(root, "COCO2014")
    lists = {number: tree / "splits" / "val" / f"fold{number}.pkl" for number in folds}
    require_tree(tree, (*lists.values(), tree / "annotations"), "COCO-20i")
    for number, path in lists.items():
        images = read_pickle(path, _LAYOUT)
        with explained(path, _LAYOUT):
            if sorted(images) != list(range(_CLASSES)):
                raise ValueError(f"{len(images)} classes")
            own = range(number, _CLASSES, _FOLDS)
            yield _Coco20i(number, tree, {one: list(map(str, images[one])) for one in own}, shots)


class _Coco20i(Fold):
    def __init__(
        self, number: int, tree: Path, images: Mapping[int, list[str]], shots: int
    ) -> None:
        super().__init__(number, {class_id: COCO_NAMES[class_id] for class_id in images})
        self._tree, self._images, self._shots = tree, images, shots
        for class_id, name in self.classes.items():
            require_choices(images[class_id], 2, f"COCO-20i fold {number}, class {name}")

    def episodes(self) -> Iterator[Episode]:
        draws = Draws()
        classes = sorted(self.classes)
        for number in range(EPISODES):
            class_id = draws.one(classes)
            query = draws.one(self._images[class_id])
            supports = draws.others(self._images[class_id], query, self._shots)
            yield Episode(
                self.number, number, class_id, Pick(query), tuple(Pick(one) for one in supports)
            )

    def shot(self, class_id: int, pick: Pick) -> Shot:
        if pick.image not in self._images.get(class_id, ()):
            raise self.unknown(class_id, pick)
        annotation = self._tree / "annotations" / PurePosixPath(pick.image).with_suffix(".png")
        return Shot(self._tree / pick.image, PixelMask(annotation, class_id + 1, class_id + 1))


COCO_NAMES = tuple(
    """
    person bicycle car motorcycle airplane bus train truck boat traffic-light fire-hydrant stop-sign
    parking-meter bench bird cat dog horse sheep cow elephant bear zebra giraffe backpack umbrella
    handbag tie suitcase frisbee skis snowboard sports-ball kite baseball-bat baseball-glove
    skateboard surfboard tennis-racket bottle wine-glass cup fork knife spoon bowl banana apple
    sandwich orange broccoli carrot hot-dog pizza donut cake chair couch potted-plant bed
    dining-table toilet tv laptop mouse remote keyboard cell-phone microwave oven toaster sink
    refrigerator book clock vase scissors teddy-bear hair-drier toothbrush
    """.split()  # noqa: SIM905 - a list of 80 is no easier to read
)
"""The classes of COCO in the order of their ids, without gaps."""
