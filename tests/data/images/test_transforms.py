import numpy as np
import pytest

from lopsided.data.images.transforms import GREY, cutout, mixup, resize

Image = pytest.importorskip("PIL.Image", reason="images need Pillow")


def bars(width, height):
    """Black left of the middle, white right of it, and red in the last row."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, width // 2 :] = 255
    pixels[-1] = (255, 0, 0)
    return Image.fromarray(pixels)


def test_squash_keeps_all_of_the_image():
    pixels = np.asarray(resize(bars(80, 20), size=20, how="squash"))
    assert pixels.shape == (20, 20, 3)
    assert pixels[:-2, :9].max() == 0
    assert pixels[:-2, 11:].min() == 255
    assert (pixels[-1] == (255, 0, 0)).all()


def test_crop_keeps_the_middle_square():
    pixels = np.asarray(resize(bars(80, 20), size=20, how="crop"))
    assert (pixels == np.asarray(bars(80, 20))[:, 30:50]).all()
    high = Image.fromarray(np.asarray(bars(80, 20)).transpose(1, 0, 2))
    assert (np.asarray(resize(high, size=20, how="crop")) == np.asarray(high)[30:50]).all()


def test_pad_keeps_the_shape_and_fills_with_grey():
    pixels = np.asarray(resize(bars(80, 40), size=20, how="pad"))
    assert pixels.shape == (20, 20, 3)
    assert (pixels[:5] == GREY).all()
    assert (pixels[15:] == GREY).all()
    assert pixels[5:13, :9].max() == 0
    high = np.asarray(resize(Image.new("RGB", (40, 80)), size=20, how="pad"))
    assert (high[:, :5] == GREY).all()
    assert high[:, 5:15].max() == 0


@pytest.mark.parametrize("how", ["squash", "crop", "pad"])
@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (7, 5), (16, 16)])
def test_every_shape_becomes_a_square(how, size):
    assert resize(Image.new("RGB", size), size=16, how=how).size == (16, 16)


def test_a_fine_pattern_is_averaged_and_does_not_flicker():
    checks = (np.indices((640, 640)).sum(axis=0) % 2 * 255).astype(np.uint8)
    pixels = np.asarray(resize(Image.fromarray(checks), size=40, how="squash")).astype(int)
    assert np.abs(pixels - 127.5).max() < 2


def hole(image):
    """Left, top, right and bottom of what is grey in a black image, which must be a rectangle."""
    grey = np.asarray(image)[..., 0] == GREY
    rows, columns = np.flatnonzero(grey.any(axis=1)), np.flatnonzero(grey.any(axis=0))
    assert grey.sum() == len(rows) * len(columns)
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def test_cutout_greys_out_a_square_whose_centre_is_anywhere():
    widths, lefts = [], []
    for seed in range(200):
        image = Image.new("RGB", (20, 20))
        cutout(image, np.random.default_rng(seed), share=0.5)
        left, top, right, bottom = hole(image)
        assert 5 <= right - left <= 10
        assert 5 <= bottom - top <= 10
        widths.append(right - left)
        lefts.append(left)
    assert set(widths) == {5, 6, 7, 8, 9, 10}
    assert set(lefts) == set(range(15))


@pytest.mark.parametrize("share", [0.0, 0.01])
def test_a_square_without_pixels_greys_out_nothing(share):
    image = Image.new("RGB", (20, 20))
    for seed in range(20):
        cutout(image, np.random.default_rng(seed), share=share)
    assert not np.asarray(image).any()


def test_mixup_mixes_images_and_targets_in_the_same_proportion():
    images = np.repeat(np.arange(0, 250, 50, dtype=np.uint8), 12).reshape(5, 3, 2, 2)
    targets = np.eye(5, dtype=bool)
    mixed, soft, mask = mixup(images, targets, None, alpha=0.8, random=np.random.default_rng(0))
    assert (mixed.dtype, soft.dtype, mask) == (np.uint8, np.float32, None)
    assert np.allclose(soft.sum(axis=1), 1)
    assert ((soft > 0).sum(axis=1) <= 2).all()
    assert len(np.unique(soft.max(axis=1))) > 3  # a proportion for each pair
    wanted = soft @ np.arange(0, 250, 50)
    assert np.abs(mixed.reshape(5, -1) - wanted[:, None]).max() <= 0.5 + 1e-4
    assert images[1].max() == 50  # what came is left alone


def test_what_is_unknown_of_one_of_a_pair_is_unknown_of_both():
    mask = np.array([[True, False], [True, True], [False, True]])
    images, targets = np.zeros((3, 1), np.uint8), np.eye(3, 2, dtype=bool)
    partners = np.random.default_rng(3).permutation(3)
    assert sorted(partners) == [0, 1, 2]
    found = mixup(images, targets, mask, alpha=1.0, random=np.random.default_rng(3))[2]
    assert found is not None
    assert (found == (mask & mask[partners])).all()
    assert not found.all()


@pytest.mark.parametrize("alpha", [1e-300, 1e-3, 1.0, 1e300])
def test_any_alpha_gives_proportions(alpha):
    images, targets = np.full((8, 3), 200, np.uint8), np.ones((8, 1), bool)
    mixed, soft, _ = mixup(images, targets, None, alpha=alpha, random=np.random.default_rng(0))
    assert (mixed == 200).all()
    assert np.allclose(soft, 1)


def test_the_values_that_uint8_ends_at_are_kept():
    images = np.array([[255], [255], [0], [0]], np.uint8)
    for seed in range(20):
        mixed = mixup(images, np.zeros((4, 1), bool), None, alpha=1.0, random=np.random.default_rng(seed))[0]
        partners = np.random.default_rng(seed).permutation(4)
        assert (mixed[images == images[partners]] == images[images == images[partners]]).all()
