"""The folder of a training run: may it be written, what is in it, and what is told of the run."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ..errors import UsageError, param
from ..files.atomic import hidden_folder, make_folder, output_error, write_texts
from ..files.limits import read_json
from ..files.output import refuse_unwritable, replaceable
from .checkpoints import checkpoint_folders
from .extra import quiet_libraries
from .lora import LORA_FILE, save_adapters
from .models import DiffusionModel
from .settings import TrainSettings
from .validation import FOLDER as VALIDATION

RECORD = "training.json"
LOSSES = "loss.csv"
PROGRAM = "persam-vos dreambooth train"
_PIPELINE = (
    *("model_index.json", "unet", "vae", "scheduler", "tokenizer", "tokenizer_2"),
    *("text_encoder", "text_encoder_2", "safety_checker", "feature_extractor", "image_encoder"),
)


def check_output(settings: TrainSettings, inputs: Iterable[Path]) -> tuple[Path, ...]:
    """Return what of an earlier run has to go, before this one writes; nothing is touched.

    Raises OutputError for a folder with results, unless ``overwrite`` or a resumed run says that
    they may be replaced; and always for files of others, and for ``inputs`` of this run.
    """
    output, resumes = settings.output_dir, settings.resume_from_checkpoint is not None
    refuse_unwritable(output)
    names = (LORA_FILE, LOSSES, RECORD, VALIDATION, *_PIPELINE)
    there = [path for path in (output / name for name in names) if path.exists()]
    there += checkpoint_folders(output)
    record = read_record(output)
    if resumes and settings.overwrite:
        raise UsageError(
            param("overwrite"),
            got=f"{param('resume_from_checkpoint')} as well",
            expected="an earlier run that is gone on with, or replaced",
            remedy="leave one of the two out",
        )
    old = replaceable(
        output,
        there,
        own=there if record is not None else (),
        overwrite=settings.overwrite or resumes,
        inputs=inputs,
    )
    return () if resumes else old


def read_record(output: Path) -> dict[str, Any] | None:
    """Return what an earlier run told of itself; None if there was none."""
    try:
        record = read_json(output / RECORD)
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and record.get("program") == PROGRAM else None


def remove(paths: Iterable[Path]) -> None:
    """Remove files and folders; raises OutputError."""
    for path in paths:
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise output_error(path, error) from error


def write_record(
    output: Path, facts: dict[str, Any], columns: Sequence[str], losses: Sequence[Sequence[float]]
) -> None:
    """Write `RECORD` and the table of losses, a row for each step; raises OutputError."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(losses)
    record = json.dumps({"program": PROGRAM, **facts}, indent=1, default=str)
    write_texts(output, {RECORD: f"{record}\n", LOSSES: table.getvalue()})


def save_trained(
    model: DiffusionModel, trained: Sequence[str], settings: TrainSettings
) -> tuple[Path, ...]:
    """Write what was trained: one file of adapters, or a whole pipeline; return what was written.

    Raises OutputError.
    """
    output = settings.output_dir
    if settings.tune == "lora":
        save_adapters(model, trained, output / LORA_FILE)
        return (output / LORA_FILE,)
    return _save_pipeline(model, settings)


def _save_pipeline(model: DiffusionModel, settings: TrainSettings) -> tuple[Path, ...]:
    """Write the pipeline that the model came from, with its trained networks."""
    from diffusers import DiffusionPipeline

    output = make_folder(settings.output_dir)
    try:
        with hidden_folder(output) as hidden:
            with quiet_libraries():
                pipeline = DiffusionPipeline.from_pretrained(
                    settings.pretrained_model_name_or_path,
                    local_files_only=True,
                    variant=settings.variant,
                    vae=model.vae,
                    **model.networks,
                )
                pipeline.save_pretrained(hidden)
            parts = sorted(hidden.iterdir())
            remove(output / part.name for part in parts)
            return tuple(part.rename(output / part.name) for part in parts)
    except OSError as error:
        raise output_error(output, error) from error
