"""`persam-vos eval` on a one-shot data set: parse, call, print."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from persam_vos.datasets.one_shot import EvalSize

from .echo import echo
from .options import collect
from .photo_options import PhotoEngineOptions, photo_engine_options
from .progress import Console
from .sandbox import sandbox_option

if TYPE_CHECKING:
    from persam_vos.datasets.one_shot import OneShotRun
    from persam_vos.evaluation.one_shot import OneShotScore
    from persam_vos.photos.settings import PhotoSettings

_PATH = click.Path(path_type=Path)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalOneShotOptions:
    """What the options of `eval` on a one-shot data set say."""

    dataset: str
    root: Path
    output: Path
    fold: tuple[int, ...]
    shots: int
    eval_size: EvalSize | None
    episodes: Path | None
    limit: int | None
    predictions: Path | None
    overwrite: bool
    sandbox: bool
    engine: PhotoEngineOptions
    quiet: bool
    as_json: bool


@click.command()
@click.option(
    "--root",
    type=_PATH,
    required=True,
    help="The data set's tree, or the folder of data sets that holds it; docs/one-shot.md shows "
    "the layouts.",
)
@click.option(
    "--output",
    "-o",
    type=_PATH,
    required=True,
    help="Folder for masks, episodes, results.json and report.html.",
)
@click.option(
    "--fold",
    type=click.IntRange(min=0),
    multiple=True,
    help="Only this fold, counted from 0; may be repeated.  [default: all]",
)
@click.option(
    "--shots",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Pictures that show the object, in each episode.",
)
@click.option(
    "--eval-size",
    type=click.Choice(get_args(EvalSize)),
    help="Square: pictures and masks become 518 x 518 first of all, as for most published figures. "
    "Original: all keep their size.  [default: original for perseg, square for the others]",
)
@click.option(
    "--episodes",
    type=_PATH,
    help="Take the episodes of this file (episodes.jsonl of another run) instead of drawing them.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="Only the first N episodes of each fold, to try; only their classes count.",
)
@click.option(
    "--predictions",
    type=_PATH,
    help="Score these masks instead of segmenting: PNG files named as in episodes.jsonl.",
)
@click.option("--overwrite", is_flag=True, help="Start over instead of resuming.")
@sandbox_option
@photo_engine_options
@click.option("--quiet", "-q", is_flag=True, help="No progress on stderr.")
@click.option("--json", "as_json", is_flag=True, help="Print results.json instead of a table.")
@collect(EvalOneShotOptions)
def evaluate_episodes(options: EvalOneShotOptions) -> None:
    """Find what a picture shows in another one, episode by episode, and score the masks.

    Episodes are the published ones: the same draws from the same lists. Prints mIoU, FB-IoU and
    bIoU of each fold and their mean, beside what others published. Run it again to resume.
    """
    from persam_vos.datasets.one_shot import open_one_shot
    from persam_vos.evaluation.one_shot.output import REPORT
    from persam_vos.evaluation.one_shot.results import results_text

    # The object is always there, and published programs take the mask whatever it is.
    settings = replace(options.engine.settings(), absent_is_empty=False)
    run = open_one_shot(
        options.dataset,
        options.root,
        folds=options.fold,
        shots=options.shots,
        limit=options.limit,
        episodes=options.episodes,
    )
    score = _evaluate(run, options, settings)
    if options.as_json:
        echo(results_text(score), nl=False)
        return
    print_table(score)
    echo(f"results  {options.output}")
    echo(f"report   {options.output / REPORT}")


def _evaluate(
    run: OneShotRun, options: EvalOneShotOptions, settings: PhotoSettings
) -> OneShotScore:
    """Run the episodes with a bar on stderr."""
    from persam_vos.evaluation.one_shot import (
        OneShotEvents,
        evaluate_one_shot,
        photo_segmenter,
        stored_masks,
    )

    console = Console(quiet=options.quiet)
    with ExitStack() as loading, console.frames("episodes") as bar:
        on_progress = loading.enter_context(console.download())
        make = (
            photo_segmenter(options.engine.choice(), settings, on_progress)
            if options.predictions is None
            else stored_masks(options.predictions)
        )

        def start(total: int, done: int) -> None:
            loading.close()  # the bars of the download make room
            bar.start(run.info.title, total, done=done)

        return evaluate_one_shot(
            run,
            options.output,
            make,
            eval_size=options.eval_size,
            overwrite=options.overwrite,
            sandbox=options.sandbox,
            events=OneShotEvents(on_start=start, on_episode=lambda _: bar.advance()),
        )


def print_table(score: OneShotScore) -> None:
    """Print the figures of folds, their mean, and what others published, to stdout."""
    from rich import box
    from rich.console import Console as RichConsole
    from rich.table import Table

    from persam_vos.evaluation.one_shot import table_rows

    table = Table(box=box.SIMPLE, padding=(0, 1), title=score.title, title_justify="left")
    table.add_column("", no_wrap=True)
    for heading in ("mIoU", "FB-IoU", "bIoU, sums", "bIoU, pictures"):
        table.add_column(heading, justify="right")
    for row in table_rows(score):
        figures = (row.mean_iou, row.fb_iou, row.boundary_iou, row.boundary_iou_per_image)
        table.add_row(row.name, *("" if one is None else f"{one:.1f}" for one in figures))
    console = RichConsole(highlight=False)
    console.print(table)
    if not score.whole:
        console.print(
            "note: not all episodes, and only their classes count; not to be held against "
            "published figures",
            soft_wrap=True,
        )
