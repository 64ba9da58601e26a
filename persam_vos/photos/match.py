"""Our own method for photos: matched with all cells of the references, outlined by SAM, verified.

What looks like the object is found as for a target in videos (see ``targets``), at stride 8. What
is not found in the whole photo is looked for once more in a window round what looked most like it,
and small objects are outlined in a window.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from ..geometry import PATCH, Geometry
from ..stages.prompts import box_of
from ..structures import Encoded, Frame, LabelMap, RgbImage
from ..targets.find import PRESENT, TargetFinder
from ..targets.target import SourceFile, Target
from ..targets.verify import Judged
from ..tracking.engine import Engine
from ..tracking.picture_view import PictureView
from ..tracking.targets import ReferencePicture, check_network, describe_target, new_finder
from .closer import is_small, outlined_closer
from .method import Instance, Mask, PhotoObject, Point
from .references import checked_references
from .settings import PhotoSettings

_NOBODY = SourceFile("", 0, "")  # references may come from anywhere
_MOST_INSTANCES = 30
_NEW_SHARE = 0.7  # of a mask has to be outside of the instances before it
_SEARCH_MARGIN = 1.0  # of the window round what looks most like the object


@dataclass(frozen=True, slots=True)
class _Look:
    """What was proposed in a picture or in a window of it."""

    view: PictureView
    judged: Judged

    @property
    def sure(self) -> float:
        confidence = self.judged.confidence
        return float(confidence.amax()) if len(confidence) else 0.0


@dataclass(slots=True)
class MatchPhotos:
    """Finds objects by their cells, in one photo after the other."""

    engine: Engine
    settings: PhotoSettings
    _finder: TargetFinder | None = None

    @property
    def object_ids(self) -> tuple[int, ...]:
        """The objects that were learned, ascending."""
        return () if self._finder is None else self._finder.object_ids

    def learn(self, references: Sequence[tuple[RgbImage, LabelMap]]) -> None:
        """Learn objects from pictures and their labels."""
        pictures = [
            ReferencePicture(Frame(0, "", image, 0.0), labels, (_NOBODY, _NOBODY), ())
            for image, labels in checked_references(references)
        ]
        self.use(describe_target(pictures, self.engine))

    def use(self, target: Target) -> None:
        """Look for the objects of a target, in place of what was learned before.

        Raises TargetError for one whose features another network made.
        """
        check_network(target, self.engine)
        self._finder = new_finder(target, self.engine)

    @torch.inference_mode()
    def segment(self, image: RgbImage) -> tuple[PhotoObject, ...]:
        """Find all objects in a photo; an object that does not seem to be there has no mask."""
        encoded = self.engine.encode(Frame(0, "", image, 0.0))
        whole = PictureView.whole(self.engine, encoded)
        return tuple(self._found(whole, object_id) for object_id in self.object_ids)

    def _found(self, whole: PictureView, object_id: int) -> PhotoObject:
        first = _Look(whole, self._finding.judge(whole.encoded, object_id))
        look = max((first, *self._closer_looks(first, object_id)), key=lambda one: one.sure)
        present = look.sure >= PRESENT
        instances: list[Instance] = []
        if present or not self.settings.absent_is_empty:
            instances = self._instances(look, object_id, whole.encoded.frame)
        mask = np.zeros(whole.size_hw, np.bool_)
        for one in instances:
            mask |= one.mask
        return PhotoObject(
            object_id=object_id,
            mask=mask,
            score=look.sure,
            presence=look.sure,
            present=present,
            confidence=_confidence(first.judged, whole.encoded),
            points=_points(look),
            box_xyxy=box_of(instances[0].mask) if instances else None,
            instances=tuple(instances),
        )

    @property
    def _finding(self) -> TargetFinder:
        assert self._finder is not None, "objects are learned first"
        return self._finder

    def _closer_looks(self, first: _Look, object_id: int) -> Iterator[_Look]:
        """Look again where something small is not surely the object."""
        if first.sure >= PRESENT or not self.settings.closer or not len(first.judged.confidence):
            return
        box = box_of(self._masks(first, first.judged.confidence.argmax()[None])[0])
        if box is not None and is_small(box, first.view.size_hw):
            frame = first.view.encoded.frame
            view = PictureView.round_box(self.engine, frame, box, _SEARCH_MARGIN)
            yield _Look(view, self._finding.judge(view.encoded, object_id))

    def _instances(self, look: _Look, object_id: int, frame: Frame) -> list[Instance]:
        """Outline the surest instance, or all that are sure enough."""
        found = self._surest(look, frame)
        if found is None:
            return []
        instances = [found]
        while self.settings.instances == "all" and len(instances) < _MOST_INSTANCES:
            seen = np.logical_or.reduce([one.mask for one in instances])
            elsewhere = _cells_of(seen, look.view)
            again = _Look(look.view, self._finding.judge(look.view.encoded, object_id, elsewhere))
            found = self._surest(again, frame) if again.sure >= PRESENT else None
            if found is None:
                break
            fresh = found.mask & ~seen
            if fresh.sum() < _NEW_SHARE * found.mask.sum():
                break
            instances.append(Instance(fresh, found.score))
        return instances

    def _surest(self, look: _Look, frame: Frame) -> Instance | None:
        """Outline what is most surely the object; None if there is nothing."""
        if not len(look.judged.confidence):
            return None
        window = self._finding.outline(look.view.encoded, look.judged)
        mask = _placed(window, look.view)
        if self.settings.closer:
            mask = outlined_closer(self.engine, frame, mask)
        return Instance(mask, look.sure)

    def _masks(self, look: _Look, rows: torch.Tensor) -> list[Mask]:
        """Scale some of the proposed masks to the whole picture."""
        masks = self._finding.masks(look.view.encoded, look.judged.rows(rows))
        return [_placed(mask, look.view) for mask in masks]


def _placed(window: Mask, view: PictureView) -> Mask:
    """Put the mask of a view into the whole picture."""
    (left, top), (height, width) = view.corner_xy, window.shape
    mask = np.zeros(view.size_hw, np.bool_)
    mask[top : top + height, left : left + width] = window
    return mask


def _cells_of(mask: Mask, view: PictureView) -> torch.Tensor:
    """Return the cells of stride 8, (2h, 2w) bool, of a view that a mask touches."""
    coverage = view.logits_of(torch.from_numpy(mask).to(view.encoded.features.device), 1.0) > -1
    return F.max_pool2d(coverage.float()[None], 2)[0, 0] > 0


def _confidence(judged: Judged, encoded: Encoded) -> np.ndarray:
    """Return how much of the object the cells in the picture look like, (h, w) float32."""
    assert judged.likeness is not None
    cell = PATCH // 2
    rows, columns = (-(-side // cell) for side in encoded.input_hw)
    return judged.likeness[:rows, :columns].float().cpu().numpy()


def _points(look: _Look) -> tuple[Point, ...]:
    """Return where the decoder was pointed, in pixels of the whole picture."""
    assert look.judged.points_xy is not None
    left, top = look.view.corner_xy
    encoded, engine = look.view.encoded, look.view.engine
    scale = Geometry(encoded.frame.size_hw, engine.settings.image_size).scale
    return tuple(
        dict.fromkeys(
            (left + x / scale, top + y / scale, 1) for x, y in look.judged.points_xy.tolist()
        )
    )
