"""Where the files of a dataset lie."""

from .catalog import DATASETS, default_root, open_split
from .clips import Clip, FirstMask, Split

__all__ = ["DATASETS", "Clip", "FirstMask", "Split", "default_root", "open_split"]
