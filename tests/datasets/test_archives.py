"""Archives from a server on this machine, built here."""

from __future__ import annotations

import hashlib
import io
import stat
import zipfile
from collections.abc import Mapping
from dataclasses import replace

import pytest

from persam_vos.datasets import catalog
from persam_vos.datasets.archives import fetch_dataset, unpack
from persam_vos.datasets.catalog import DATA_VARIABLE, Archive, default_root
from persam_vos.errors import DatasetError
from persam_vos.files.download import RemoteFile

NAME = "DAVIS-2017-trainval-480p.zip"


def zip_of(files: Mapping[str, bytes | str], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return content.getvalue()


TREE = {
    "DAVIS/ImageSets/2017/val.txt": b"bear\n",
    "DAVIS/JPEGImages/480p/bear/00000.jpg": bytes(range(256)) * 2000,
    "DAVIS/Annotations/480p/bear/00000.png": b"png",
}


@pytest.fixture
def publish(file_server, tmp_path, monkeypatch):
    """Serve an archive as that of davis2017, with its digest or without; return the data folder."""
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "data"))

    def serve(content, *, digest=True):
        file_server.files[f"/{NAME}"] = content
        sha256 = hashlib.sha256(content).hexdigest()
        known = RemoteFile(NAME, len(content), sha256) if digest else RemoteFile(NAME, None, None)
        archive = Archive(f"{file_server.url}/{NAME}", known, "DAVIS")
        info = replace(catalog.DATASETS["davis2017"], archives={"val": archive})
        monkeypatch.setitem(catalog.DATASETS, "davis2017", info)
        return tmp_path / "data"

    return serve


@pytest.mark.parametrize("digest", [True, False])
def test_a_dataset_is_fetched_once_and_found(publish, file_server, digest):
    folder = publish(zip_of(TREE), digest=digest)
    root = fetch_dataset("davis2017")
    assert root == folder / "DAVIS-2017-trainval-480p/DAVIS" == default_root("davis2017")
    for name, body in TREE.items():
        assert (root.parent / name).read_bytes() == body
    assert {path.name for path in folder.iterdir()} == {root.parent.name, ".lock"}
    assert fetch_dataset("davis2017") == root
    assert len(file_server.requested) == 1


def test_a_broken_download_is_resumed(publish, file_server):
    content = zip_of(TREE, zipfile.ZIP_STORED)
    publish(content)
    file_server.drops = [len(content) // 2, 0]
    with pytest.raises(DatasetError, match=r"broke off after .* bytes; try again"):
        fetch_dataset("davis2017")
    fetch_dataset("davis2017")
    assert file_server.requested[-1] == f"bytes={len(content) // 2}-"


def test_another_folder_can_be_chosen(publish, tmp_path):
    publish(zip_of(TREE))
    root = fetch_dataset("davis2017", folder=tmp_path / "elsewhere")
    assert root == tmp_path / "elsewhere/DAVIS-2017-trainval-480p/DAVIS"


def test_what_a_killed_run_left_is_cleared(publish):
    folder = publish(zip_of(TREE))
    left = folder / ".DAVIS-2017-trainval-480p.unpacking" / "DAVIS"
    left.mkdir(parents=True)
    (left / "half").touch()
    assert not (fetch_dataset("davis2017") / "half").exists()


def test_an_unreachable_server_says_what_to_do_by_hand(publish, file_server):
    folder = publish(zip_of(TREE))
    file_server.status = 503
    with pytest.raises(DatasetError, match=f"HTTP 503.*put the file into {folder} by hand"):
        fetch_dataset("davis2017")


def test_an_archive_put_there_by_hand_is_used(publish, file_server):
    folder = publish(b"")
    folder.mkdir()
    (folder / NAME).write_bytes(zip_of(TREE))
    assert fetch_dataset("davis2017").is_dir()
    assert file_server.requested == []


@pytest.mark.parametrize(
    ("files", "message"),
    [({"other/x": b"1"}, "no folder DAVIS in it"),
     ({**TREE, "DAVIS/ImageSets/2017/val.txt": b"bear\ndog\n"}, "dog: no frames")],
)  # fmt: skip
def test_another_or_a_partial_tree_is_told(publish, files, message):
    publish(zip_of(files))
    with pytest.raises(DatasetError, match=message):
        fetch_dataset("davis2017")


def test_wrong_content_is_refused(publish, file_server):
    content = zip_of(TREE)
    publish(content)
    file_server.files[f"/{NAME}"] = content[::-1]
    with pytest.raises(DatasetError, match="corrupt, truncated or another file: got sha256"):
        fetch_dataset("davis2017")


@pytest.mark.parametrize("whole", [b"not a zip", zip_of(TREE, zipfile.ZIP_STORED)])
def test_a_damaged_archive_is_removed_and_leaves_nothing(publish, whole):
    folder = publish(whole.replace(bytes(range(256)), bytes(256), 1), digest=False)
    with pytest.raises(DatasetError, match=r"damaged archive.*fetch it again"):
        fetch_dataset("davis2017")
    assert [path.name for path in folder.iterdir()] == [".lock"]


@pytest.mark.parametrize(
    "name", ["../escape", "/escape", "DAVIS/../../escape", "..\\escape", "C:escape"]
)
def test_members_that_lead_outside_are_refused_before_anything_is_written(tmp_path, name):
    packed = tmp_path / "a.zip"
    packed.write_bytes(zip_of({"DAVIS/x": b"1", name: b"2"}))
    with pytest.raises(DatasetError, match="lies outside of the archive"):
        unpack(packed, tmp_path / "target")
    assert list(tmp_path.iterdir()) == [packed]


def test_links_are_refused(tmp_path):
    packed = tmp_path / "a.zip"
    link = zipfile.ZipInfo("DAVIS/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(link, "/etc")
    with pytest.raises(DatasetError, match="a member 'DAVIS/link' that is a link"):
        unpack(packed, tmp_path / "target")


def test_a_dataset_without_an_address_says_so():
    with pytest.raises(DatasetError, match="get it by hand"):
        fetch_dataset("youtube-vos")
