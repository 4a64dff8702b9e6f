import numpy as np
import pytest

from lopsided.data.images.pixels import pixels_of
from lopsided.data.images.views import RATIOS, color_jitter, mirrored, random_crop
from lopsided.data.options import DataOptions, ImageOptions

Image = pytest.importorskip("PIL.Image", reason="images need Pillow")


def ramp(width, height):
    """Red says how far right a pixel is, green how far down, in 255ths."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.linspace(0, 255, width).astype(np.uint8)
    pixels[..., 1] = np.linspace(0, 255, height).astype(np.uint8)[:, None]
    return Image.fromarray(pixels)


@pytest.mark.parametrize(("width", "height"), [(400, 300), (300, 400), (400, 400)])
def test_a_crop_has_the_share_and_the_shape_that_it_may_have(width, height):
    shares, ratios, lefts = [], [], []
    for seed in range(200):
        cut = random_crop(ramp(width, height), np.random.default_rng(seed), size=32, least=0.2)
        pixels = np.asarray(cut).astype(float)
        # The outermost pixels stand half a pixel inside of the part: 31 of 32 parts of it lie between them.
        across = (pixels[16, -1, 0] - pixels[16, 0, 0]) / 255 * width * 32 / 31
        down = (pixels[-1, 16, 1] - pixels[0, 16, 1]) / 255 * height * 32 / 31
        shares.append(across * down / (width * height))
        ratios.append(across / down)
        lefts.append(pixels[16, 0, 0] / 255)
    assert 0.17 < min(shares) < 0.3
    assert 0.85 < max(shares) < 1.05
    assert RATIOS[0] - 0.08 < min(ratios)
    assert max(ratios) < RATIOS[1] + 0.1
    assert np.std(lefts) > 0.05


@pytest.mark.parametrize("size", [(1, 3000), (3000, 1), (1, 1), (7, 5)])
def test_where_no_part_fits_the_middle_is_taken(size):
    assert random_crop(Image.new("RGB", size), np.random.default_rng(0), size=16, least=0.9).size == (16, 16)


def test_a_narrow_image_gives_its_middle():
    cut = np.asarray(random_crop(ramp(4, 400), np.random.default_rng(0), size=16, least=1.0))
    assert abs(int(cut[:, :, 1].mean()) - 127) < 3


def test_mirrored_swaps_left_and_right():
    assert (np.asarray(mirrored(ramp(9, 4))) == np.asarray(ramp(9, 4))[:, ::-1]).all()


def test_colours_change_within_the_strength():
    grey = Image.new("RGB", (8, 8), (100, 100, 100))  # contrast and saturation leave it as it is
    values = [np.asarray(color_jitter(grey, np.random.default_rng(seed), strength=0.4))[0, 0, 0] for seed in range(300)]
    assert 59 <= min(values) <= 63
    assert 137 <= max(values) <= 140
    red = Image.new("RGB", (8, 8), (200, 50, 50))
    saturations = set()
    for seed in range(20):
        pixel = np.asarray(color_jitter(red, np.random.default_rng(seed), strength=0.4))[0, 0].astype(float)
        saturations.add(round((pixel[0] - pixel[1]) / pixel.mean(), 2))
    assert len(saturations) > 10


@pytest.fixture
def file(tmp_path):
    ramp(200, 120).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def seen(file, *, epoch, row=0, **options):
    images = ImageOptions(size=16, cutout=0.0, rand_augment=0, **options)
    return pixels_of([file], np.array([row]), images, draw=(3, epoch))[0]


@pytest.mark.parametrize("options", [{"random_crop": 0.3}, {"horizontal_flip": True}, {"color_jitter": 0.5}])
def test_each_epoch_has_views_of_its_own_and_repeats_them(file, options):
    first = [seen(file, epoch=epoch, **options) for epoch in range(8)]
    assert all((a == seen(file, epoch=epoch, **options)).all() for epoch, a in enumerate(first))
    plain = seen(file, epoch=0)
    assert any((a != plain).any() for a in first)
    assert len({a.tobytes() for a in first}) > 1


def test_every_second_image_is_mirrored(file):
    plain = seen(file, epoch=0)
    turned = sum((seen(file, epoch=0, row=row, horizontal_flip=True) != plain).any() for row in range(200))
    assert 70 < turned < 130


def test_what_is_measured_stays_as_it_is(file):
    images = ImageOptions(size=16, horizontal_flip=True, random_crop=0.1, color_jitter=1.0)
    plain = pixels_of([file], np.array([0]), ImageOptions(size=16), draw=None)[0]
    assert (pixels_of([file], np.array([0]), images, draw=None)[0] == plain).all()


def test_other_draws_are_the_same_with_and_without_them(file):
    options = ImageOptions(size=64, cutout=0.5, rand_augment=0)
    hole = pixels_of([file], np.array([0]), options, draw=(0, 0))[0] == 128
    flipped = ImageOptions(size=64, cutout=0.5, rand_augment=0, color_jitter=1e-9)
    assert (hole == (pixels_of([file], np.array([0]), flipped, draw=(0, 0))[0] == 128)).mean() > 0.99


@pytest.mark.parametrize(("name", "value"), [("random_crop", 0.0), ("random_crop", 1.5), ("color_jitter", -0.1)])
def test_other_settings_are_refused(name, value):
    with pytest.raises(ValueError, match=rf"expected data\.{name} to lie in .*, got {value}"):
        DataOptions(**{name: value})
