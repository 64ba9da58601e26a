"""FSS-1000: 240 test classes of ten pictures, each asked for once.

::

    ROOT/FSS-1000/splits/test.txt             a class a line
    ROOT/FSS-1000/data/CLASS/1.jpg ... 10.jpg
    ROOT/FSS-1000/data/CLASS/1.png ... 10.png   inside where the grey value is 128 or more

Source of the episodes: ``matcher/data`` of aim-uofa/Matcher.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import DatasetError
from .annotations import read_lines, require_tree, tree_in
from .episodes import Draws, Episode, Fold, Pick, PixelMask, Shot

_FIRST_CLASS = 760
"""The test classes count after 520 for training and 240 for validation."""
_NUMBERS = range(1, 11)


def fss1000_folds(root: Path, folds: Sequence[int], shots: int) -> Iterator[Fold]:
    """Yield the one fold. Raises DatasetError for a tree that is none."""
    tree = tree_in(root, "FSS-1000")
    listed = tree / "splits" / "test.txt"
    require_tree(tree, (listed, tree / "data"), "FSS-1000")
    names = sorted(read_lines(listed))
    if not names:
        raise DatasetError(str(listed), got="no class", expected="a class a line")
    for number in folds:
        yield _Fss1000(number, tree, names, shots)


class _Fss1000(Fold):
    def __init__(self, number: int, tree: Path, names: Sequence[str], shots: int) -> None:
        super().__init__(number, dict(enumerate(names, _FIRST_CLASS)))
        self._tree, self._shots = tree, shots

    def episodes(self) -> Iterator[Episode]:
        draws = Draws()
        queries = sorted(_NUMBERS, key=str)  # 1, 10, 2, ...
        pairs = ((class_id, query) for class_id in self.classes for query in queries)
        for number, (class_id, query) in enumerate(pairs):
            supports = draws.others(_NUMBERS, query, self._shots)
            yield Episode(
                self.number,
                number,
                class_id,
                self._pick(class_id, query),
                tuple(self._pick(class_id, one) for one in supports),
            )

    def shot(self, class_id: int, pick: Pick) -> Shot:
        if class_id not in self.classes or pick not in [
            self._pick(class_id, number) for number in _NUMBERS
        ]:
            raise self.unknown(class_id, pick)
        image = self._tree / "data" / pick.image
        return Shot(image, PixelMask(image.with_suffix(".png"), 128, grey=True))

    def _pick(self, class_id: int, number: int) -> Pick:
        return Pick(f"{self.classes[class_id]}/{number}.jpg")
