"""The development clips, their truth, and an engine that keeps embeddings on disk.

The clips are not part of the project: `--clips` names a folder that holds `davis16-dev/` and
`composites-dev/`, each laid out like DAVIS.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from persam_vos.api import load_engine
from persam_vos.config import MethodSettings
from persam_vos.runtime.oom_batcher import OomBatcher
from persam_vos.stages.encode import encode
from persam_vos.structures import Encoded, Frame, LabelMap
from persam_vos.tracking.engine import Engine

LAYERS = ("layer_s8", "layer_s4")
SETS = ("davis16-dev", "composites-dev")


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip of a development set: images and true label maps, in order."""

    set_name: str
    name: str
    images: tuple[Path, ...]
    truth: tuple[Path, ...]

    def frame(self, index: int) -> Frame:
        """Read one picture."""
        path = self.images[index]
        image = np.asarray(Image.open(path).convert("RGB"))
        return Frame(index, path.stem, image, index / 24)

    def labels(self, index: int) -> LabelMap:
        """Read the true labels of one frame; where all are 0 or 255, 255 is object 1."""
        labels = np.asarray(Image.open(self.truth[index]).getchannel(0))
        return (labels > 0).astype(np.uint8) if 255 in labels else labels

    def frames(self) -> Iterator[Frame]:
        """Read the pictures, in order."""
        return (self.frame(index) for index in range(len(self.images)))

    def true_labels(self) -> Iterator[LabelMap]:
        """Read the true labels of every frame, in order."""
        return (self.labels(index) for index in range(len(self.truth)))

    def backwards(self) -> Clip:
        """Return the clip from its last frame that shows an object to its first."""
        shown = max(index for index in range(len(self.truth)) if self.labels(index).any())
        images, truth = (paths[shown::-1] for paths in (self.images, self.truth))
        return replace(self, name=f"{self.name}-backwards", images=images, truth=truth)

    def first(self, count: int | None) -> Clip:
        """Keep the first frames alone; None keeps all."""
        return replace(self, images=self.images[:count], truth=self.truth[:count])


def find_clips(
    root: Path, names: tuple[str, ...] = (), *, sets: Sequence[str] = SETS
) -> list[Clip]:
    """List the clips of ``sets`` under ``root``, or those of ``names``."""
    clips = []
    for set_name in sets:
        base = root / set_name / "JPEGImages" / "480p"
        for folder in sorted(path for path in base.iterdir() if path.is_dir()):
            truth = root / set_name / "Annotations" / "480p" / folder.name
            if not names or folder.name in names:
                clips.append(
                    Clip(
                        set_name,
                        folder.name,
                        tuple(sorted(folder.glob("*.jpg"))),
                        tuple(sorted(truth.glob("*.png"))),
                    )
                )
    return clips


@dataclass(frozen=True)
class CachedEngine(Engine):
    """An engine that keeps what the encoder says of each picture on disk, for repeated experiments.

    Earlier layers are stored in half precision, and for the memory alone: 10 MB a frame.
    """

    cache: Path = Path("embeddings")

    @classmethod
    def load(cls, settings: MethodSettings, cache: Path) -> CachedEngine:
        """Load the default weights, with the encoder that goes with the settings."""
        engine = load_engine(settings=settings)
        return cls(
            engine.network,
            engine.compute,
            engine.settings,
            engine.weights,
            cache,
            encoder=engine.encoder,
        )

    def encode_batch(self, frames: Sequence[Frame]) -> list[Encoded]:
        """Embed frames, or load their embeddings."""
        return [self._cached(frame, square=self.settings.method != "memory") for frame in frames]

    def encode_window(self, frame: Frame) -> Encoded:
        """Embed a picture, padded to the square, or load its embedding."""
        return self._cached(frame, square=True)

    def _cached(self, frame: Frame, *, square: bool) -> Encoded:
        picture = hashlib.sha1(frame.image.tobytes()).hexdigest()
        part = ("square" if square else "picture") + "-mirrored" * self.settings.mirrored
        encoder = f"{self.weights.get('name')}-{self.encoding.backend}"
        name = f"{encoder}-{part}-{self.settings.image_size}-{picture}-layers.safetensors"
        path = self.cache / name
        prepared = self.prepare(frame, square=square)
        if path.exists():
            tensors = load_file(path, device=str(self.compute.device))
            known = tuple(  # in the layout that encoders return
                tensors[name].float().to(memory_format=torch.channels_last)
                for name in ("features", *LAYERS)
                if name in tensors
            )
            (encoded,) = encode([prepared], lambda _: known, self.compute, OomBatcher())
            return encoded
        (encoded,) = self._encode([prepared])
        tensors = {"features": encoded.features}
        if self.settings.method == "memory":
            found = {name: getattr(encoded, name) for name in LAYERS}
            tensors |= {name: layer.half() for name, layer in found.items() if layer is not None}
        self.cache.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".part")
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, temporary)
        temporary.replace(path)
        return encoded
