"""J and F as the DAVIS toolkit defines them; numpy and a morphology library only."""

from .boundary import boundary_f, boundary_radius
from .folders import score_folders
from .frame import VOID_LABEL, score_frame
from .photos import PhotoScore, boundary_iou, score_photos
from .region import region_similarity
from .report import (
    global_csv,
    own_report_files,
    per_sequence_csv,
    report_file_names,
    report_files,
    results,
)
from .sequence import SequenceScore, SplitScore, Statistics, score_sequence, statistics

__all__ = [
    "VOID_LABEL",
    "PhotoScore",
    "SequenceScore",
    "SplitScore",
    "Statistics",
    "boundary_f",
    "boundary_iou",
    "boundary_radius",
    "global_csv",
    "own_report_files",
    "per_sequence_csv",
    "region_similarity",
    "report_file_names",
    "report_files",
    "results",
    "score_folders",
    "score_frame",
    "score_photos",
    "score_sequence",
    "statistics",
]
