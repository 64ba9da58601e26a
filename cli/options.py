"""Options that several subcommands share."""

from __future__ import annotations

import logging
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from persam_vos.config import (
    BACKENDS,
    DEFAULT_METHOD,
    DEFAULT_QUALITY,
    DEFAULT_RECIPE,
    IMAGE_SIZE_RANGE,
    IMAGE_SIZES,
    MECHANISMS,
    METHODS,
    MIRRORED,
    PAPER_METHOD,
    RECIPES,
    SMALL_SIDES,
    Mechanism,
    MethodName,
    QualityName,
    RecipeName,
    default_method,
)
from persam_vos.weights.registry import DEFAULT_WEIGHTS, WEIGHTS

if TYPE_CHECKING:
    from persam_vos import Engine, EngineChoice, MethodSettings

    from .progress import Console


class Recipe(click.Choice[RecipeName]):
    """Takes the former name of the upstream recipe too."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> RecipeName:
        """Return the name of a recipe, as it is now."""
        return super().convert("upstream" if value == "public" else value, param, ctx)


def _show_log(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Show what the library logs on stderr, as long as the command runs."""
    if not wanted:
        return
    logger, handler = logging.getLogger("persam_vos"), logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    context.call_on_close(lambda: logger.removeHandler(handler))
    context.call_on_close(lambda: logger.setLevel(before))


NETWORK_OPTIONS = (
    click.option(
        "--weights",
        type=click.Choice(sorted(WEIGHTS)),
        default=DEFAULT_WEIGHTS,
        show_default=True,
        help="Which network; fetched and cached on first use.",
    ),
    click.option(
        "--checkpoint",
        type=click.Path(path_type=Path),
        help="A weights file to use instead of the cache or a download.",
    ),
    click.option(
        "--device",
        default="auto",
        show_default=True,
        metavar="auto|cpu|cuda|mps",
        help="Where to compute; cuda:1 chooses a card.",
    ),
    click.option(
        "--dtype",
        type=click.Choice(["auto", "float32", "bfloat16", "float16"]),
        default="auto",
        show_default=True,
        help="Precision of matrix products; auto is bfloat16 on CUDA, float32 elsewhere.",
    ),
    click.option(
        "--backend",
        type=click.Choice(BACKENDS),
        default="auto",
        show_default=True,
        help="What runs the encoder of mobile-sam on a CPU; auto is openvino, for --method memory "
        "in int8 or bf16 if the processor gains by it. All else runs on torch: other weights, "
        "devices, precisions.",
    ),
    click.option(
        "--verbose",
        "-v",
        is_flag=True,
        expose_value=False,
        callback=_show_log,
        help="Say on stderr what is loaded, read and written.",
    ),
)


def paper_options(kind: str, mechanisms: Sequence[str]) -> tuple[Callable[..., Any], ...]:
    """Return the options of the paper's methods, for a ``kind`` of material: video or photo."""
    return (
        click.option(
            "--recipe",
            type=Recipe(RECIPES),
            default=DEFAULT_RECIPE,
            show_default=True,
            help=f"'upstream' follows the paper's published {kind} code to the letter, as a "
            "yardstick.",
        ),
        click.option(
            "--without",
            type=click.Choice(mechanisms),
            multiple=True,
            help="Switch a mechanism of the paper off (for its ablation); may be repeated.",
        ),
    )


_ENGINE_OPTIONS = (
    click.option(
        "--method",
        type=click.Choice(METHODS),
        help="How objects are followed.  "
        f"[default: {DEFAULT_METHOD}; {PAPER_METHOD} with --recipe upstream or --without]",
    ),
    *paper_options("video", MECHANISMS),
    click.option(
        "--quality",
        type=click.Choice(list(IMAGE_SIZES)),
        default=DEFAULT_QUALITY,
        show_default=True,
        help="Size of the pictures that the encoder gets: "
        + ", ".join(f"{name} {size}" for name, size in IMAGE_SIZES.items())
        + " pixels on the long side. All but fast also encode small objects in large pictures at "
        "twice the resolution; best encodes each picture a second time, mirrored.",
    ),
    click.option(
        "--image-size",
        type=click.IntRange(*IMAGE_SIZE_RANGE),
        metavar="N",
        help="That size as a number, in place of the one of --quality.",
    ),
    *NETWORK_OPTIONS,
)


workers_option = click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Clips at a time: on a CPU in processes, each with its share of the cores; on a GPU in "
    "threads, which encode in common batches.",
)


Options = TypeVar("Options")


def collect(kind: type[Options]) -> Callable[[Callable[[Options], None]], Callable[..., None]]:
    """Hand a command its options as one dataclass, whose fields are named as click names them."""

    def decorate(command: Callable[[Options], None]) -> Callable[..., None]:
        @wraps(command)
        def collected(**options: Any) -> None:
            command(kind(**options))

        return collected

    return decorate


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkOptions:
    """What `NETWORK_OPTIONS` say, which choose a network and how it is run."""

    weights: str
    checkpoint: Path | None
    device: str
    dtype: str
    backend: str

    def of_settings(self, settings: MethodSettings) -> EngineChoice:
        """Return the engine that they choose, with settings."""
        from persam_vos import EngineChoice

        return EngineChoice(
            weights=self.weights,
            checkpoint=self.checkpoint,
            device=self.device,
            dtype=self.dtype,
            backend=self.backend,
            settings=settings,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions(NetworkOptions):
    """What the options of `engine_options` say."""

    method: MethodName | None
    recipe: RecipeName
    without: tuple[Mechanism, ...]
    quality: QualityName
    image_size: int | None

    def choice(self) -> EngineChoice:
        """Return the engine that they choose; raises UsageError for a contradiction."""
        from persam_vos import MethodSettings

        settings = MethodSettings(
            method=self.method or default_method(recipe=self.recipe, without=self.without),
            recipe=self.recipe,
            without=frozenset(self.without),
            image_size=self.image_size or IMAGE_SIZES[self.quality],
            small_side=SMALL_SIDES[self.quality],
            mirrored=MIRRORED[self.quality],
        )
        return self.of_settings(settings)


def option_group(
    name: str, kind: type[Options], options: Sequence[Callable[..., Any]]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return what adds ``options`` to a command, which gets them as one dataclass, by ``name``.

    The fields of ``kind`` are named as click names the options.
    """
    names = kind.__dataclass_fields__  # type: ignore[attr-defined]  # collect's kinds have it too

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def grouped(**given: Any) -> None:
            group = kind(**{option: given.pop(option) for option in names})
            command(**{name: group}, **given)

        for option in reversed(options):
            grouped = option(grouped)
        return grouped

    return decorate


engine_options = option_group("engine", EngineOptions, _ENGINE_OPTIONS)
"""Adds the options that choose an engine."""


def command_line() -> str:
    """Return the command that runs, for logs."""
    return shlex.join(["persam-vos", *sys.argv[1:]])


def load_engine(console: Console, options: EngineOptions) -> Engine:
    """Load the network that the options choose; fetching shows its progress on ``console``."""
    return load_chosen(console, options.choice())


def load_chosen(console: Console, choice: EngineChoice) -> Engine:
    """Load a network; fetching shows its progress on ``console``."""
    from persam_vos.tracking.load import load_choice

    with console.download() as on_progress:
        return load_choice(choice, on_progress, share_cores=True)
