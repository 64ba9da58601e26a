"""What the tests of the network share: a real picture, and its features."""

import pytest
import torch

from persam_vos.geometry import Geometry, normalise_and_pad


@pytest.fixture(scope="session")
def photograph():
    """A normalised, padded photograph, (1, 3, 1024, 1024)."""
    from skimage.data import astronaut

    image = astronaut()[:300]
    return normalise_and_pad(torch.from_numpy(Geometry(image.shape[:2]).resize(image))[None])


@pytest.fixture(scope="session")
def features(mobile_sam, photograph):
    """The features of the photograph, (1, 256, 64, 64)."""
    with torch.inference_mode():
        return mobile_sam.encode(photograph).clone()
