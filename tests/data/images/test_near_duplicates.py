import io

import numpy as np
import pytest

from lopsided.data.images.near_duplicates import (
    NO_HASH,
    near_duplicate_ids,
    near_duplicates_in_two_splits,
    perceptual_hash,
)

Image = pytest.importorskip("PIL.Image", reason="images need Pillow")


def scene(seed):
    """Soft blobs of colour, as in a photograph out of focus."""
    pixels = np.random.default_rng(seed).integers(256, size=(7, 9, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((300, 200), Image.Resampling.BICUBIC)


def bits_apart(one, other):
    return (perceptual_hash(one) ^ perceptual_hash(other)).bit_count()


def as_jpeg(image, quality):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file)


@pytest.mark.parametrize(
    "change",
    [
        lambda image: as_jpeg(image, 40),
        lambda image: image.resize((150, 100)),
        lambda image: image.resize((500, 200)),
        lambda image: image.convert("L"),
        lambda image: image.point(lambda value: min(255, round(1.1 * value))),
        lambda image: image.resize((75, 50)).resize((300, 200)),
    ],
)
def test_an_image_that_is_saved_again_looks_the_same(change):
    apart = [bits_apart(scene(seed), change(scene(seed))) for seed in range(30)]
    assert np.mean(np.array(apart) <= 3) > 0.9


def test_different_images_look_different():
    hashes = [perceptual_hash(scene(seed)) for seed in range(60)]
    apart = [(one ^ other).bit_count() for i, one in enumerate(hashes) for other in hashes[:i]]
    assert min(apart) > 10
    assert all(0 < number < 2**64 for number in hashes)


@pytest.mark.parametrize("noise", [0, 2])
def test_a_plain_image_looks_like_nothing(noise):
    for grey in (0, 128, 255):
        random = np.random.default_rng(grey).integers(-noise, noise + 1, size=(60, 80, 3))
        plain = Image.fromarray(np.clip(grey + random, 0, 255).astype(np.uint8))
        assert perceptual_hash(plain) == NO_HASH


def test_an_image_of_a_few_stripes_looks_like_nothing():
    stripes = np.zeros((60, 80), np.uint8)
    stripes[20:40] = 255
    assert perceptual_hash(Image.fromarray(stripes)) == perceptual_hash(Image.fromarray(stripes.T)) == NO_HASH


def test_a_mirrored_image_is_another():
    assert bits_apart(scene(1), scene(1).transpose(Image.Transpose.FLIP_LEFT_RIGHT)) > 10


def slowly(hashes, splits, distance):
    """Every pair compared."""
    order = {"train": 0, "val": 1, "test": 2, "extra": 3}
    found = []
    for j in range(len(hashes)):
        candidates = [
            (int(hashes[i] ^ hashes[j]).bit_count(), i)
            for i in range(len(hashes))
            if hashes[i] and hashes[j] and order[splits[i]] < order[splits[j]]
        ]
        if candidates and min(candidates)[0] <= distance:
            found.append([min(candidates)[1], j])
    return found


@pytest.mark.parametrize("distance", [0, 1, 3, 8, 20])
@pytest.mark.parametrize("seed", range(3))
def test_the_nearest_of_an_earlier_split_is_found(distance, seed):
    random = np.random.default_rng([seed, distance])
    hashes = np.repeat(random.integers(2**64, size=25, dtype=np.uint64), 8)
    for _ in range(4):
        flips = np.uint64(1) << random.integers(64, size=200).astype(np.uint64)
        hashes ^= np.where(random.random(200) < 0.4, flips, np.uint64(0))
    hashes[random.random(200) < 0.05] = NO_HASH
    splits = random.choice(["extra", "train", "val", "test"], size=200)
    pairs = near_duplicates_in_two_splits(hashes, splits, distance=distance)
    assert pairs.dtype == np.int64
    assert pairs.tolist() == slowly(hashes.tolist(), splits.tolist(), distance)
    assert len(pairs) > distance


def test_copies_within_a_split_and_plain_images_are_no_pairs():
    hashes = np.array([255, 255, NO_HASH, NO_HASH, 15 << 40, 15 << 50], np.uint64)
    splits = np.array(["train", "train", "train", "test", "test", "test"])
    assert near_duplicates_in_two_splits(hashes, splits).shape == (0, 2)
    assert near_duplicates_in_two_splits(np.zeros(2, np.uint64), np.array(["train", "test"])).shape == (0, 2)


def test_many_copies_make_one_pair_each():
    hashes = np.full(50_000, 123456789, np.uint64)
    splits = np.where(np.arange(50_000) < 49_000, "train", "test")
    pairs = near_duplicates_in_two_splits(hashes, splits)
    assert (pairs[:, 0] == 0).all()
    assert (pairs[:, 1] == np.arange(49_000, 50_000)).all()


@pytest.mark.parametrize("distance", [-1, 64])
def test_a_distance_that_no_two_hashes_have_is_refused(distance):
    with pytest.raises(ValueError, match=r"expected distance to lie in \[0, 63\]"):
        near_duplicates_in_two_splits(np.zeros(1, np.uint64), np.array(["train"]), distance=distance)


@pytest.mark.parametrize("distance", [0, 2, 5])
@pytest.mark.parametrize("seed", range(3))
def test_what_looks_alike_has_one_number_through_others_too(seed: int, distance: int) -> None:
    random = np.random.default_rng(seed)
    hashes = np.repeat(random.integers(1, 2**63, size=8, dtype=np.uint64), 5)
    hashes ^= np.uint64(1) << random.integers(64, size=40, dtype=np.uint64)
    hashes ^= np.uint64(1) << random.integers(64, size=40, dtype=np.uint64)
    hashes[[3, 17]] = NO_HASH
    wanted = list(range(40))
    for _ in range(40):  # the slow way: take over the smallest number of whoever is alike, until nothing changes
        for i in range(40):
            for j in range(40):
                near = int(np.bitwise_count(hashes[i] ^ hashes[j])) <= distance
                if NO_HASH not in (hashes[i], hashes[j]) and near:
                    wanted[i] = min(wanted[i], wanted[j])
    ids = near_duplicate_ids(hashes, distance=distance)
    assert ids.tolist() == np.unique(wanted, return_inverse=True)[1].tolist()


def test_of_no_samples_nothing_is_numbered() -> None:
    assert near_duplicate_ids(np.zeros(0, np.uint64)).shape == (0,)
    assert near_duplicate_ids(np.zeros(2, np.uint64)).tolist() == [0, 1]
