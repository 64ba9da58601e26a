"""Where weights come from, and whether they can be trusted.

Importing this needs no torch: only ``load_weights`` does, when it is called.
"""

from ..files.cache import CACHE_VARIABLE, cache_dir
from ..files.progress import ProgressCallback
from .fetch import cached_files, is_cached, original_files
from .load import LoadedWeights, load_weights
from .registry import (
    DEFAULT_WEIGHTS,
    ENCODERS,
    WEIGHTS,
    PublishedWeights,
    WeightsFile,
    WeightsInfo,
    WeightsSource,
    weights_info,
)

__all__ = [
    "CACHE_VARIABLE",
    "DEFAULT_WEIGHTS",
    "ENCODERS",
    "WEIGHTS",
    "LoadedWeights",
    "ProgressCallback",
    "PublishedWeights",
    "WeightsFile",
    "WeightsInfo",
    "WeightsSource",
    "cache_dir",
    "cached_files",
    "is_cached",
    "load_weights",
    "original_files",
    "weights_info",
]
