"""The calibration in the package: whose it is, and that it fits the network."""

from __future__ import annotations

import json

import pytest

from persam_vos.backends.calibration import CALIBRATION, calibrated_digest, load_calibration
from persam_vos.backends.export import Exportable
from persam_vos.errors import WeightsError
from persam_vos.sam.build import SamNetwork, build_sam, random_state
from persam_vos.sam.tiny_vit import TinyViT


def test_the_calibration_names_layers_of_the_network_and_holds_zero() -> None:
    encoder = build_sam("vit_t", random_state("vit_t", 0)).image_encoder
    assert isinstance(encoder, TinyViT)
    modules = dict(Exportable(encoder).named_modules())
    for calibration in json.loads(CALIBRATION.read_text()).values():
        assert calibration
        assert calibration.keys() <= modules.keys()
        assert all(least <= 0 < greatest for least, greatest in calibration.values())


def test_mobile_sam_is_calibrated(mobile_sam: SamNetwork) -> None:
    calibration = load_calibration(mobile_sam.image_encoder)
    known = json.loads(CALIBRATION.read_text())[calibrated_digest(mobile_sam.image_encoder)]
    assert {name: list(limits) for name, limits in calibration.items()} == known


def test_other_weights_are_not_calibrated() -> None:
    encoder = build_sam("vit_t", random_state("vit_t", 0)).image_encoder
    with pytest.raises(WeightsError, match=r"weights without a calibration.*mobile-sam"):
        load_calibration(encoder)
