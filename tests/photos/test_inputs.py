"""Photos are found in order, each once, and their results have different names."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from persam_vos.errors import MediaError, UsageError
from persam_vos.photos.inputs import find_photos, names_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("10.jpg", "9.jpg", "sub/9.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("not a photo")
    return tmp_path


def test_folders_and_globs_give_images_in_natural_order_and_each_once(folder: Path) -> None:
    found = find_photos([folder, str(folder / "*.jpg"), folder / "sub" / "9.jpg"])
    assert [one.relative_to(folder).as_posix() for one in found] == ["9.jpg", "10.jpg", "sub/9.jpg"]
    assert len(find_photos([str(folder / "**" / "*.jpg")])) == 3


@pytest.mark.parametrize("wanted", ["nothing.jpg", "no*.jpg", "empty"])
def test_what_is_not_there_is_told(folder: Path, wanted: str) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(MediaError, match="got"):
        find_photos([folder / wanted])
    with pytest.raises(UsageError):
        find_photos([])


def test_photos_that_share_a_stem_have_results_of_different_names() -> None:
    photos = [Path("/x/a.jpg"), Path("/y/A.jpg"), Path("/y/a.png"), Path("/y/b.png")]
    assert names_of(photos) == ["x_a", "y_A", "y_a-2", "b"]
