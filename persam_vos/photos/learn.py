"""Read references from files, and have a method learn what they show."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from ..media.image_reader import read_image
from ..media.reference_masks import read_reference_masks
from ..media.reference_prompts import FramePrompts, read_prompts, refuse_unknown
from ..scoring.label_files import present_ids
from ..structures import Frame, LabelMap, RgbImage
from ..targets.target import Target
from ..targets.target_file import read_target
from ..tracking.engine import Engine
from ..tracking.prompted import label_prompts
from .method import PhotoReference
from .request import ReferencePhoto

PictureAndShown = tuple[RgbImage, LabelMap | None, FramePrompts]


def read_reference(reference: ReferencePhoto, on_warning: Callable[[str], None]) -> PictureAndShown:
    """Read a reference: picture, labels of its masks, and prompts in its pixels.

    Raises MediaError, MaskError or UsageError for what cannot be understood.
    """
    image = read_image(Path(reference.image))
    size_hw = (image.shape[0], image.shape[1])
    labels = None
    if reference.masks is not None:
        read = read_reference_masks({0: reference.masks}, size_hw)
        labels = read.label_maps[0]
        for warning in read.warnings:
            on_warning(warning)
    prompts = FramePrompts(read_prompts(reference.prompts, size_hw, 0))
    refuse_unknown(prompts, () if labels is None else present_ids(labels), 0)
    return image, labels, prompts


def make_reference(read: PictureAndShown, engine: Engine) -> PhotoReference:
    """Make the masks that boxes and points mean; raises MaskError where there is none."""
    image, labels, prompts = read
    if prompts.by_id:
        encoded = engine.encode(Frame(0, "", image, 0.0))
        labels = label_prompts(engine, prompts, labels, encoded)
    assert labels is not None, "a reference shows something"
    return PhotoReference(image, labels)


def loaded_target(target: Target | str | Path) -> Target:
    """Read a target's file; raises TargetError for one that cannot be used."""
    return target if isinstance(target, Target) else read_target(target)


def digest_of(references: Sequence[ReferencePhoto], files: Sequence[Path], settings: object) -> str:
    """Return what results depend on beside the photos, as a digest in hex."""
    parts = [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
    prompts = [[repr(asdict(one)) for one in reference.prompts] for reference in references]
    return hashlib.sha256(repr([parts, prompts, settings]).encode()).hexdigest()
