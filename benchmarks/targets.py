"""A target from other pictures: is it found, is the mask good, and is nothing found without it?

python -m benchmarks.targets --clips FOLDER [--parts halves absent turned photos] [--only CLIP ...]

``halves``: learned from frame 0 of a clip, found and tracked in its second half; beside it, tracked
from a true mask of the middle frame. ``absent``: the object is pasted into another clip from frame
20 on; is it looked past before? ``turned``: one reference, or a second one of a third of the clip
further on. ``photos``: learned from photo 0 of each subject of personalized-images, and found in
photos 1 and 2, and in those of the other subjects, where it is not. Every picture is encoded once.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.clips import CachedEngine, Clip, find_clips
from benchmarks.results import facts, write_results
from persam_vos.config import MethodSettings
from persam_vos.media.image_reader import ImageSource, read_image
from persam_vos.media.label_png import read_label_map
from persam_vos.scoring.region import region_similarity
from persam_vos.scoring.sequence import score_sequence
from persam_vos.structures import Frame, LabelMap, RgbImage
from persam_vos.targets.find import PRESENT, TargetFinder
from persam_vos.targets.target import SourceFile
from persam_vos.tracking.plan import TrackPlan
from persam_vos.tracking.target_search import search_target
from persam_vos.tracking.targets import ReferencePicture, describe_target, new_finder

SETS = ("davis16-dev", "davis16-new")
GONE = 20  # frames without the object, before it appears
_SHOWN = 6  # frames with it
_NOBODY = SourceFile("", 0, "")
TEN = (
    *("bear", "breakdance-flare", "dance-jump", "dog-agility", "horsejump-low"),
    *("kite-walk", "scooter-gray", "bus", "drift-turn", "tennis"),
)
"""Clips of the first two parts: of both sets, and animals, people and vehicles."""
TURNING = ("breakdance-flare", "dance-jump", "drift-turn", "elephant", "motorbike", "scooter-gray")
"""Clips whose object turns, so that its back is seen where its front was."""


def learn(clip: Clip, indices: Sequence[int], engine: CachedEngine) -> TargetFinder:
    """Learn a clip's object from some of its frames."""
    pictures = [
        ReferencePicture(clip.frame(index), _object(clip, index), (_NOBODY, _NOBODY), ())
        for index in indices
    ]
    return new_finder(describe_target(pictures, engine), engine)


def halves(clip: Clip, clips: Sequence[Clip], engine: CachedEngine) -> dict[str, Any]:
    """Track the second half, from where the target is found and from a true mask of its start."""
    del clips
    middle = len(clip.images) // 2
    source = ImageSource(clip.name, clip.images[middle:])
    truth = [_object(clip, index) for index in range(middle, len(clip.images))]
    finder = learn(clip, [0], engine)
    sighting, labels = search_target(source.frames, lambda frame: finder(engine.encode(frame)))
    found: dict[str, Any] = {
        "middle": middle,
        "found_on": sighting.frame + middle if sighting.object_ids else None,
        "confidence": round(sighting.confidence[1], 4),
        "looked_at": sighting.looked_at,
    }
    for name, start, shown in (
        ("true mask", 0, truth[0]),
        ("target", sighting.frame, labels),
    ):
        if shown.any():
            plan = TrackPlan(source, {start: shown}, start)
            tracked = {one.index: one.label_map for one in plan.frames(engine)}
            pairs = ((tracked[k], truth[k]) for k in range(1, len(truth) - 1))
            score = score_sequence(pairs, (1,), name=clip.name)
            region, boundary = score.region.mean(), score.boundary.mean()
            found[name] = {"J": round(float(region), 4), "F": round(float(boundary), 4)}
        else:
            found[name] = {"J": 0.0, "F": 0.0}
    if sighting.object_ids:
        found["J of the start"] = round(region_similarity(labels, truth[sighting.frame]), 4)
    return found


def absent(clip: Clip, clips: Sequence[Clip], engine: CachedEngine) -> dict[str, Any]:
    """Look for the object in another clip, into which it comes after 20 frames."""
    place = [other.name for other in clips].index(clip.name)
    longer = [other for other in clips if len(other.images) >= GONE + _SHOWN]
    behind = longer[(place + 5) % len(longer)]
    finder = learn(clip, [0], engine)
    middle = len(clip.images) // 2
    pictures = list(_composite(clip, behind, middle))

    def frames() -> Generator[Frame, None, None]:
        for index, (image, _) in enumerate(pictures):
            yield Frame(index, f"{index:05d}", image, index / 24)

    sighting, labels = search_target(frames, lambda frame: finder(engine.encode(frame)))
    nothing = [finder(engine.encode(frame)).sure for frame in islice(frames(), GONE)]
    right = bool(sighting.object_ids) and sighting.frame >= GONE
    return {
        "over": behind.name,
        "found_on": sighting.frame if sighting.object_ids else None,
        "false_start": bool(sighting.object_ids) and sighting.frame < GONE,
        "confidence": round(sighting.confidence[1], 4),
        "confidence_while_gone_max": round(max(nothing), 4),
        "false_frames": sum(sure >= PRESENT for sure in nothing),
        "J of the start": round(region_similarity(labels, pictures[sighting.frame][1]), 4)
        if right
        else None,
    }


