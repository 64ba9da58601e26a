"""FSS-1000: classes sorted, pictures in the order of their names, supports drawn."""

from __future__ import annotations

import numpy as np
import pytest
from one_shot_trees import pixels, write_fss

from persam_vos.datasets.episodes import Pick
from persam_vos.datasets.fss1000 import fss1000_folds
from persam_vos.errors import DatasetError


def drawn_by_hand(classes: list[str], shots: int) -> list[tuple[str, list[str]]]:
    """The loop of the published program."""
    random = np.random.RandomState(0)
    episodes = []
    for name in sorted(classes):
        for query in sorted(f"{k}.jpg" for k in range(1, 11)):
            supports: list[str] = []
            while len(supports) < shots:
                number = random.choice(range(1, 11), 1, replace=False)[0]
                if f"{number}.jpg" != query:
                    supports.append(f"{name}/{number}.jpg")
            episodes.append((f"{name}/{query}", supports))
    return episodes


@pytest.mark.parametrize("ends", ["\r\n", "\n"])
@pytest.mark.parametrize("shots", [1, 3])
def test_episodes_are_those_of_the_published_loop(tmp_path, ends, shots):
    (fold,) = fss1000_folds(write_fss(tmp_path, ends=ends), [0], shots)
    assert fold.classes == {760: "ab_wheel", 761: "abe's_flyingfish", 762: "zebra_crossing"}
    episodes = list(fold.episodes())
    expected = drawn_by_hand(list(fold.classes.values()), shots)
    assert [(one.query.image, [s.image for s in one.supports]) for one in episodes] == expected
    assert [one.query.image.split("/")[1][:-4] for one in episodes[:10]] == [
        "1", "10", "2", "3", "4", "5", "6", "7", "8", "9"
    ]  # fmt: skip
    assert [one.class_id for one in episodes] == [760] * 10 + [761] * 10 + [762] * 10
    assert list(fold.episodes()) == episodes


def test_the_first_supports_are_the_check_value(tmp_path):
    (fold,) = fss1000_folds(write_fss(tmp_path), [0], 1)
    first, second = list(fold.episodes())[:2]
    assert first.supports == (Pick("ab_wheel/3.jpg"),)
    assert second.supports == (Pick("ab_wheel/4.jpg"),)


def test_masks_are_grey_values_from_128(tmp_path):
    (fold,) = fss1000_folds(write_fss(tmp_path), [0], 1)
    shot = fold.shot(761, Pick("abe's_flyingfish/10.jpg"))
    assert (pixels(shot).low, pixels(shot).high, pixels(shot).grey) == (128, 255, True)
    assert pixels(shot).path.name == "10.png"
    with pytest.raises(DatasetError, match="not listed"):
        fold.shot(761, Pick("abe's_flyingfish/11.jpg"))


def test_a_tree_without_its_list_is_told(tmp_path):
    root = write_fss(tmp_path)
    (root / "FSS-1000/splits/test.txt").rename(root / "FSS-1000/splits/test.text")
    with pytest.raises(DatasetError, match=r"no splits/test\.txt"):
        list(fss1000_folds(root, [0], 1))
    (root / "FSS-1000/splits/test.txt").write_text("\r\n")
    with pytest.raises(DatasetError, match="no class"):
        list(fss1000_folds(root, [0], 1))
