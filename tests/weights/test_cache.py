"""Where weights are in the cache."""

from pathlib import Path

from persam_vos.weights.cache import weights_dir


def test_each_weights_have_a_folder_below_the_cache(cache: Path) -> None:
    assert weights_dir("mobile-sam") == cache / "weights" / "mobile-sam"
    assert not cache.exists()  # to ask does not make it
