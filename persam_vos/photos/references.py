"""Check references before anything is learned from them."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import UsageError, param
from ..structures import LabelMap, RgbImage
from .method import PhotoReference


def checked_references(
    references: Sequence[tuple[RgbImage, LabelMap]],
) -> list[PhotoReference]:
    """Return references with their fields named.

    Raises UsageError for none, for labels of another size than their picture, and without objects.
    """
    if not references:
        raise UsageError(
            param("references"), got="none", expected="a picture that shows the object, at least"
        )
    checked = [PhotoReference(*one) for one in references]
    for number, (image, labels) in enumerate(checked, 1):
        if image.shape[:2] != labels.shape:
            raise UsageError(
                f"mask of reference {number}",
                got=f"{labels.shape[1]} x {labels.shape[0]}",
                expected=f"{image.shape[1]} x {image.shape[0]}, as its picture",
            )
        if not labels.any():
            raise UsageError(
                f"mask of reference {number}", got="no object", expected="pixels of an object"
            )
    return checked
