import dataclasses
import itertools
import pickle

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from torch.utils.data import DataLoader

from lopsided.data import DataError, ImageOptions, Labels, Manifest, SplitDataset
from lopsided.data import manifest as module
from lopsided.data.images.decode import UnreadableImage
from lopsided.data.images.transforms import GREY
from tests.data.image_manifests import manifest_of, save_noise

pytest.importorskip("PIL", reason="images need Pillow")

PLAIN = ImageOptions(size=8, cutout=0.0, rand_augment=0)
CHANGED = ImageOptions(size=16)


@pytest.fixture
def manifest(tmp_path):
    """Twelve images of noise; every third belongs to test."""
    names = [f"{i:02}.png" for i in range(12)]
    for i, name in enumerate(names):
        save_noise(tmp_path / name, seed=i, size=(20 + i, 16))
    return manifest_of(tmp_path, names, ["train", "train", "test"] * 4)


def dataset(manifest, options=PLAIN, *, split="train", augment=False, seed=0):
    return SplitDataset(manifest, split=split, options=options, augment=augment, seed=seed)


def test_a_batch_is_a_dict_of_tensors_of_the_split(manifest):
    train = dataset(manifest)
    assert len(train) == 8
    batch = train[[2, 0, 7]]
    assert list(batch) == ["inputs", "targets", "rows"]
    assert batch["rows"].tolist() == [3, 0, 10]
    assert batch["targets"].tolist() == [[0, 0], [1, 0], [1, 0]]
    assert batch["inputs"].shape == (3, 3, 8, 8)
    assert batch["inputs"].is_contiguous()
    assert [tensor.dtype for tensor in batch.values()] == [torch.uint8, torch.uint8, torch.int64]
    assert dataset(manifest, split="test")[[0]]["rows"].tolist() == [2]


