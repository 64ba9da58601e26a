"""From the choice of an engine to the engine: weights, network, encoder."""

from __future__ import annotations

import logging
import os

import torch

from ..backends import fitting_backends, make_encoder
from ..encoders.load import load_encoder
from ..errors import UsageError, param
from ..files.progress import ProgressCallback, silent
from ..request import EngineChoice
from ..runtime.device import resolve_compute
from ..runtime.oom_batcher import OomBatcher
from ..sam.build import build_sam, keep_in
from ..weights import load_weights
from .engine import Engine

_log = logging.getLogger(__name__)


def load_choice(
    choice: EngineChoice,
    on_progress: ProgressCallback | None = None,
    *,
    share_cores: bool = False,
) -> Engine:
    """Load a network, once for any number of clips; weights are fetched where needed.

    ``share_cores`` leaves cores to an encoder that has threads of its own, by giving torch fewer:
    for programs that do nothing else. Raises UsageError for a choice that is unknown or does not
    fit, WeightsError for weights that cannot be found, fetched or trusted.
    """
    settings = choice.settings
    compute = resolve_compute(choice.device, choice.dtype)
    fitting_backends(choice.backend, compute)  # what cannot work fails before weights are fetched
    matcher = load_encoder(
        choice.encoder,
        choice.encoder_checkpoint,
        device=compute.device,
        dtype=compute.dtype,
        on_progress=on_progress,
    )
    loaded = load_weights(choice.weights, checkpoint=choice.checkpoint, on_progress=on_progress)
    _log.info("weights %s loaded: %s", loaded.name, loaded.source)
    network = build_sam(loaded.architecture, loaded.state).to(compute.device)
    keep_in(network, compute.dtype)
    if settings.image_size > network.largest_image:
        raise UsageError(
            param("image_size"),
            got=f"{settings.image_size} with {loaded.name}",
            expected=f"at most {network.largest_image}, the size of its position embeddings",
            remedy=f"use a smaller one, or {param('weights', 'mobile-sam')}",
        )
    engine = Engine(
        network,
        compute,
        settings,
        {"name": loaded.name, **loaded.sha256, **(matcher.facts if matcher else {})},
        encoder=make_encoder(
            choice.backend,
            network,
            compute,
            on_progress or silent,
            # In bfloat16 the upstream recipe's masks are no longer upstream's: IoU 0.76.
            exact=settings.method != "memory",
        ),
        matcher=matcher,
        encode_batcher=OomBatcher(compute.encode_batch_size),
    )
    encoder = engine.encoding
    chosen = f"{encoder.backend} {encoder.version}, of {choice.backend}"
    _log.info("network on %s; its encoder runs on %s", compute.describe(), chosen)
    if share_cores:
        _leave_cores(engine)
    return engine


def _leave_cores(engine: Engine) -> None:
    """Leave half of the cores to the encoder, where its runtime has threads of its own.

    With more threads than cores those of torch spend their time waiting for each other.
    """
    if engine.encoding.backend != "torch" and engine.overlaps:
        torch.set_num_threads(max(1, min(torch.get_num_threads(), (os.cpu_count() or 1) // 2)))
