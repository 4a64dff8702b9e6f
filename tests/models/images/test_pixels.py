import pytest
import torch

from lopsided.models import Pixels


def test_bytes_and_the_same_image_in_zero_to_one_give_the_same():
    images = torch.randint(0, 256, (2, 3, 4, 5), dtype=torch.uint8)
    for layer in (Pixels(), Pixels([0.5, 0.4, 0.3], [0.2, 0.1, 0.3])):
        assert torch.allclose(layer(images), layer(images.float() / 255))


def test_each_channel_is_shifted_and_divided_by_its_own():
    layer = Pixels([0.0, 0.5], [1.0, 0.25])
    images = torch.tensor([0, 255], dtype=torch.uint8).view(1, 1, 1, 2).expand(1, 2, 1, 2)
    assert layer(images)[0, :, 0].tolist() == [[0.0, 1.0], [-2.0, 2.0]]


def test_the_type_says_what_an_image_holds_and_not_its_values():
    dark = torch.ones(1, 1, 2, 2, dtype=torch.uint8)
    assert Pixels()(dark).max() == pytest.approx(1 / 255)
    assert Pixels()(dark.float()).max() == 1


@pytest.mark.parametrize("layer", [Pixels(), Pixels([0.5] * 3, [0.5] * 3)])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_channels_stay_last_in_memory(layer, dtype):
    images = torch.zeros(2, 3, 4, 5, dtype=dtype).to(memory_format=torch.channels_last)
    assert layer(images).is_contiguous(memory_format=torch.channels_last)


def test_the_scale_is_saved_with_the_weights_and_plain_scaling_saves_nothing():
    assert set(Pixels([0.5], [0.5]).state_dict()) == {"mean", "std"}
    assert not Pixels().state_dict()


def test_a_mean_without_a_std_is_refused():
    with pytest.raises(ValueError, match="same channels"):
        Pixels([0.5])