def test_inputs_are_the_pixels_with_channels_first(manifest, tmp_path):
    from PIL import Image

    pixels = np.random.default_rng(0).integers(256, size=(8, 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "00.png")
    assert (dataset(manifest)[[0]]["inputs"][0].numpy() == pixels.transpose(2, 0, 1)).all()


@pytest.mark.parametrize("how", ["squash", "crop", "pad"])
def test_the_way_of_resizing_is_that_of_the_options(manifest, how):
    squashed = dataset(manifest)[[0, 1]]["inputs"]
    other = dataset(manifest, dataclasses.replace(PLAIN, resize=how))[[0, 1]]["inputs"]
    assert (how == "squash") == torch.equal(squashed, other)


def test_an_empty_list_is_a_batch_of_none(manifest):
    for options in (PLAIN, dataclasses.replace(PLAIN, mixup=1.0)):
        batch = dataset(manifest, options, augment=True)[[]]
        assert batch["inputs"].shape == (0, 3, 8, 8)
        assert batch["targets"].shape == (0, 2)


def test_a_single_number_is_no_batch_and_two_are_no_epoch(manifest):
    with pytest.raises(TypeError, match="expected a list of positions"):
        dataset(manifest)[0]
    assert dataset(manifest)[(1, 2)]["rows"].tolist() == [1, 3]


def test_a_wrong_split_or_seed_is_refused(manifest):
    with pytest.raises(DataError, match="expected a split among train, test, got 'val'"):
        dataset(manifest, split="val")
    with pytest.raises(DataError, match="expected seed to be at least 0, got -1"):
        dataset(manifest, seed=-1)


def test_what_is_unknown_in_the_manifest_is_masked(manifest):
    unknown = np.zeros((12, 2), bool)
    unknown[0, 1] = True
    labels = Labels(("cat", "dog"), csr_array((12, 2), dtype=bool), csr_array(unknown))
    batch = dataset(dataclasses.replace(manifest, labels=labels))[[0, 1]]
    assert batch["mask"].dtype == torch.bool
    assert batch["mask"].tolist() == [[True, False], [True, True]]


def test_an_image_that_cannot_be_opened_is_grey_and_knows_no_label(manifest, tmp_path):
    (tmp_path / "03.png").write_bytes(b"")
    (tmp_path / "10.png").unlink()
    batch = dataset(manifest)[[0, 2, 7]]
    assert list(batch) == ["inputs", "targets", "mask", "rows", "unreadable"]
    assert batch["unreadable"].tolist() == [3, 10]
    assert batch["unreadable"].dtype == torch.int64
    assert (batch["inputs"][1:] == GREY).all()
    assert batch["mask"].tolist() == [[True, True], [False, False], [False, False]]
    assert batch["targets"].tolist() == [[1, 0], [0, 0], [0, 0]]
    assert "mask" not in dataset(manifest)[[0, 1]]
    assert manifest.labels.positives[[10]].toarray().any()  # the manifest keeps what it says


def test_images_are_gone_once_none_can_be_opened_and_none_is_there(manifest, tmp_path):
    for path in sorted(tmp_path.iterdir())[1:]:
        path.unlink()
    assert dataset(manifest)[[1, 2]]["unreadable"].tolist() == [1, 3]
    (tmp_path / "00.png").unlink()
    with pytest.raises(DataError, match=r"expected the images of the data to be there, got none, such as 00\.png$"):
        dataset(manifest)[[1, 2]]


def test_an_image_that_cannot_be_opened_is_refused_if_wanted(manifest, tmp_path):
    (tmp_path / "03.png").write_bytes(b"")
    strict = dataset(manifest, dataclasses.replace(PLAIN, unreadable="refuse"))
    with pytest.raises(UnreadableImage, match=r"03\.png: expected an image file, got an empty file"):
        strict[[0, 2]]
    with pytest.raises(UnreadableImage, match=r"03\.png: expected an image file, got an empty file"):
        list(DataLoader(strict, sampler=[[0, 2]], batch_size=None, num_workers=1))


def test_nothing_is_drawn_without_augmentation(manifest):
    options = dataclasses.replace(CHANGED, mixup=1.0)
    one, other = (dataset(manifest, options, seed=seed)[(seed, [0, 1, 2])] for seed in (0, 1))
    assert torch.equal(one["inputs"], other["inputs"])
    assert one["targets"].dtype == torch.uint8


def test_an_image_depends_on_seed_epoch_and_sample_and_not_on_its_batch(manifest):
    train = dataset(manifest, CHANGED, augment=True)
    whole = train[(3, [5, 1, 0])]["inputs"]
    for i, position in enumerate([5, 1, 0]):
        assert torch.equal(train[(3, [position])]["inputs"][0], whole[i])
        assert torch.equal(dataset(manifest, CHANGED, augment=True)[(3, [position])]["inputs"][0], whole[i])
    assert not torch.equal(train[(4, [5, 1, 0])]["inputs"], whole)
    assert not torch.equal(dataset(manifest, CHANGED, augment=True, seed=1)[(3, [5, 1, 0])]["inputs"], whole)
    assert torch.equal(train[[5, 1, 0]]["inputs"], train[(0, [5, 1, 0])]["inputs"])


def test_equal_images_of_two_samples_are_changed_differently(manifest, tmp_path):
    (tmp_path / "01.png").write_bytes((tmp_path / "00.png").read_bytes())
    images = dataset(manifest, CHANGED, augment=True)[[0, 1]]["inputs"]
    assert not torch.equal(images[0], images[1])


def test_each_change_is_there_when_the_options_say_so(manifest):
    rows = list(range(8))
    plain = dataset(manifest, PLAIN, augment=True)[rows]["inputs"]
    assert torch.equal(plain, dataset(manifest, PLAIN)[rows]["inputs"])
    cut = dataset(manifest, dataclasses.replace(PLAIN, cutout=0.5), augment=True)[rows]["inputs"]
    changed = (cut != plain).any(dim=1)
    assert changed.flatten(1).any(dim=1).all()
    assert (cut.permute(0, 2, 3, 1)[changed] == GREY).all()
    augmented = dataset(manifest, dataclasses.replace(PLAIN, rand_augment=9), augment=True)[rows]["inputs"]
    assert (augmented != plain).flatten(1).any(dim=1).sum() > 4


def test_mixup_mixes_images_targets_and_what_is_known(manifest, tmp_path):
    (tmp_path / "04.png").write_bytes(b"")
    options = dataclasses.replace(PLAIN, mixup=1.0)
    train = dataset(manifest, options, augment=True)
    batch = train[(1, [0, 1, 2, 3])]
    assert batch["inputs"].dtype == torch.uint8
    assert batch["targets"].dtype == torch.float32
    assert batch["unreadable"].tolist() == [4]
    assert not batch["mask"].all()
    assert torch.equal(batch["mask"].any(dim=1), batch["mask"].all(dim=1))
    plain = dataset(manifest)[[0, 1, 2, 3]]
    assert not torch.equal(batch["inputs"], plain["inputs"])
    # The images tell the pairs and their proportions, and the targets must be mixed in the same way.
    flat = plain["inputs"].flatten(1).double()
    weights = torch.linalg.lstsq(flat.T, batch["inputs"].flatten(1).double().T).solution.T
    known = batch["mask"].all(dim=1)
    assert torch.allclose((weights @ plain["targets"].double())[known], batch["targets"].double()[known], atol=0.02)
    assert not torch.equal(train[(2, [0, 1, 2, 3])]["targets"], batch["targets"])


@pytest.mark.parametrize("mixup", [0.0, 0.4])
def test_batches_are_the_same_in_any_number_of_processes(manifest, mixup):
    train = dataset(manifest, dataclasses.replace(CHANGED, mixup=mixup), augment=True, seed=5)
    wanted = [(2, [7, 0, 3]), (2, [1, 2, 6]), (2, [4, 5])]
    loaders = [DataLoader(train, sampler=wanted, batch_size=None, num_workers=count) for count in (0, 1, 2)]
    for here, one, two in zip(*loaders, strict=True):
        assert list(here) == list(one) == list(two)
        for name in here:
            assert torch.equal(here[name], one[name])
            assert torch.equal(here[name], two[name])


def test_a_data_set_can_be_sent_to_another_process(manifest):
    train = dataset(manifest, CHANGED, augment=True)
    assert torch.equal(pickle.loads(pickle.dumps(train))[[0, 1]]["inputs"], train[[0, 1]]["inputs"])


def test_global_generators_are_left_alone(manifest):
    np.random.seed(0)  # noqa: NPY002
    torch.manual_seed(0)
    states = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    dataset(manifest, dataclasses.replace(CHANGED, mixup=1.0), augment=True)[[0, 1, 2]]
    assert (np.random.get_state()[1] == states[0]).all()  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), states[1])


