import numpy as np
import pytest

from lopsided.data import Manifest
from lopsided.data.images import check as module
from lopsided.data.images.check import check_images
from lopsided.data.images.decode import open_image
from lopsided.data.images.near_duplicates import NO_HASH, near_duplicates_in_two_splits, perceptual_hash
from tests.data.image_manifests import manifest_of, save_noise

Image = pytest.importorskip("PIL.Image", reason="images need Pillow")


@pytest.fixture
def manifest(tmp_path, monkeypatch):
    """Ten images: one cut off, one missing, one plain, and one of test that is another of train saved anew."""
    monkeypatch.setattr(module, "_CHUNK", 3)
    names = [f"{i}.png" for i in range(9)] + ["9.jpg"]
    for i, name in enumerate(names):
        save_noise(tmp_path / name, seed=i, size=(60, 40))
    (tmp_path / "1.png").write_bytes((tmp_path / "1.png").read_bytes()[:900])
    (tmp_path / "4.png").unlink()
    Image.new("RGB", (60, 40), "white").save(tmp_path / "6.png")
    Image.open(tmp_path / "2.png").save(tmp_path / "9.jpg", quality=90)
    return manifest_of(tmp_path, names, ["train"] * 5 + ["test"] * 5)


@pytest.mark.parametrize("workers", [0, 2])
def test_every_image_is_opened_and_hashed_once(manifest, workers):
    check = check_images(manifest, workers=workers)
    assert list(check.unreadable) == [1, 4]
    assert check.unreadable[1].startswith("cannot be decoded: image file is truncated")
    assert check.unreadable[4] == "cannot be read: No such file or directory"
    assert check.hashes.dtype == np.uint64
    assert np.flatnonzero(check.hashes == NO_HASH).tolist() == [1, 4, 6]
    assert check.hashes[0] == perceptual_hash(open_image(manifest.path(0), size=32))
    assert near_duplicates_in_two_splits(check.hashes, manifest.splits).tolist() == [[2, 9]]


def test_an_interruption_ends_the_check(manifest, monkeypatch):
    def interrupted(data, row, *, size):
        raise KeyboardInterrupt

    monkeypatch.setattr(Manifest, "image", interrupted)
    with pytest.raises(KeyboardInterrupt):
        check_images(manifest)
