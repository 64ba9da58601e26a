"""What others published for the one-shot data sets, to be printed beside our figures.

PerSAM and PerSAM-F: tables 1 and 3 of arXiv 2305.03048. Matcher and GF-SAM: the logs of
aim-uofa/Matcher and ANDYZAQ/GF-SAM, both with DINOv2-L and SAM ViT-H.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PAPER = "arXiv 2305.03048"
MATCHER = "aim-uofa/Matcher"
GF_SAM = "ANDYZAQ/GF-SAM"


@dataclass(frozen=True, slots=True)
class Published:
    """A published result in per cent; ``folds`` has the mIoU of each fold, empty if not known."""

    method: str
    source: str
    mean_iou: float
    boundary_iou: float | None = None
    folds: tuple[float, ...] = ()


PUBLISHED: Final[dict[str, tuple[Published, ...]]] = {
    "perseg": (
        Published("PerSAM", PAPER, 89.3, 71.7),
        Published("PerSAM-F", PAPER, 95.3, 77.9),
    ),
    "fss1000": (
        Published("PerSAM", PAPER, 81.6),
        Published("PerSAM-F", PAPER, 86.3),
        Published("Matcher", MATCHER, 87.0, folds=(87.12,)),
        Published("GF-SAM", GF_SAM, 88.0, folds=(88.04,)),
    ),
    "lvis92i": (
        Published("PerSAM", PAPER, 15.6),
        Published("PerSAM-F", PAPER, 18.4),
        Published(
            "Matcher",
            MATCHER,
            33.0,
            folds=(31.38, 30.86, 33.66, 38.09, 30.46, 32.47, 35.89, 34.22, 33.02, 29.65),
        ),
        Published(
            "GF-SAM",
            GF_SAM,
            35.2,
            folds=(30.91, 37.94, 37.09, 39.61, 31.21, 36.38, 39.12, 35.70, 32.27, 31.45),
        ),
    ),
    "pascal-part": (
        Published("PerSAM", PAPER, 32.5),
        Published("PerSAM-F", PAPER, 32.9),
        Published("Matcher", MATCHER, 42.9, folds=(37.11, 56.29, 32.44, 45.74)),
        Published("GF-SAM", GF_SAM, 44.5, folds=(33.17, 59.60, 35.19, 50.06)),
    ),
    "paco-part": (
        Published("PerSAM", PAPER, 22.5),
        Published("PerSAM-F", PAPER, 22.7),
        Published("Matcher", MATCHER, 34.7, folds=(32.69, 35.61, 36.47, 34.10)),
        Published("GF-SAM", GF_SAM, 36.3, folds=(33.43, 34.86, 39.68, 37.04)),
    ),
    "coco20i": (
        Published("Matcher", MATCHER, 52.7, folds=(52.66, 53.52, 52.58, 52.13)),
        Published("GF-SAM", GF_SAM, 58.7, folds=(56.62, 61.44, 59.63, 57.12)),
    ),
    "pascal5i": (Published("GF-SAM", GF_SAM, 72.3, folds=(71.12, 75.70, 69.17, 73.25)),),
}
