"""`persam-vos eval`: parse, call, print."""

from __future__ import annotations

import copy
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from persam_vos.datasets.catalog import DATA_VARIABLE, DATASETS
from persam_vos.datasets.one_shot import ONE_SHOT
from persam_vos.errors import PersamVosError, UsageError

from .echo import echo
from .eval_one_shot import evaluate_episodes
from .flags import in_flags
from .options import EngineOptions, collect, command_line, engine_options, workers_option
from .progress import Console
from .sandbox import look_at_each, sandbox_option, scoring_workers

if TYPE_CHECKING:
    from persam_vos import Engine
    from persam_vos.datasets.clips import Split
    from persam_vos.evaluation import Evaluation

_FOLDER = click.Path(path_type=Path)


class _Names(click.ParamType[tuple[str, ...]]):
    name = "CLIP,CLIP"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        names = tuple(name for part in str(value).split(",") if (name := part.strip()))
        if not names:
            self.fail(f"got {value!r}, expected names of clips such as bear,dog", param, ctx)
        return names


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalOptions:
    """What the options of `eval` say."""

    dataset: str
    root: Path | None
    output: Path | None
    split_name: str | None
    sequences: tuple[str, ...] | None
    predictions: Path | None
    single_object: bool
    allow_missing: bool
    min_jf: float | None
    workers: int
    overwrite: bool
    sandbox: bool
    engine: EngineOptions
    quiet: bool
    as_json: bool


@click.command()
@click.option(
    "--root",
    type=_FOLDER,
    help="The dataset's tree.  [default: where `persam-vos datasets fetch` puts it, or "
    f"its name in ${DATA_VARIABLE}]",
)
@click.option(
    "--output",
    "-o",
    type=_FOLDER,
    help="Folder for masks, tables and results.json; needed to track.  [default: only print]",
)
@click.option("--split", "split_name", help="Which clips.  [default: the dataset's own]")
@click.option("--sequences", type=_Names(), help="Only these clips, as bear,dog.")
@click.option("--predictions", type=_FOLDER, help="Score these label maps instead of tracking.")
@click.option(
    "--single-object", is_flag=True, help="Take all labels above 0 as one object (DAVIS 2016)."
)
@click.option(
    "--allow-missing",
    is_flag=True,
    help="Score missing clips, frames and objects, and clips that fail, 0.",
)
@click.option("--min-jf", type=click.FloatRange(0, 1), help="Fail if J&F is below this (0 to 1).")
@workers_option
@click.option("--overwrite", is_flag=True, help="Start over instead of resuming.")
@sandbox_option
@engine_options
@click.option("--quiet", "-q", is_flag=True, help="No progress on stderr.")
@click.option("--json", "as_json", is_flag=True, help="Print results.json instead of tables.")
@collect(EvalOptions)
def _evaluate_clips(options: EvalOptions) -> None:
    """Track the clips of a data set from their first masks, and score the result as DAVIS does.

    Run it again to resume: finished clips are kept. With --predictions, only score.
    """
    from persam_vos.datasets import open_split

    split = open_split(
        options.dataset, options.root, split=options.split_name, names=options.sequences
    )
    if options.single_object:
        split = replace(split, mode="single")
    if options.min_jf is not None and not split.has_truth:
        raise UsageError("--min-jf", got="a split without truth", expected="one with truth")
    if options.predictions is not None:
        found = _score(split, options.predictions, options)
    elif options.output is None:
        raise UsageError("--output", got="nothing", expected="a folder for the masks")
    else:
        if options.sandbox:
            folders = {path.parent: None for clip in split.clips for path in clip.files}
            look_at_each([str(folder) for folder in folders])
        found = _track(split, options.output, options)
    _conclude(found, as_json=options.as_json, min_jf=options.min_jf)


class _DatasetGroup(click.Group):
    """A subcommand for each data set; those of one kind differ by its name alone."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return [*DATASETS, *ONE_SHOT]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        if name in DATASETS:
            return _for_dataset(_evaluate_clips, name, DATASETS[name].purpose)
        if name in ONE_SHOT:
            info = ONE_SHOT[name]
            return _for_dataset(evaluate_episodes, name, f"{info.title}: {info.purpose}, one shot")
        return None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0].startswith("-") and args[0] not in ctx.help_option_names:
            ctx.fail(f"got {args[0]!r}, expected a data set first, and then its options")
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.list_commands(ctx):
            known = ", ".join(self.list_commands(ctx))
            ctx.fail(f"got data set {args[0]!r}, expected one of {known}")
        return super().resolve_command(ctx, args)


def _for_dataset(command: click.Command, name: str, purpose: str) -> click.Command:
    """Return a command that has been told its data set."""
    assert command.callback is not None
    named = copy.copy(command)
    named.name, named.short_help = name, purpose
    named.callback = partial(command.callback, dataset=name)
    return named


@click.group("eval", cls=_DatasetGroup, subcommand_metavar="DATASET [OPTIONS]")
def evaluate() -> None:
    """Segment a data set and score the result, as its publishers do.

    Clips are tracked from their first masks; of one-shot data sets, photos are segmented from one
    that shows the object. `eval DATASET --help` has the options.
    """


def _score(split: Split, predictions: Path, options: EvalOptions) -> Evaluation:
    """Score label maps that are there."""
    from persam_vos.evaluation import evaluate_predictions

    return evaluate_predictions(
        split,
        predictions,
        options.output,
        workers=scoring_workers(options.workers, sandbox=options.sandbox),
        allow_missing=options.allow_missing,
        overwrite=options.overwrite,
        command=command_line(),
    )


def _track(split: Split, output: Path, options: EvalOptions) -> Evaluation:
    """Run the tracker with a live table on stderr."""
    from persam_vos.evaluation import EvalEvents
    from persam_vos.evaluation import evaluate as run

    from .clip_table import ClipTable

    quiet = options.quiet
    with ClipTable(len(split.clips), quiet=quiet) as table, ExitStack() as loading:
        on_progress = loading.enter_context(Console(quiet=quiet).download())

        def start(engine: Engine) -> None:
            loading.close()  # the bars of the download make room for the table
            table.start(engine)

        return run(
            split,
            output,
            options.engine.choice(),
            workers=options.workers,
            allow_missing=options.allow_missing,
            overwrite=options.overwrite,
            command=command_line(),
            events=EvalEvents(on_progress=on_progress, on_engine=start, on_clip=table.add),
        )


def _conclude(found: Evaluation, *, as_json: bool, min_jf: float | None) -> None:
    """Print what was found; raise PersamVosError for clips that failed and for a missed gate."""
    from .score_command import print_scores, require_jf

    if found.score is not None:
        if as_json:
            echo(found.texts["results.json"], nl=False)
        else:
            print_scores(found.score)
    if found.output is not None and not as_json:
        echo(f"results  {found.submission or found.output}")
        if found.score is not None:
            echo(f"report   {found.output / 'report.html'}")
    if found.failures:
        told = "; ".join(
            f"{outcome.name}: {in_flags(outcome.error)}"
            for outcome in found.outcomes
            if outcome.error
        )
        unscored = "" if found.score else "no scores, since they would not be those of the split; "
        raise PersamVosError(
            f"{len(found.failures)} of {len(found.outcomes)} clips failed ({told})",
            remedy=f"{unscored}run the same command again to try these once more",
        )
    if found.score is not None:
        require_jf(found.score, min_jf)
