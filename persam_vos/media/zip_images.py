"""Images in a ZIP archive, read where they are: nothing is unpacked to the disk."""

from __future__ import annotations

import zipfile
from pathlib import Path, PurePosixPath

from ..errors import MediaError
from ..files.zip_failures import ZIP_FAILURES
from .image_file import IMAGE_SUFFIXES, ImageFile

MOST_BYTES = 1 << 30
"""An image that would unpack to more is refused: archives can claim and hold anything."""
_UNOPENED: tuple[type[Exception], ...] = (OSError, *ZIP_FAILURES)


class ZippedImage:
    """One image in an archive; an ``ImageFile``."""

    def __init__(self, archive: Path, entry: zipfile.ZipInfo) -> None:
        self._archive, self._entry = archive, entry
        self.name = _inside(entry).name
        self.stem = PurePosixPath(self.name).stem

    def __str__(self) -> str:
        return f"{self._archive}/{self._entry.filename}"

    def read_bytes(self) -> bytes:
        """Return its content; raises OSError where it cannot be unpacked or is too large."""
        try:
            with zipfile.ZipFile(self._archive) as opened, opened.open(self._entry) as file:
                content = file.read(MOST_BYTES + 1)
        except ZIP_FAILURES as error:
            raise OSError(str(error) or "a damaged archive") from error
        if len(content) > MOST_BYTES:
            raise OSError(f"it unpacks to more than {MOST_BYTES >> 20} MiB")
        return content


def images_in_zip(path: Path) -> list[ImageFile]:
    """Return the images in an archive, in no order; raises MediaError if there are none."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if _is_image(entry)]
    except _UNOPENED as error:
        raise MediaError(
            str(path),
            got=f"a ZIP archive that does not open ({error})",
            expected="a whole archive of images",
            remedy="pack or copy it again",
        ) from error
    if not entries:
        raise MediaError(
            str(path),
            got="an archive without images",
            expected="JPEG, PNG or other image files in it",
            remedy="unpack it and name what is in it",
        )
    if any(entry.flag_bits & 1 for entry in entries):
        raise MediaError(
            str(path), got="an archive with a password", expected="one without", remedy="unpack it"
        )
    folders = sorted({_inside(entry).parent.as_posix() for entry in entries})
    if len(folders) > 1:
        raise MediaError(
            str(path),
            got=f"images in {len(folders)} folders ({', '.join(folders[:3])})",
            expected="the frames of one clip",
            remedy="unpack it and name one of its folders",
        )
    return [ZippedImage(path, entry) for entry in entries]


def _inside(entry: zipfile.ZipInfo) -> PurePosixPath:
    """Return where an entry is, also if its archive was made with backslashes."""
    return PurePosixPath(entry.filename.replace("\\", "/"))


def _is_image(entry: zipfile.ZipInfo) -> bool:
    path = _inside(entry)
    hidden = path.name.startswith(".") or "__MACOSX" in path.parts
    return not (entry.is_dir() or hidden) and path.suffix.lower() in IMAGE_SUFFIXES
