"""Options that choose how objects are found in photos."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from persam_vos.config import ENCODER_NAMES, EncoderName, RecipeName
from persam_vos.errors import UsageError, param
from persam_vos.photos.settings import (
    DEFAULT_PHOTO_METHOD,
    PAPER_PHOTO_METHOD,
    PHOTO_MECHANISMS,
    PHOTO_METHODS,
    PhotoMechanism,
    PhotoMethodName,
    PhotoSettings,
    default_photo_method,
)

from .options import NETWORK_OPTIONS, NetworkOptions, option_group, paper_options

if TYPE_CHECKING:
    from persam_vos import EngineChoice

_PHOTO_OPTIONS = (
    click.option(
        "--method",
        type=click.Choice(PHOTO_METHODS),
        help=f"How objects are found.  [default: {DEFAULT_PHOTO_METHOD}; {PAPER_PHOTO_METHOD} "
        "with --recipe upstream or --without]",
    ),
    *paper_options("photo", PHOTO_MECHANISMS),
    click.option(
        "--encoder",
        type=click.Choice(ENCODER_NAMES),
        default="sam",
        show_default=True,
        help="What pictures are compared by, for --method match; fetched and cached on first use.",
    ),
    click.option(
        "--encoder-checkpoint",
        type=click.Path(path_type=Path),
        help="A DINOv2 or DINOv3 file of size small, base or large to compare pictures by.",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoEngineOptions(NetworkOptions):
    """What the options of `photo_engine_options` say."""

    method: PhotoMethodName | None
    recipe: RecipeName
    without: tuple[PhotoMechanism, ...]
    encoder: EncoderName
    encoder_checkpoint: Path | None

    def settings(self) -> PhotoSettings:
        """Return how objects are found; raises UsageError for a contradiction."""
        without = frozenset(self.without)
        method = self.method or default_photo_method(recipe=self.recipe, without=without)
        settings = PhotoSettings(method=method, recipe=self.recipe, without=without)
        other = "encoder" if self.encoder != "sam" else "encoder_checkpoint"
        if method != "match" and (self.encoder != "sam" or self.encoder_checkpoint):
            raise UsageError(
                param(other),
                got=f"an encoder with {param('method', method)}",
                expected=f"{param('method', 'match')}: the paper's methods compare by SAM's own",
                remedy="leave one of the two out",
            )
        return settings

    def choice(self) -> EngineChoice:
        """Return the engine that goes with `settings`."""
        return replace(
            self.of_settings(self.settings().engine_settings()),
            encoder=self.encoder,
            encoder_checkpoint=self.encoder_checkpoint,
        )


photo_engine_options = option_group(
    "engine", PhotoEngineOptions, (*_PHOTO_OPTIONS, *NETWORK_OPTIONS)
)
"""Adds the options that choose an engine and how it finds objects in photos."""