def test_without_pillow_there_is_no_data_set(manifest, monkeypatch):
    def missing():
        raise ModuleNotFoundError('pip install "lopsided[vision]"')

    monkeypatch.setattr(module, "check_pillow", missing)
    with pytest.raises(ModuleNotFoundError, match="vision"):
        dataset(manifest)


def test_the_pairs_of_mixup_depend_on_seed_epoch_and_batch(manifest):
    options, rows = dataclasses.replace(PLAIN, mixup=1.0), [0, 1, 2, 3, 4, 5]

    def mixed(seed, epoch, positions):
        return dataset(manifest, options, augment=True, seed=seed)[(epoch, positions)]["inputs"]

    usual = mixed(0, 0, rows)
    assert torch.equal(usual, mixed(0, 0, rows))
    others = [mixed(1, 0, rows), mixed(0, 1, rows), mixed(1, 1, rows)]
    assert all(not torch.equal(one, other) for one, other in itertools.combinations([usual, *others], 2))
    turned = mixed(0, 0, rows[::-1]).flip(0)
    assert not torch.equal(turned, usual)


def test_samples_that_cannot_be_opened_are_masked_beside_what_was_unknown_already(manifest, tmp_path):
    (tmp_path / "01.png").write_bytes(b"")
    targets = manifest.labels.dense(range(len(manifest)))[0]
    unknown = np.zeros_like(targets)
    unknown[0, 0] = True
    labels = Labels(manifest.labels.names, csr_array(targets & ~unknown), csr_array(unknown))
    batch = dataset(dataclasses.replace(manifest, labels=labels))[[0, 1, 2]]
    assert batch["mask"].tolist() == [[False, True], [False, False], [True, True]]
    assert batch["targets"][1].tolist() == [0, 0]
    assert batch["unreadable"].tolist() == [1]


@pytest.mark.parametrize("kind", [object, "U5"])
def test_paths_are_an_array_of_texts_of_any_length(tmp_path, kind):
    labels = Labels(("cat",), csr_array(np.ones((2, 1), dtype=bool)))
    with pytest.raises(DataError, match=r"expected paths to be a StringDType array of shape \(samples,\), got "):
        Manifest("pets", tmp_path, np.array(["a.jpg", "b.jpg"], dtype=kind), labels, np.array(["train", "train"]))
