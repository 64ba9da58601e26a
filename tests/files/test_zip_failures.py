"""Damaged archives are answered by one error of ours, whichever code reads them."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from persam_vos.datasets.archives import unpack
from persam_vos.errors import DatasetError, MediaError
from persam_vos.media.zip_images import images_in_zip

NAME = "n0123456789.png"


def archive() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        packed.writestr(NAME, b"0" * 99)
    return content.getvalue()


def with_flag(bit: int) -> bytes:
    """Set a flag of the member: 0 is for encryption, 11 for names in UTF-8."""
    data = bytearray(archive())
    for place, start in ((6, b"PK\3\4"), (8, b"PK\1\2")):
        at = data.index(start) + place
        flags = int.from_bytes(data[at : at + 2], "little") | 1 << bit
        data[at : at + 2] = flags.to_bytes(2, "little")
    return bytes(data)


def with_method(number: int) -> bytes:
    """Set the way in which the member is compressed."""
    data = bytearray(archive())
    for place, start in ((8, b"PK\3\4"), (10, b"PK\1\2")):
        at = data.index(start) + place
        data[at : at + 2] = number.to_bytes(2, "little")
    return bytes(data)


DAMAGED = {
    "no end": archive()[:-9],
    "an empty name": archive().replace(b"n012", b"\x00012"),
    "a name that is no text": with_flag(11).replace(b"n012", b"\x9d\xff\xfe\x9d"),
    "an unknown compression": with_method(99),
    "a password": with_flag(0),
    "another checksum": archive().replace(b"0" * 99, b"1" * 99),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_archive_is_told_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    with pytest.raises((MediaError, OSError)) as refused:
        for image in images_in_zip(path):
            image.read_bytes()
    assert "\n" not in str(refused.value)
    with pytest.raises(DatasetError, match=r"a\.zip"):
        unpack(path, tmp_path / "unpacked")
