"""`persam-vos score`: parse, call, print."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .echo import cell, echo
from .options import collect
from .sandbox import process_option, scoring_workers

if TYPE_CHECKING:
    from rich.table import Table

    from persam_vos.scoring import SequenceScore, SplitScore, Statistics

_FOLDER = click.Path(path_type=Path)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreOptions:
    """What the arguments and options of `score` say."""

    predictions: Path
    truth: Path
    output: Path | None
    overwrite: bool
    single_object: bool
    exclude_void: bool
    allow_missing: bool
    sequences: tuple[str, ...]
    set_name: str
    workers: int
    sandbox: bool
    min_jf: float | None
    as_json: bool


@click.command()
@click.argument("predictions", metavar="PRED", type=_FOLDER)
@click.argument("truth", metavar="GT", type=_FOLDER)
@click.option(
    "--output",
    "-o",
    type=_FOLDER,
    help="Folder for the toolkit's two CSV files and results.json.  [default: only print]",
)
@click.option("--overwrite", is_flag=True, help="Replace results that are already there.")
@click.option(
    "--single-object", is_flag=True, help="Take all labels above 0 as one object (DAVIS 2016)."
)
@click.option(
    "--exclude-void",
    is_flag=True,
    help="Leave label 255 of the truth out of the score; the DAVIS 2017 toolkit, and we without "
    "this option, take it as background.",
)
@click.option(
    "--allow-missing",
    is_flag=True,
    help="Score missing clips, frames and objects 0 instead of stopping.",
)
@click.option(
    "--sequence", "sequences", multiple=True, metavar="CLIP", help="Only this clip; repeatable."
)
@click.option("--set", "set_name", default="val", show_default=True, help="Split in CSV names.")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=lambda: os.cpu_count() or 1,
    show_default="one per core",
    help="Processes; each scores one clip at a time.",
)
@process_option
@click.option("--min-jf", type=click.FloatRange(0, 1), help="Fail if J&F is below this (0 to 1).")
@click.option("--json", "as_json", is_flag=True, help="Print results.json instead of tables.")
@collect(ScoreOptions)
def score(options: ScoreOptions) -> None:
    """Score label maps in PRED against those in GT (PNG files, clips as subfolders).

    J, F, recall and decay are those of the DAVIS 2017 evaluation toolkit, semi-supervised.
    """
    from persam_vos.scoring import (
        VOID_LABEL,
        own_report_files,
        report_file_names,
        report_files,
        score_folders,
    )

    output = options.output
    if output is not None:
        from persam_vos.files.output import replaceable

        names = report_file_names(options.set_name)
        replaceable(
            output,
            [output / name for name in names],
            own=own_report_files(output, names),
            overwrite=options.overwrite,
        )
    scored = score_folders(
        options.predictions,
        options.truth,
        sequences=options.sequences or None,
        object_mode="single" if options.single_object else "multi",
        void_label=VOID_LABEL if options.exclude_void else None,
        allow_missing=options.allow_missing,
        workers=scoring_workers(options.workers, sandbox=options.sandbox),
    )
    files = report_files(scored, options.set_name)
    if output is not None:
        from persam_vos.files.atomic import write_texts

        write_texts(output, files)
    if options.as_json:
        echo(files["results.json"], nl=False)
    else:
        print_scores(scored)
    require_jf(scored, options.min_jf)


def require_jf(scored: SplitScore, least: float | None) -> None:
    """Raise ScoringError when J&F is below ``least``; None asks for nothing."""
    from persam_vos.errors import ScoringError

    if least is not None and not scored.jf_mean >= least:  # so that nan is not passed
        raise ScoringError(
            "--min-jf", got=f"J&F {scored.jf_mean:.4f}", expected=f"at least {least}"
        )


def print_scores(scored: SplitScore) -> None:
    """Print the table of the split, that of the objects, and the notes, to stdout."""
    from rich.console import Console

    console = Console(highlight=False)
    console.print(_split_table(scored))
    console.print(_object_table(scored.sequences))
    notes = [*scored.notes, *(f"{clip.name}: {n}" for clip in scored.sequences for n in clip.notes)]
    for note in notes:
        console.print(cell(f"note: {note}"), soft_wrap=True)


def _split_table(scored: SplitScore) -> Table:
    table = _table("J&F", "J mean", "J recall", "J decay", "F mean", "F recall", "F decay")
    table.add_row(_percent(scored.jf_mean), *_cells(scored.region), *_cells(scored.boundary))
    return table


def _object_table(clips: tuple[SequenceScore, ...]) -> Table:
    table = _table("object", "J&F", "J", "recall", "decay", "F", "recall", "decay")
    table.columns[0].justify = "left"
    for clip in clips:
        for object_id, region, boundary in zip(
            clip.object_ids, clip.region_statistics, clip.boundary_statistics, strict=True
        ):
            mean = (region.mean + boundary.mean) / 2
            name = f"{clip.name}_{object_id}"
            table.add_row(cell(name), _percent(mean), *_cells(region), *_cells(boundary))
    return table


def _table(*columns: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, padding=(0, 1))
    for column in columns:
        table.add_column(column, justify="right", overflow="fold")
    return table


def _cells(values: Statistics) -> tuple[str, str, str]:
    return _percent(values.mean), _percent(values.recall), _percent(values.decay)


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"
