"""Options that several subcommands share."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    PAPER_METHOD,
    RECIPES,
    SMALL_SIDES,
    QualityName,
    default_method,
)
from persam_vos.weights.registry import DEFAULT_WEIGHTS, WEIGHTS

if TYPE_CHECKING:
    from persam_vos import Engine, EngineChoice

    from .progress import Console

_ENGINE_OPTIONS = (
    click.option(
        "--method",
        type=click.Choice(METHODS),
        help="How objects are followed.  "
        f"[default: {DEFAULT_METHOD}; {PAPER_METHOD} with --recipe public or --without]",
    ),
    click.option(
        "--recipe",
        type=click.Choice(RECIPES),
        default=DEFAULT_RECIPE,
        show_default=True,
        help="'public' follows the paper's public video code to the letter, as a yardstick.",
    ),
    click.option(
        "--without",
        type=click.Choice(MECHANISMS),
        multiple=True,
        help="Switch a mechanism of the paper off (for its ablation); may be repeated.",
    ),
    click.option(
        "--quality",
        type=click.Choice(list(IMAGE_SIZES)),
        default=DEFAULT_QUALITY,
        show_default=True,
        help="How large the encoder sees the pictures: "
        + ", ".join(f"{name} {size}" for name, size in IMAGE_SIZES.items())
        + " pixels on the long side. All but fast look closer at small objects in large pictures.",
    ),
    click.option(
        "--image-size",
        type=click.IntRange(*IMAGE_SIZE_RANGE),
        metavar="N",
        help="The same, as a number; overrides --quality.",
    ),
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
)


workers_option = click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Clips at a time: on a CPU in processes, each with its share of the cores; on a GPU in "
    "threads, which encode in common batches.",
)


def engine_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that `make_engine` and `engine_choice` understand."""
    for option in reversed(_ENGINE_OPTIONS):
        command = option(command)
    return command


def command_line() -> str:
    """Return the command that runs, for logs."""
    return shlex.join(["persam-vos", *sys.argv[1:]])


def make_engine(console: Console, **options: Any) -> Engine:
    """Load the network that the options choose; fetching shows its progress on ``console``."""
    choice = engine_choice(**options)
    with console.download() as on_progress:
        return choice.load(on_progress)


def engine_choice(
    *,
    method: str | None,
    recipe: str,
    without: tuple[str, ...],
    quality: QualityName,
    image_size: int | None,
    **loading: Any,
) -> EngineChoice:
    """Keep what the options choose, to load it here or in other processes."""
    from persam_vos import EngineChoice, MethodSettings

    method = method or default_method(recipe=recipe, without=without)
    chosen: dict[str, Any] = {"method": method, "recipe": recipe, "without": frozenset(without)}
    settings = MethodSettings(
        **chosen, image_size=image_size or IMAGE_SIZES[quality], small_side=SMALL_SIDES[quality]
    )
    return EngineChoice(settings=settings, **loading)