def turned(clip: Clip, clips: Sequence[Clip], engine: CachedEngine) -> dict[str, Any]:
    """Find the object in the last half, with one reference and with two."""
    del clips
    count = len(clip.images)
    looked = [count * eighth // 8 for eighth in (4, 5, 6, 7)]
    found: dict[str, Any] = {}
    for name, indices in (("one", [0]), ("two", [0, count // 3])):
        finder = learn(clip, indices, engine)
        results = [finder(engine.encode(clip.frame(index))) for index in looked]
        iou = [
            region_similarity(result.labels, _object(clip, index))
            for result, index in zip(results, looked, strict=True)
        ]
        found[name] = {
            "found": sum(bool(result.object_ids) for result in results),
            "J": round(float(np.mean(iou)), 4),
            "confidence": round(float(np.mean([result.sure for result in results])), 4),
        }
    return found


def photos(root: Path, engine: CachedEngine) -> dict[str, Any]:
    """Find each subject in its other photos, and look for it in those of the other subjects."""
    folder = root / "personalized-images"
    names = sorted(path.name for path in (folder / "Images").iterdir())

    def photo(name: str, number: int) -> tuple[Frame, LabelMap]:
        image = read_image(folder / "Images" / name / f"{number:02}.jpg")
        labels = read_label_map(folder / "Annotations" / name / f"{number:02}.png")
        return Frame(number, name, image, 0.0), (labels > 0).astype(np.uint8)

    found: dict[str, Any] = {}
    for name in names:
        frame, labels = photo(name, 0)
        picture = ReferencePicture(frame, labels, (_NOBODY, _NOBODY), ())
        finder = new_finder(describe_target([picture], engine), engine)
        own, others = {}, {}
        for number in (1, 2):
            for other in names:
                shown, truth = photo(other, number)
                result = finder(engine.encode(shown))
                if other == name:
                    iou = round(region_similarity(result.labels, truth), 4)
                    own[f"photo {number}"] = {"IoU": iou, "confidence": round(result.sure, 4)}
                else:
                    others[f"{other} {number}"] = round(result.sure, 4)
        found[name] = {**own, "confidence of others": others}
        print(name, found[name], flush=True)
    return found


def _object(clip: Clip, index: int) -> LabelMap:
    """Return the true labels of a frame as one object."""
    return (clip.labels(index) > 0).astype(np.uint8)


def _composite(clip: Clip, behind: Clip, first: int) -> Iterator[tuple[RgbImage, LabelMap]]:
    """Paste the object of a clip, from frame ``first`` on, over another from its frame 20 on."""
    for index in range(GONE + _SHOWN):
        ground = behind.frame(index).image
        labels = np.zeros(ground.shape[:2], np.uint8)
        if index >= GONE:
            own = clip.frame(first + index - GONE)
            labels = _object(clip, first + index - GONE)
            size = ground.shape[1::-1]
            labels = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST)
            alpha = cv2.GaussianBlur(labels.astype(np.float32), (3, 3), 0)[..., None]
            image = ground * (1 - alpha) + cv2.resize(own.image, size) * alpha
            ground = image.round().clip(0, 255).astype(np.uint8)
        yield ground, labels


PARTS: Mapping[str, Callable[[Clip, Sequence[Clip], CachedEngine], dict[str, Any]]] = {
    "halves": halves,
    "absent": absent,
    "turned": turned,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, required=True, help="folder of the development sets")
    parser.add_argument(
        "--parts", nargs="*", choices=[*PARTS, "photos"], default=[*PARTS, "photos"]
    )
    parser.add_argument("--only", nargs="*", default=(), help="names of clips")
    parser.add_argument("--cache", type=Path, default=Path("runs/embeddings"))
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/targets.json"))
    args = parser.parse_args()
    clips = find_clips(args.clips, sets=SETS)
    engine = CachedEngine.load(MethodSettings(), args.cache)
    results: dict[str, Any] = {}
    for part in args.parts:
        if part == "photos":
            results[part] = photos(args.clips, engine)
            continue
        default = TURNING if part == "turned" else TEN
        results[part] = {}
        for clip in clips:
            if clip.name in (args.only or default):
                results[part][clip.name] = PARTS[part](clip, clips, engine)
                print(part, clip.name, results[part][clip.name], flush=True)
    write_results(args.output, facts(engine.compute.describe()) | results)


if __name__ == "__main__":
    main()
