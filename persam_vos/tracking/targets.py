"""Targets and the engine: made from pictures, and refused where another network made them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from ..errors import TargetError, UsageError, param
from ..media.image_reader import read_image
from ..media.reference_masks import read_reference_masks
from ..request import TrackRequest
from ..scoring.label_files import present_ids
from ..stages.decode import Decoder
from ..structures import Frame, LabelMap
from ..targets.describe import describe_reference, fit_scales
from ..targets.features import feature_widths
from ..targets.find import TargetFinder
from ..targets.target import NetworkIdentity, SourceFile, Target
from ..targets.target_file import MAX_REFERENCES, read_target
from .engine import Engine


@dataclass(frozen=True, slots=True)
class ReferencePicture:
    """A picture with the labels (H, W) of its objects, as read, and the files that they are from.

    ``warnings`` are sentences for the user.
    """

    frame: Frame
    labels: LabelMap
    files: tuple[SourceFile, SourceFile]
    warnings: tuple[str, ...]


def read_pictures(references: Sequence[tuple[str | Path, str | Path]]) -> list[ReferencePicture]:
    """Read the pictures of a target and their masks.

    Raises UsageError for none or too many, MediaError or MaskError for files that cannot be
    understood.
    """
    if not 1 <= len(references) <= MAX_REFERENCES:
        raise UsageError(
            param("references"),
            got=f"{len(references)} pictures",
            expected=f"1 to {MAX_REFERENCES}, each with its mask",
        )
    return [_read(Path(image), mask) for image, mask in references]


@torch.inference_mode()
def describe_target(pictures: Sequence[ReferencePicture], engine: Engine) -> Target:
    """Make a target of pictures and the labels of their objects."""
    object_ids = sorted({i for picture in pictures for i in present_ids(picture.labels)})
    decoder = Decoder(engine.network, engine.compute)
    described = []
    total, shown = np.zeros((len(object_ids), 3), np.float32), np.zeros((len(object_ids), 1))
    for picture in pictures:
        encoded = engine.encode(picture.frame)
        one = describe_reference(
            encoded, picture.labels, object_ids, files=picture.files, pictures=len(pictures)
        )
        described.append(one)
        rows = [object_ids.index(i) for i in one.object_ids]
        masks = torch.from_numpy(np.stack([picture.labels == i for i in one.object_ids]))
        total[rows] += fit_scales(decoder, encoded, masks.to(engine.compute.device)).numpy()
        shown[rows] += 1
    return Target(
        object_ids=tuple(object_ids),
        references=tuple(described),
        scale_weights=(total / shown).astype(np.float32),
        network=network_identity(engine),
        image_size=engine.settings.image_size,
        feature_widths=feature_widths(encoded),
        version=version("persam-vos"),
    )


def target_of(request: TrackRequest) -> Target | None:
    """Read the target of a request, if it has one, with the objects that are asked for.

    Raises TargetError for a file that cannot be used, UsageError if none of the objects is in it.
    """
    target = request.target
    if isinstance(target, str | Path):
        target = read_target(target)
    if target is None or request.objects is None:
        return target
    wanted = [i for i in target.object_ids if i in request.objects]
    if wanted:
        return target.keep(wanted)
    if request.masks is not None or request.later_masks:
        return None
    raise UsageError(
        param("objects"),
        got=", ".join(map(str, sorted(request.objects))),
        expected=f"ids in the target: {', '.join(map(str, target.object_ids))}",
        remedy="select some of these",
    )


def network_identity(engine: Engine) -> NetworkIdentity:
    """Say which network an engine has."""
    digests = {name: digest for name, digest in engine.weights.items() if name != "name"}
    return NetworkIdentity(
        engine.weights.get("name", "custom"), engine.network.architecture, digests
    )


def check_network(target: Target, engine: Engine) -> None:
    """Raise TargetError for a target whose features another network made."""
    own = network_identity(engine)
    if not target.network.fits(own):
        raise TargetError(
            param("target"),
            got=f"a target made with {target.network}",
            expected=f"{own}, as this run has",
            remedy=f"make it again with these, or use {param('weights', target.network.weights)}",
        )


def new_finder(target: Target, engine: Engine) -> TargetFinder:
    """Make what finds a target's objects in the engine's frames."""
    decoder = Decoder(engine.network, engine.compute)
    return TargetFinder.new(target, decoder, engine.settings.image_size)


def _read(image: Path, mask: str | Path) -> ReferencePicture:
    pixels = read_image(image)
    read = read_reference_masks({0: mask}, (pixels.shape[0], pixels.shape[1]))
    return ReferencePicture(
        Frame(0, image.stem, pixels, 0.0),
        read.label_maps[0],
        (_source(image), _source(_mask_path(mask))),
        read.warnings,
    )


def _mask_path(mask: str | Path) -> Path:
    """Return the file of a mask that may name its object, as ``2=cat.png``."""
    number, _, path = str(mask).partition("=")
    return Path(path) if number.isdecimal() and path else Path(mask)


def _source(path: Path) -> SourceFile:
    """Describe a file that was read."""
    content = path.read_bytes()
    return SourceFile(path.name, len(content), hashlib.sha256(content).hexdigest())
