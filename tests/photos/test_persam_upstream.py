"""The upstream photo programs step by step, against the formulas on segment_anything's modules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from demo_clip import DemoFrames, RememberingEngine
from PIL import Image
from plain_upstream import upstream_decoder
from torch.nn import functional as F

from persam_vos.errors import UsageError
from persam_vos.photos.method import PhotoReference
from persam_vos.photos.persam_upstream import UpstreamPhotos, upstream_guide
from persam_vos.photos.settings import PhotoSettings
from persam_vos.structures import Frame, RgbImage

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


def resized(image: RgbImage) -> np.ndarray:
    """Scale to a long side of 1024, as ResizeLongestSide does."""
    height, width = image.shape[:2]
    scale = 1024 / max(height, width)
    size = (int(width * scale + 0.5), int(height * scale + 0.5))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))


def at_image_size(low: torch.Tensor, image: RgbImage) -> torch.Tensor:
    """Bring (K, h, w) of the square to the photo, as Sam.postprocess_masks does."""
    height, width = resized(image).shape[:2]
    whole = F.interpolate(low[None], (1024, 1024), mode="bilinear", align_corners=False)
    picture = whole[..., :height, :width]
    return F.interpolate(picture, image.shape[:2], mode="bilinear", align_corners=False)[0]


class Plain:
    """The training-free program, written out of the formulas."""

    def __init__(self, engine: RememberingEngine) -> None:
        self.engine, self.sam = engine, engine.network

    def features(self, image: RgbImage) -> torch.Tensor:
        return self.engine.encode_window(Frame(0, "", image, 0.0)).features[0]  # (C, 64, 64)

    def target(self, image: RgbImage, mask: np.ndarray) -> torch.Tensor:
        """The mean of the features of the cells that the coloured mask covers."""
        picture = np.zeros((*mask.shape, 3), np.uint8)
        picture[mask] = (128, 0, 0)
        red = torch.zeros(1024, 1024)
        scaled = torch.tensor(resized(picture)[..., 0].astype(np.float32))
        red[: scaled.shape[0], : scaled.shape[1]] = (scaled - MEAN[0]) / STD[0]
        grid = F.interpolate(red[None, None], (64, 64), mode="bilinear", align_corners=False)[0, 0]
        return self.features(image)[:, grid > 0].mean(1)

    def similarity(self, image: RgbImage, mean: torch.Tensor) -> torch.Tensor:
        cosine = torch.einsum(
            "c,chw->hw", F.normalize(mean, dim=0), F.normalize(self.features(image), dim=0)
        )
        finer = F.interpolate(cosine[None, None], (256, 256), mode="bilinear", align_corners=False)
        return at_image_size(finer[0], image)[0]

    def predict(
        self,
        image: RgbImage,
        points: list[tuple[int, int]],
        box: list[int] | None = None,
        dense: torch.Tensor | None = None,
        decoder: object = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What SAM's predictor gives: logits (4, 256, 256) and predicted IoU (4,)."""
        factors = torch.tensor(
            [
                new / old
                for new, old in zip(resized(image).shape[1::-1], image.shape[1::-1], strict=True)
            ]
        )
        xy, labels = torch.tensor([points]) * factors, torch.tensor([[1, 0]])
        boxes = None if box is None else (torch.tensor(box).reshape(2, 2) * factors).reshape(1, 4)
        encoder: Any = self.sam.prompt_encoder
        given = None if dense is None else dense[None, None]
        sparse, dense_embedding = encoder((xy, labels), boxes, given)
        mask_decoder: Any = decoder or self.sam.mask_decoder
        logits, iou = mask_decoder.predict_masks(
            self.features(image)[None], encoder.get_dense_pe(), sparse, dense_embedding
        )
        return logits[0], iou[0]


@pytest.fixture(scope="module")
def pair(demo_frames: DemoFrames) -> tuple[PhotoReference, RgbImage]:
    """A reference, and a photo of another shape, in which the public attention is misaligned."""
    labels = (demo_frames.labels[0] == 3).astype(np.uint8)
    return PhotoReference(demo_frames.frames[0].image, labels), demo_frames.frames[3].image


@pytest.mark.slow
@torch.inference_mode()
def test_persam_is_the_public_program_step_by_step(
    paper_engine: RememberingEngine, pair: tuple[PhotoReference, RgbImage]
) -> None:
    (reference, labels), image = pair
    method = UpstreamPhotos(paper_engine, PhotoSettings(method="persam", recipe="upstream"))
    method.learn([(reference, labels)])
    plain = Plain(paper_engine)
    mean = plain.target(reference, labels > 0)
    torch.testing.assert_close(method._targets[1].semantic, mean)
    similarity = plain.similarity(image, mean)
    width = image.shape[1]
    points = [
        (int(place) % width, int(place) // width)
        for place in (similarity.argmax(), similarity.argmin())
    ]
    (found,) = method.segment(image)
    assert [(x, y) for x, y, _ in found.points] == points
    standard = (similarity - similarity.mean()) / similarity.std()
    guide = F.interpolate(
        standard[None, None], (64, 64), mode="bilinear", align_corners=False
    ).sigmoid()
    torch.testing.assert_close(upstream_guide(similarity, (64, 64)), guide.flatten(1))
    decoder = upstream_decoder(plain.sam.mask_decoder, guide.flatten(), mean)
    first = plain.predict(image, points, decoder=decoder)[0][0]
    logits, iou = plain.predict(image, points, dense=first)
    second = logits[1 + int(iou[1:].argmax())]
    inside = (at_image_size(second[None], image)[0] > 0).nonzero()
    (top, left), (bottom, right) = inside.amin(0).tolist(), inside.amax(0).tolist()
    assert found.box_xyxy == (left, top, right, bottom)
    logits, iou = plain.predict(image, points, [left, top, right, bottom], second)
    last = logits[1 + int(iou[1:].argmax())]
    mask = (at_image_size(last[None], image)[0] > 0).numpy()
    assert (mask != found.mask).mean() < 1e-4
    assert found.score == pytest.approx(min(1.0, float(iou[1:].max())), abs=1e-4)


def test_persam_f_mixes_scales_by_weights_that_sum_to_one(
    small_engine: RememberingEngine, pair: tuple[PhotoReference, RgbImage]
) -> None:
    method = UpstreamPhotos(small_engine, PhotoSettings(method="persam-f", recipe="upstream"))
    reference, image = pair
    method.learn([reference])
    assert float(method._targets[1].scale_weights.sum()) == pytest.approx(1, abs=1e-5)
    (found,) = method.segment(image)
    assert (len(found.points), found.present, found.presence) == (1, True, 1.0)


def test_several_references_of_an_object_are_refused(
    small_engine: RememberingEngine, pair: tuple[PhotoReference, RgbImage]
) -> None:
    method = UpstreamPhotos(small_engine, PhotoSettings(method="persam", recipe="upstream"))
    reference, _ = pair
    with pytest.raises(UsageError, match="one"):
        method.learn([reference, reference])
    other = reference._replace(labels=2 * reference.labels)
    method.learn([reference, other])
    assert method.object_ids == (1, 2)
