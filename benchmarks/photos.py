"""The paper's tables 1, 4 and 6 on a photo set: ours beside the paper's.

python -m benchmarks.photos --clips FOLDER [--rows NAME...] [--set FOLDER]

The set is that of `benchmarks.photo_set`, or any folder in its layout. Masks count whatever the
presence is, as in the paper. mIoU is PerSeg's: intersections and unions are summed over an
object's photos, and objects averaged. bIoU is the mean over photos of the boundary IoU of
`persam_vos.scoring.photos`; FB is the mean IoU of foreground and background. What was found is kept
in files, so that a run that was broken off goes on; rows with the same settings share them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.clips import CachedEngine
from benchmarks.photo_set import Subject, build, read_set
from benchmarks.results import facts, write_results
from persam_vos.media.reference_prompts import FramePrompts, Prompt
from persam_vos.photos.make import new_photo_method
from persam_vos.photos.settings import PhotoMechanism, PhotoSettings
from persam_vos.scoring.photos import boundary_iou
from persam_vos.stages.prompts import box_of
from persam_vos.structures import Frame, LabelMap
from persam_vos.tracking.prompted import label_prompts

_ALL: tuple[PhotoMechanism, ...] = (
    "negative-point",
    "refinement",
    "guided-attention",
    "semantic-prompt",
)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: how it is made, and the paper's mIoU and bIoU on PerSeg if it has them."""

    table: str
    settings: PhotoSettings
    paper: tuple[float | None, float | None] = (None, None)
    box_reference: bool = False


def _ablation(count: int, paper: float) -> Row:
    """Return the row of table 4 with the first ``count`` mechanisms."""
    return Row("4", PhotoSettings(method="persam", without=frozenset(_ALL[count:])), (paper, None))


_F = PhotoSettings(method="persam-f")
ROWS: Mapping[str, Row] = {
    "match": Row("1", PhotoSettings()),
    "persam": Row("1", PhotoSettings(method="persam"), (89.3, 71.7)),
    "persam-f": Row("1", _F, (95.3, 77.9)),
    "public persam": Row("1", PhotoSettings(method="persam", recipe="upstream"), (89.3, 71.7)),
    "public persam-f": Row("1", PhotoSettings(method="persam-f", recipe="upstream"), (95.3, 77.9)),
    "positive point": _ablation(0, 69.1),
    "+ negative": _ablation(1, 72.5),
    "+ refinement": _ablation(2, 83.9),
    "+ guided attention": _ablation(3, 85.8),
    "+ semantic prompt": _ablation(4, 89.3),
    "+ scale tuning": Row("4", _F, (95.3, None)),
    "persam, box reference": Row(
        "6", PhotoSettings(method="persam"), (88.1, None), box_reference=True
    ),
    "persam-f, box reference": Row("6", _F, (94.9, None), box_reference=True),
    "match, box reference": Row("6", PhotoSettings(), box_reference=True),
}


def score_subject(subject: Subject, row: Row, engine: CachedEngine) -> dict[str, Any]:
    """Learn a subject and find it in its photos; returns sums and means for `summary`."""
    method = new_photo_method(engine, replace(row.settings, absent_is_empty=False))
    image, labels = subject.reference.image(), subject.reference.labels()
    if row.box_reference:
        labels = _mask_of_box(engine, image, labels)
    started = perf_counter()
    method.learn([(image, labels)])
    learned = perf_counter()
    photos = []
    for photo in subject.photos:
        (found,) = method.segment(photo.image())
        truth = photo.labels() > 0
        shared, either = int((found.mask & truth).sum()), int((found.mask | truth).sum())
        photos.append(
            {
                "photo": photo.image_path.stem,
                "kind": photo.kind,
                "shared": shared,
                "either": either,
                "pixels": truth.size,
                "biou": round(boundary_iou(found.mask, truth), 4),
                "iou": round(shared / max(1, either), 4),
                "presence": round(found.presence, 4),
            }
        )
    seconds = {
        "learn_seconds": round(learned - started, 2),
        "photo_seconds": round((perf_counter() - learned) / len(photos), 2),
    }
    return {"subject": subject.name, "set": subject.set_name, **seconds, "photos": photos}


def _mask_of_box(engine: CachedEngine, image: np.ndarray, labels: LabelMap) -> LabelMap:
    """Make the mask of a reference of its box, as a user who has no mask would."""
    box = box_of(labels > 0)
    assert box is not None
    frame = Frame(0, "", image, 0.0)
    prompts = FramePrompts({1: Prompt(box_xyxy=box)})
    return label_prompts(engine, prompts, None, engine.encode(frame))


