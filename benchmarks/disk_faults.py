"""What happens to a run whose disk fails: full, read-only, gone.

python -m benchmarks.disk_faults [--only NAME] [--output benchmarks/results/disk_faults.json]

Small file systems are mounted for it, which takes root on Linux. Each fault hits a real run of
`track`, before it begins or once three masks are written. Exits with 1 unless each ends with exit
code 1 and one line, every mask is whole, and nothing but whole files is left.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.fuzz import partial_files
from benchmarks.fuzz_child import redirected, run_main, use_tiny_network
from benchmarks.fuzz_seeds import TINY
from benchmarks.results import facts, write_results
from persam_vos.media.label_png import write_label_png

FRAMES = 30
_AFTER = 3  # masks, then the fault comes
_SIZE_HW = (96, 128)
_OVERLAY = [option for option in TINY if option != "--no-overlay"]


@dataclass(frozen=True)
class Fault:
    """What is wrong with a disk: from the beginning by its ``mount`` options, or ``later``.

    ``files`` is whether what was finished before can still be looked at.
    """

    name: str
    mount: str = "size=64m"
    later: Callable[[Path], None] | None = None
    files: bool = True


def _mount(*words: str | Path) -> None:
    subprocess.run(["mount", *map(str, words)], check=True, capture_output=True)


def _fill(disk: Path) -> None:
    """Take all room that is left."""
    with contextlib.suppress(OSError), (disk / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def _leave(disk: Path) -> None:
    """Unmount a disk that is in use, as a network share that is gone."""
    subprocess.run(["umount", "-l", str(disk)], check=True)


def _replace_masks(disk: Path) -> None:
    """Put a file in the place of the folder of masks."""
    shutil.rmtree(disk / "out/masks")
    (disk / "out/masks").touch()


FAULTS = (
    Fault("disk full from the start", "size=4k"),
    Fault("disk full after a few masks", "size=40k"),
    Fault("disk filled by another program", later=_fill),
    Fault("no room for more names (inodes)", "nr_inodes=9"),
    Fault("read-only disk", "ro"),
    Fault("output folder removed", later=lambda disk: shutil.rmtree(disk / "out")),
    Fault("masks folder removed", later=lambda disk: shutil.rmtree(disk / "out/masks")),
    Fault(
        "masks folder replaced by a file",
        later=_replace_masks,
    ),
    Fault("disk unmounted", later=_leave, files=False),
)


def write_clip(folder: Path) -> None:
    """Write noisy pictures, which take room in an overlay, and a mask."""
    chance = np.random.default_rng(0)
    (folder / "clip").mkdir()
    for index in range(FRAMES):
        picture = chance.integers(0, 255, (*_SIZE_HW, 3), np.uint8)
        Image.fromarray(picture).save(folder / f"clip/{index:05d}.png")
    mask = np.zeros(_SIZE_HW, np.uint8)
    mask[20:70, 30:90] = 1
    write_label_png(folder / "mask.png", mask)


@contextlib.contextmanager
def disk_of(fault: Fault, folder: Path) -> Iterator[Path]:
    """Mount a file system with a fault; it is gone after."""
    disk = folder / "disk"
    disk.mkdir()
    _mount("-t", "tmpfs", "-o", fault.mount, "tmpfs", disk)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False, capture_output=True)
        shutil.rmtree(disk)


def run_fault(fault: Fault, folder: Path) -> dict[str, Any]:
    """Track onto a disk with a fault; returns what happened."""
    out, err = folder / "stdout", folder / "stderr"
    command = ["track", str(folder / "clip"), "--first-mask", str(folder / "mask.png")]
    with disk_of(fault, folder) as disk:
        ended = threading.Event()
        watcher = threading.Thread(target=_hit, args=(fault, disk, ended))
        watcher.start()
        with redirected(out, err):
            code = run_main([*command, "-o", str(disk / "out"), *_OVERLAY])
        ended.set()
        watcher.join()
        said = err.read_text().strip()
        masks = sorted((disk / "out/masks").glob("*.png")) if (disk / "out/masks").is_dir() else []
        bad = partial_files(disk, finished=False)
    result = {"fault": fault.name, "code": code, "says": said.replace(str(folder), "")}
    result |= {"whole_masks": len(masks), "not_whole": bad}
    explained = said.startswith("persam-vos: ") and "unexpected" not in said
    return result | {"good": code == 1 and len(said.splitlines()) == 1 and explained and not bad}


def _hit(fault: Fault, disk: Path, ended: threading.Event) -> None:
    """Bring the fault about once some masks are written."""
    while fault.later is not None and not ended.is_set():
        if len(list((disk / "out/masks").glob("[!.]*.png"))) >= _AFTER:
            fault.later(disk)
            return
        time.sleep(0.002)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="this fault alone")
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    use_tiny_network()
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        write_clip(Path(scratch))
        for fault in FAULTS:
            if args.only in (None, fault.name):
                rows.append(run_fault(fault, Path(scratch)))
                print(json.dumps(rows[-1]), flush=True)
    if args.output is not None:
        write_results(args.output, facts("cpu") | {"frames": FRAMES, "faults": rows})
    sys.exit(0 if all(row["good"] for row in rows) else 1)


if __name__ == "__main__":
    main()
