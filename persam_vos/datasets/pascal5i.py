"""PASCAL-5i: the 20 classes of PASCAL VOC in four folds, a thousand episodes each.

::

    ROOT/VOC2012/splits/val/fold0.txt         2007_000033__01: a picture and a class from 1
    ROOT/VOC2012/JPEGImages/ID.jpg
    ROOT/VOC2012/SegmentationClassAug/ID.png  a pixel is its class; 255 does not count

Source of the episodes: ``matcher/data`` of ANDYZAQ/GF-SAM, which are those of HSNet.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from .annotations import explained, read_lines, require_tree, tree_in
from .episodes import Draws, Episode, Fold, Pick, PixelMask, Shot, require_choices

EPISODES = 1000
_VOID = 255
_CLASSES_A_FOLD = 5
_LAYOUT = "lines such as 2007_000033__01, with a class of the fold"
_NAMES = tuple(
    """
    aeroplane bicycle bird boat bottle bus car cat chair cow
    diningtable dog horse motorbike person pottedplant sheep sofa train tvmonitor
    """.split()  # noqa: SIM905 - a list is no easier to read
)


def pascal5i_folds(root: Path, folds: Sequence[int], shots: int) -> Iterator[Fold]:
    """Yield folds by number. Raises DatasetError for a tree that is none, and for other splits."""
    tree = tree_in(root, "VOC2012")
    lists = {number: tree / "splits" / "val" / f"fold{number}.txt" for number in folds}
    require_tree(
        tree, (*lists.values(), tree / "JPEGImages", tree / "SegmentationClassAug"), "PASCAL-5i"
    )
    for number, path in lists.items():
        with explained(path, _LAYOUT):
            lines = [line.split("__") for line in read_lines(path)]
            listed = [(image, int(one) - 1) for image, one in lines]
            yield _Pascal5i(number, tree, listed, shots)


class _Pascal5i(Fold):
    def __init__(
        self, number: int, tree: Path, lines: Sequence[tuple[str, int]], shots: int
    ) -> None:
        first = number * _CLASSES_A_FOLD
        own = range(first, first + _CLASSES_A_FOLD)
        super().__init__(number, {class_id: _NAMES[class_id] for class_id in own})
        self._tree, self._lines, self._shots = tree, lines, shots
        self._images: defaultdict[int, list[str]] = defaultdict(list)
        for image, class_id in lines:
            if class_id not in self.classes:
                raise ValueError(f"class {class_id + 1} of {image}")
            self._images[class_id].append(image)
        for class_id in self._images:
            name = self.classes[class_id]
            require_choices(self._images[class_id], 2, f"PASCAL-5i fold {number}, class {name}")
        if not lines:
            raise ValueError("no line")

    def episodes(self) -> Iterator[Episode]:
        draws = Draws()
        for number in range(EPISODES):
            query, class_id = self._lines[number % len(self._lines)]
            supports = draws.others(self._images[class_id], query, self._shots)
            yield Episode(
                self.number, number, class_id, Pick(query), tuple(Pick(one) for one in supports)
            )

    def shot(self, class_id: int, pick: Pick) -> Shot:
        if pick.image not in self._images.get(class_id, ()):
            raise self.unknown(class_id, pick)
        annotation = self._tree / "SegmentationClassAug" / f"{pick.image}.png"
        mask = PixelMask(annotation, class_id + 1, class_id + 1, void=_VOID)
        return Shot(self._tree / "JPEGImages" / f"{pick.image}.jpg", mask)
