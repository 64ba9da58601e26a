"""Bring a published dataset here: download, check, unpack with care, move into place."""

from __future__ import annotations

import shutil
import stat
import zipfile
from pathlib import Path, PurePosixPath

from ..errors import DatasetError, FetchError, param
from ..files.cache import locked, require_space
from ..files.download import CHUNK_BYTES, download, reported_as
from ..files.progress import ProgressCallback, silent
from ..files.zip_failures import ZIP_FAILURES
from .catalog import Archive, check_split, data_dir, dataset_info, open_split


@reported_as(DatasetError)
def fetch_dataset(
    dataset: str,
    *,
    split: str | None = None,
    folder: Path | None = None,
    on_progress: ProgressCallback = silent,
) -> Path:
    """Fetch the archive that holds a split, unless it is there; return the root of the tree.

    It is unpacked in ``folder``, ``data_dir()`` by default, where nothing appears before it is
    whole; a download that broke off is resumed. Raises UsageError for an unknown dataset or split,
    DatasetError when it is not published, cannot be had, or is not what it should be.
    """
    info = dataset_info(dataset)
    split = check_split(info, split)
    archive = info.archives.get(split)
    if archive is None:
        raise DatasetError(
            f"dataset {dataset}",
            got="no address to fetch it from",
            expected="one of the datasets that are published without a login",
            remedy=f"get it by hand, and give its folder as {param('root')}",
        )
    folder = data_dir() if folder is None else folder
    target = folder / archive.folder
    if not target.is_dir():
        with locked(folder, on_progress):
            if not target.is_dir():  # another process may just have fetched it
                _bring(archive, target, on_progress)
    root = target / archive.tree
    open_split(dataset, root, split=split)
    return root


def _bring(archive: Archive, target: Path, on_progress: ProgressCallback) -> None:
    """Make ``target`` from the archive; nothing is left of a failure but the download."""
    packed = target.with_name(archive.file.name)
    if not packed.is_file():
        try:
            download(archive.url, packed, archive.file, on_progress)
        except FetchError as error:
            raise FetchError(
                f"{archive.url}: {error}",
                remedy=f"try again (it resumes), or put the file into {packed.parent} by hand",
            ) from None
    unpacked = target.with_name(f".{target.name}.unpacking")
    shutil.rmtree(unpacked, ignore_errors=True)  # what a killed run left
    try:
        unpack(packed, unpacked, on_progress)
        if not (unpacked / archive.tree).is_dir():
            raise DatasetError(
                str(packed), got=f"no folder {archive.tree} in it", expected="the published archive"
            )
        unpacked.replace(target)
    except (DatasetError, FetchError):
        shutil.rmtree(unpacked, ignore_errors=True)
        raise
    packed.unlink()


def unpack(packed: Path, folder: Path, on_progress: ProgressCallback = silent) -> None:
    """Unpack a zip archive into a new folder.

    Raises DatasetError, before anything is written, for members that would land outside of it or
    are no plain files; and for a damaged archive, which is then removed. Raises FetchError when the
    disk has no room for it.
    """
    try:
        with zipfile.ZipFile(packed) as archive:
            members = archive.infolist()
            for member in members:
                _check_member(member, packed)
            total = sum(member.file_size for member in members)
            require_space(packed.parent, total)
            folder.mkdir()
            done = 0
            for member in members:
                on_progress(f"unpacking {packed.name}", done, total)
                _write_member(archive, member, folder)
                done += member.file_size
            on_progress(f"unpacking {packed.name}", done, total)
    except ZIP_FAILURES as error:
        packed.unlink()
        raise DatasetError(
            f"{packed} (now removed)",
            got=f"a damaged archive ({error})",
            expected="a whole zip file",
            remedy="fetch it again",
        ) from error
    except OSError as error:
        raise DatasetError(
            f"cannot unpack {packed} into {folder}", got=error.strerror or repr(error)
        ) from error


def _check_member(member: zipfile.ZipInfo, packed: Path) -> None:
    """Raise DatasetError for a member that is not a plain file or folder inside of the archive."""
    path = PurePosixPath(member.filename)
    escapes = path.is_absolute() or ".." in path.parts or "\\" in member.filename
    drive = ":" in member.filename
    kind = stat.S_IFMT(member.external_attr >> 16)
    if not path.parts or escapes or drive or kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise DatasetError(
            f"{packed}",
            got=f"a member {member.filename!r} that is a link or lies outside of the archive",
            expected="plain files",
            remedy="do not trust this archive",
        )


def _write_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> None:
    target = folder.joinpath(*PurePosixPath(member.filename).parts)
    if member.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(member) as source, target.open("xb") as copy:
        shutil.copyfileobj(source, copy, CHUNK_BYTES)
