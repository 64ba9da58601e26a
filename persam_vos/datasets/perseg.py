"""PerSeg: photos of 40 personal objects, each shown once.

::

    ROOT/data/Images/OBJECT/00.jpg ...        "data 3" as the published archive unpacks
    ROOT/data/Annotations/OBJECT/00.png ...   inside where the grey value is above 0

Photo 00 of an object is its reference, all others are asked for, at their own size.
Source: ``eval_miou.py`` of ZrrSkywalker/Personalize-SAM, whose pairing by position is replaced by
names, and whose skipping of paths with "00" by the name of the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import DatasetError
from .annotations import require_tree
from .episodes import Episode, Fold, Pick, PixelMask, Shot, require_one_shot

REFERENCE = "00"
_TREES = ("data", "data 3")


def perseg_folds(root: Path, folds: Sequence[int], shots: int) -> Iterator[Fold]:
    """Yield the one fold. Raises DatasetError for a tree that is none, or not whole."""
    require_one_shot(shots, "PerSeg")
    places = [root, *(root / name for name in _TREES)]
    tree = next((one for one in places if (one / "Images").is_dir()), root / _TREES[0])
    require_tree(root, (tree / "Images", tree / "Annotations"), "PerSeg")
    for number in folds:
        yield _PerSeg(number, tree)


class _PerSeg(Fold):
    def __init__(self, number: int, tree: Path) -> None:
        self._tree = tree
        folders = (one for one in (tree / "Annotations").iterdir() if one.is_dir())
        names = sorted(one.name for one in folders if ".DS" not in one.name)
        super().__init__(number, dict(enumerate(names)))
        self._photos = {class_id: self._photos_of(name) for class_id, name in self.classes.items()}
        if not names:
            raise DatasetError(
                f"PerSeg tree {tree}", got="no object", expected="a folder for each in Annotations"
            )

    def episodes(self) -> Iterator[Episode]:
        number = 0
        for class_id, photos in self._photos.items():
            for photo in photos:
                if photo != REFERENCE:
                    yield Episode(
                        self.number,
                        number,
                        class_id,
                        self._pick(class_id, photo),
                        (self._pick(class_id, REFERENCE),),
                    )
                    number += 1

    def shot(self, class_id: int, pick: Pick) -> Shot:
        photos = self._photos.get(class_id, [])
        if pick not in [self._pick(class_id, photo) for photo in photos]:
            raise self.unknown(class_id, pick)
        annotation = self._tree / "Annotations" / f"{pick.image}.png"
        return Shot(
            self._tree / "Images" / f"{pick.image}.jpg", PixelMask(annotation, 1, grey=True)
        )

    def result_name(self, episode: Episode) -> str:
        return episode.query.image  # as the public programs name their masks

    def _pick(self, class_id: int, photo: str) -> Pick:
        return Pick(f"{self.classes[class_id]}/{photo}")

    def _photos_of(self, name: str) -> list[str]:
        """Return the photos of an object; raises DatasetError where numbers are missing."""
        photos = sorted(path.stem for path in (self._tree / "Annotations" / name).glob("*.png"))
        wanted = [f"{number:02d}" for number in range(max(len(photos), 2))]
        if photos != wanted:
            missing = [one for one in wanted if one not in photos]
            raise DatasetError(
                f"PerSeg tree {self._tree}",
                got=f"no Annotations/{name}/{missing[0]}.png",
                expected=f"{REFERENCE}.png and the others of {name}, without gaps",
                remedy="unpack the data set again",
            )
        return photos
