import numpy as np
import pytest

from lopsided.data.images.rand_augment import OPERATIONS, change, rand_augment
from lopsided.data.images.transforms import GREY

Image = pytest.importorskip("PIL.Image", reason="images need Pillow")


@pytest.fixture
def picture():
    """Soft colours in 20 x 20 pixels, that each operation has something to change of."""
    pixels = np.random.default_rng(0).integers(40, 200, size=(20, 20, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def changed(image, operation, amount):
    return np.asarray(change(image, operation, amount=amount)).astype(int)


def test_there_are_the_fourteen_operations_of_the_paper():
    assert len(OPERATIONS) == len(set(OPERATIONS)) == 14


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_keeps_size_and_mode_and_the_image_that_it_gets(picture, operation):
    before = np.asarray(picture).copy()
    for amount in (-1.0, -0.3, 0.3, 1.0):
        image = change(picture, operation, amount=amount)
        assert (image.size, image.mode) == ((20, 20), "RGB")
        assert operation == "identity" or (np.asarray(image) != before).any()
    assert (np.asarray(picture) == before).all()


@pytest.mark.parametrize("operation", [name for name in OPERATIONS if name not in ("autocontrast", "equalize")])
def test_an_amount_of_nothing_changes_nothing(picture, operation):
    assert np.abs(changed(picture, operation, 0.0) - np.asarray(picture)).max() <= 1


def test_colours_are_changed_as_far_as_the_paper_says():
    pair = Image.fromarray(np.array([[[100, 100, 100], [100, 60, 140]]], np.uint8))
    assert changed(pair, "brightness", 1.0)[0, 0].tolist() == [190] * 3
    assert changed(pair, "brightness", -1.0)[0, 0].tolist() == [10] * 3
    assert np.ptp(changed(pair, "colour", -1.0)[0, 1]) == 8  # a tenth of the distance from grey
    assert np.ptp(changed(pair, "colour", 1.0)[0, 1]) == 152
    assert np.ptp(changed(pair, "contrast", -1.0)) == 8
    values = Image.fromarray(np.array([[[0, 15, 127], [128, 200, 255]]], np.uint8))
    assert changed(values, "posterize", 1.0).ravel().tolist() == [0, 0, 112, 128, 192, 240]
    assert changed(values, "solarize", 0.5).ravel().tolist() == [0, 15, 127, 127, 55, 0]
    assert changed(values, "solarize", -1.0).ravel().tolist() == [255, 240, 128, 127, 55, 0]


def test_what_is_moved_goes_as_far_as_the_paper_says_and_leaves_grey():
    black = Image.new("RGB", (100, 100))
    for operation, axis in (("translate_x", 1), ("translate_y", 0)):
        one, other = (changed(black, operation, amount)[..., 0] == GREY for amount in (1.0, -1.0))
        assert one.all(axis=1 - axis).sum() == other.all(axis=1 - axis).sum() == 45
        assert (one == np.flip(other, axis=axis)).all()
    for operation, axis in (("shear_x", 1), ("shear_y", 0)):
        grey = (changed(black, operation, 1.0)[..., 0] == GREY).sum(axis=axis)
        assert grey[0] == 0
        assert grey[-1] == 30  # the last row or column by 0.3 of the side
    assert (changed(black, "rotate", 1.0)[0] == GREY).mean() > 0.4
    assert changed(black, "rotate", 1.0)[50, 50].max() == 0


def test_a_generator_decides_everything(picture):
    seeds = range(60)
    one, same = (
        [np.asarray(rand_augment(picture, np.random.default_rng(seed), strength=9)) for seed in seeds] for _ in range(2)
    )
    assert all((a == b).all() for a, b in zip(one, same, strict=True))
    assert len({image.tobytes() for image in one}) > 40


def test_every_operation_comes_in_both_directions(picture, monkeypatch):
    seen = []

    def noted(image, operation, *, amount):
        seen.append((operation, amount))
        return image

    monkeypatch.setattr("lopsided.data.images.rand_augment.change", noted)
    for seed in range(300):
        rand_augment(picture, np.random.default_rng(seed), strength=15)
    assert len(seen) == 600
    assert set(seen) == {(operation, amount) for operation in OPERATIONS for amount in (-0.5, 0.5)}
