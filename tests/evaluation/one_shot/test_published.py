"""Published figures agree with themselves."""

from __future__ import annotations

import pytest

from persam_vos.datasets.one_shot import ONE_SHOT
from persam_vos.evaluation.one_shot.published import PUBLISHED


def test_every_data_set_has_published_figures():
    assert PUBLISHED.keys() == ONE_SHOT.keys()


@pytest.mark.parametrize("name", PUBLISHED)
def test_means_are_those_of_their_folds(name):
    for one in PUBLISHED[name]:
        assert one.source
        if one.folds:
            assert len(one.folds) == ONE_SHOT[name].fold_count
            # Matcher's README rounds its FSS-1000 to a whole number.
            assert one.mean_iou == pytest.approx(sum(one.folds) / len(one.folds), abs=0.13)
