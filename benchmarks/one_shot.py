"""The paper's tables 1 and 3: one-shot data sets, ours beside what others published.

    python -m benchmarks.one_shot 1 --root PERSEG --runs RUNS
    python -m benchmarks.one_shot 3 --root DATASETS --runs RUNS [--limit 100]

The data sets are a user's own, see docs/one-shot.md. Table 1 is PerSeg, table 3 FSS-1000, LVIS-92i,
PASCAL-Part and PACO-Part. Runs are resumed: start it again after a stop.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.results import facts, write_results
from persam_vos.datasets.one_shot import ONE_SHOT, OneShotRun, open_one_shot
from persam_vos.evaluation.one_shot import (
    OneShotScore,
    evaluate_one_shot,
    photo_segmenter,
    table_rows,
)
from persam_vos.photos.settings import PhotoSettings
from persam_vos.request import EngineChoice

TABLES = {1: ("perseg",), 3: ("fss1000", "lvis92i", "pascal-part", "paco-part")}
METHODS = {
    "persam": PhotoSettings(method="persam", absent_is_empty=False),
    "persam-f": PhotoSettings(method="persam-f", absent_is_empty=False),
    "persam-f-upstream": PhotoSettings(method="persam-f", recipe="upstream", absent_is_empty=False),
    "match": PhotoSettings(method="match", absent_is_empty=False),
}


def score(run: OneShotRun, method: str, options: argparse.Namespace) -> OneShotScore:
    """Run one method on one data set, or take what an earlier run finished."""
    settings = METHODS[method]
    choice = EngineChoice(
        weights=options.weights, device=options.device, settings=settings.engine_settings()
    )
    output = options.runs / run.info.name / method
    return evaluate_one_shot(run, output, photo_segmenter(choice, settings))


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", type=int, choices=TABLES)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--limit", type=int, help="episodes of each fold, to try")
    parser.add_argument("--weights", default="mobile-sam")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    results: dict[str, Any] = {}
    for dataset in TABLES[options.table]:
        run = open_one_shot(dataset, options.root, limit=options.limit)
        print(f"{ONE_SHOT[dataset].title}: {len(run.episodes)} episodes")
        rows = {}
        for method in options.methods:
            rows[method] = table_rows(score(run, method, options))
            _print_row(rows[method][-1 - _published(rows[method])])
        for row in rows[options.methods[-1]][-_published(rows[options.methods[-1]]) :]:
            _print_row(row)
        results[dataset] = {name: [asdict(row) for row in own] for name, own in rows.items()}
    output = options.output or Path(f"benchmarks/results/table{options.table}.json")
    write_results(
        output,
        {
            **facts(options.device),
            "weights": options.weights,
            "limit": options.limit,
            "datasets": results,
        },
    )


def _published(rows: list[Any]) -> int:
    return sum(row.published for row in rows)


def _print_row(row: Any) -> None:
    figures = (row.mean_iou, row.fb_iou, row.boundary_iou, row.boundary_iou_per_image)
    told = "".join("      -" if one is None else f"{one:7.1f}" for one in figures)
    print(f"  {row.name:32s} mIoU, FB-IoU, bIoU by sums, by pictures{told}", flush=True)


if __name__ == "__main__":
    main()