def summary(subjects: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the scores of a row in per cent, of all photos and by kind and set."""
    groups: dict[str, list[Mapping[str, Any]]] = {"all": list(subjects)}
    for name in sorted({one["set"] for one in subjects}):
        groups[name] = [one for one in subjects if one["set"] == name]
    for kind in ("same clip", "pasted"):
        kept = [
            {**one, "photos": [photo for photo in one["photos"] if photo["kind"] == kind]}
            for one in subjects
        ]
        groups[kind] = [one for one in kept if one["photos"]]
    return {name: _scores(some) for name, some in groups.items() if some}


def _scores(subjects: Sequence[Mapping[str, Any]]) -> dict[str, float | int]:
    foreground, both = [], []
    for one in subjects:
        shared, either, pixels = (
            sum(photo[key] for photo in one["photos"]) for key in ("shared", "either", "pixels")
        )
        iou = shared / max(1, either)
        foreground.append(iou)
        both.append((iou + (pixels - either) / max(1, pixels - shared)) / 2)
    photos = [photo for one in subjects for photo in one["photos"]]
    return {
        "miou": round(100 * float(np.mean(foreground)), 2),
        "biou": round(100 * float(np.mean([photo["biou"] for photo in photos])), 2),
        "fb_iou": round(100 * float(np.mean(both)), 2),
        "photos": len(photos),
    }


def markdown(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Write the results as tables, ours beside the paper's."""
    lines = []
    titles = {"1": "Methods (table 1)", "4": "Components (table 4)", "6": "A box (table 6)"}
    for table, title in titles.items():
        rows = [name for name, row in ROWS.items() if row.table == table and name in results]
        if not rows:
            continue
        lines += [
            f"## {title}",
            "",
            "| | mIoU | bIoU | FB-IoU | same clip | pasted | davis16-new | photos "
            "| paper: PerSeg mIoU / bIoU |",
            "|---|---|---|---|---|---|---|---|---|",
        ]
        for name in rows:
            found = results[name]
            parts = [found[group]["miou"] if group in found else "" for group in _SHOWN]
            paper = " / ".join("-" if one is None else str(one) for one in ROWS[name].paper)
            whole = found["all"]
            cells = [name, whole["miou"], whole["biou"], whole["fb_iou"], *parts, paper]
            lines.append(f"| {' | '.join(map(str, cells))} |")
        lines.append("")
    return "\n".join(lines)


_SHOWN = ("same clip", "pasted", "davis16-new", "personalized-images")


def _run_row(name: str, subjects: Sequence[Subject], cache: Path, kept: Path) -> dict[str, Any]:
    """Score a row on all subjects, or take what was kept of an earlier run."""
    row = ROWS[name]
    path = kept / f"{_file_name(row)}.json"
    found: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
    done = {one["subject"] for one in found}
    left = [one for one in subjects if one.name not in done]
    if left:
        engine = CachedEngine.load(row.settings.engine_settings(), cache)
        for subject in left:
            found.append(score_subject(subject, row, engine))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(found) + "\n")
            ious = (f"{photo['iou']:.2f}" for photo in found[-1]["photos"])
            print(name, subject.name, *ious, flush=True)
    wanted = {one.name for one in subjects}
    return summary([one for one in found if one["subject"] in wanted])


def _file_name(row: Row) -> str:
    """Name the file of a row by what decides its masks."""
    settings = row.settings
    without = "".join(f"-no-{one}" for one in sorted(settings.without))
    box = "-of-box" if row.box_reference else ""
    return f"{settings.method}-{settings.recipe}{without}{box}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, required=True, help="folder of the development sets")
    parser.add_argument("--set", type=Path, default=Path("runs/photo_set"), dest="photo_set")
    parser.add_argument("--rows", nargs="*", default=list(ROWS), choices=list(ROWS))
    parser.add_argument("--only", nargs="*", default=(), help="names of subjects")
    parser.add_argument("--cache", type=Path, default=Path("runs/embeddings"))
    parser.add_argument("--kept", type=Path, default=Path("runs/photo_rows"))
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/photos.json"))
    args = parser.parse_args()
    if not args.photo_set.exists():
        build(args.clips, args.photo_set)
    subjects = [one for one in read_set(args.photo_set) if not args.only or one.name in args.only]
    results = {name: _run_row(name, subjects, args.cache, args.kept) for name in args.rows}
    for name, found in results.items():
        print(name, found["all"])
    device = CachedEngine.load(PhotoSettings().engine_settings(), args.cache).compute.describe()
    write_results(args.output, facts(device) | {"results": results})
    args.output.with_suffix(".md").write_text(
        f"# Photos\n\n{len(subjects)} subjects; per cent. By `{facts(device)['command']}`.\n\n"
        + markdown(results)
    )


if __name__ == "__main__":
    main()
