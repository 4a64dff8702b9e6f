"""The backbone and the data set of images stand in for the real ones: a mean over places, and bytes on disk."""

import json
import os
import pickle
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from torch import nn

from lopsided.data import Inputs, Labels, Manifest
from lopsided.models import ImageNetwork, Pixels
from lopsided.models.images.backbones import Backbone
from lopsided.training import frozen_features as module
from lopsided.training.frozen_features import default_cache, frozen_features, weights_digest

SIZE = 4


@dataclass(frozen=True)
class Options:
    size: int = SIZE
    resize: str = "squash"


class FileBytes(Manifest):
    """Files hold one byte, the colour of the whole image; an empty one cannot be read."""

    seen: ClassVar[list[int]]  # sample numbers, over all instances

    def inputs(self, options=None):
        return Inputs("images", (3, SIZE, SIZE))

    def batch(self, rows, options, *, draw):
        assert draw is None
        FileBytes.seen += rows.tolist()
        contents = [self.path(row).read_bytes() for row in rows]
        colours = torch.tensor([content[0] if content else 128 for content in contents], dtype=torch.uint8)
        batch = {
            "inputs": colours.view(-1, 1, 1, 1).expand(-1, 3, options.size, options.size).contiguous(),
            "rows": torch.from_numpy(rows),
        }
        unreadable = [int(row) for row, content in zip(rows, contents, strict=True) if not content]
        return batch | ({"unreadable": torch.tensor(unreadable)} if unreadable else {})


class Means(nn.Module):
    """As a network of timm: a weighted mean of each colour, or a map of two by two places of it."""

    head_hidden_size = 3

    def __init__(self, side):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([1.0, 2.0, 3.0]))
        self.pool = nn.AdaptiveAvgPool2d(side)
        self.flat = side == 1

    def forward(self, images):
        means = self.pool(images) * self.weight.view(-1, 1, 1)
        return means.flatten(1) if self.flat else means


def network(*, pooled=True):
    backbone = Backbone(Means(1 if pooled else 2), name="means", pooled=pooled, origin="random weights")
    return ImageNetwork(Pixels(), backbone, nn.Linear(3, 2), frozen=True)


@pytest.fixture(autouse=True)
def shards_of_ten(monkeypatch):
    FileBytes.seen = []
    monkeypatch.setattr(module, "SHARD", 10)


@pytest.fixture
def manifest(tmp_path):
    """25 images, whose colour is their number times ten."""
    root = tmp_path / "images"
    root.mkdir()
    for row in range(25):
        (root / f"{row}.img").write_bytes(bytes([row * 10]))
    paths = np.array([f"{row}.img" for row in range(25)], dtype=np.dtypes.StringDType())
    targets = np.arange(25)[:, None] % [2, 3] == 0
    splits = np.array(["train", "test", "train", "val", "train"] * 5)
    return FileBytes("colours", root, paths, Labels(("even", "third"), csr_array(targets)), splits)


def computed(manifest, cache, **settings):
    settings = {"network": network(), "images": Options(), "cache": cache, "batch_size": 4, **settings}
    return frozen_features(manifest, **settings)


def test_every_image_becomes_the_features_of_the_backbone(manifest, tmp_path):
    table = computed(manifest, tmp_path / "cache").table
    wanted = np.outer(np.arange(25) * 10 / 255, [1, 2, 3])
    assert table.features.dtype == np.float32
    assert np.allclose(table.features, wanted)
    assert (table.splits == manifest.splits).all()
    assert (table.labels.positives != manifest.labels.positives).nnz == 0
    assert table.labels.unknown is None
    assert table.name == "colours"


def test_a_head_that_takes_maps_gets_maps(manifest, tmp_path):
    table = computed(manifest, tmp_path, network=network(pooled=False)).table
    assert table.input_shape == (3, 2, 2)
    assert np.allclose(table.features[:, 1, 0, 1], np.arange(25) * 20 / 255)


def test_the_second_time_no_image_is_opened(manifest, tmp_path):
    first = computed(manifest, tmp_path)
    assert sorted(FileBytes.seen) == list(range(25))
    FileBytes.seen = []
    second = computed(manifest, tmp_path)
    assert FileBytes.seen == []
    assert (second.table.features == first.table.features).all()
    assert json.loads((second.folder / "about.json").read_text())["backbone"] == "means"


def test_an_interrupted_pass_goes_on_after_its_last_whole_file(manifest, tmp_path, monkeypatch):
    whole = computed(manifest, tmp_path / "whole")
    cache = tmp_path / "cache"
    with monkeypatch.context() as patch:
        patch.setattr(ImageNetwork, "features", _stops_at(6))  # the shape, then batches of 4 4 2 | 4 4 2 | 4 1
        with pytest.raises(KeyboardInterrupt):
            computed(manifest, cache)
    FileBytes.seen = []
    again = computed(manifest, cache)
    assert sorted(FileBytes.seen) == list(range(10, 25))
    assert (again.table.features == whole.table.features).all()
    assert not list(again.folder.glob("*.part"))


def _stops_at(call):
    features, made = ImageNetwork.features, []

    def counted(self, images):
        made.append(images)
        if len(made) == call:
            raise KeyboardInterrupt
        return features(self, images)

    return counted


class Trap:
    def __init__(self, place):
        self.place = str(place)

    def __reduce__(self):
        return os.mkdir, (self.place,)


def _pickled(path):
    path.write_bytes(pickle.dumps(Trap(path.with_name("sprung"))))


def _pickled_array(path):
    objects = np.array([Trap(path.with_name("sprung"))] * 10, dtype=object)
    np.savez(path, features=objects, unreadable=objects)


def _of_another_type(path):
    np.savez(path, features=np.zeros((10, 3), "S4"), unreadable=np.zeros(0))


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-9]),
        Path.unlink,
        _pickled,
        _pickled_array,
        _of_another_type,
        lambda path: path.write_bytes(b"\x93NUMPY\x01\x00\x0b\x00{'descr': ((\n"),
    ],
)
def test_a_damaged_or_lost_file_is_computed_again(manifest, tmp_path, damage):
    first = computed(manifest, tmp_path)
    damage(sorted(first.folder.glob("*.npz"))[1])
    FileBytes.seen = []
    again = computed(manifest, tmp_path)
    assert sorted(FileBytes.seen) == list(range(10, 20))
    assert not list(tmp_path.rglob("sprung"))
    assert (again.table.features == first.table.features).all()


def _other_weights():
    changed = network()
    changed.backbone.network.weight.data += 1
    return changed


def _other_colours():
    changed = network()
    changed.pixels = Pixels([0.5] * 3, [0.5] * 3)
    return changed


@pytest.mark.parametrize(
    "settings",
    [
        {"network": _other_weights},
        {"network": _other_colours},
        {"network": lambda: network(pooled=False)},
        {"images": lambda: Options(size=5)},
        {"images": lambda: Options(resize="crop")},
    ],
)
def test_whatever_decides_the_features_decides_the_folder(manifest, tmp_path, settings):
    first = computed(manifest, tmp_path)
    FileBytes.seen = []
    other = computed(manifest, tmp_path, **{name: make() for name, make in settings.items()})
    assert other.folder != first.folder
    assert len(FileBytes.seen) == 25


def test_features_of_another_format_are_left_alone(manifest, tmp_path, monkeypatch):
    today = computed(manifest, tmp_path)
    FileBytes.seen = []
    monkeypatch.setattr(module, "FORMAT", module.FORMAT + 1)
    newer = computed(manifest, tmp_path)
    assert sorted(FileBytes.seen) == list(range(25))
    assert newer.folder != today.folder
    assert today.folder.is_dir()


def test_a_changed_image_is_noticed(manifest, tmp_path):
    first = computed(manifest, tmp_path / "cache")
    manifest.path(3).write_bytes(bytes([7, 0]))
    again = computed(manifest, tmp_path / "cache")
    assert again.folder != first.folder
    assert np.allclose(again.table.features[3, 0], 7 / 255)


def test_the_head_and_the_labels_do_not_matter_to_the_cache(manifest, tmp_path):
    computed(manifest, tmp_path)
    FileBytes.seen = []
    other = network()
    other.head = nn.Linear(3, 9)
    moved = replace(manifest, splits=np.full(25, "train"), name="renamed")
    assert computed(moved, tmp_path, network=other).table.split_names == ("train",)
    assert FileBytes.seen == []


def test_unreadable_images_are_named_and_know_no_label_at_once_and_from_the_cache(manifest, tmp_path):
    for row in (23, 2, 11):
        manifest.path(row).write_bytes(b"")
    manifest = replace(manifest, truth=manifest.labels)
    for _ in range(2):
        result = computed(manifest, tmp_path / "cache")
        assert result.unreadable.tolist() == [2, 11, 23]
        for labels in (result.table.labels, result.table.truth):
            targets, mask = labels.dense(range(25))
            assert np.flatnonzero(~mask.all(axis=1)).tolist() == [2, 11, 23]
            assert not mask[[2, 11, 23]].any()
            readable = np.delete(np.arange(25), [2, 11, 23])
            assert (targets[readable] == manifest.labels.dense(readable)[0]).all()


def test_workers_give_the_same(manifest, tmp_path):
    one, two = (computed(manifest, tmp_path / str(count), workers=count).table.features for count in (0, 1))
    assert (one == two).all()


def test_the_network_is_left_in_the_mode_that_it_came_in(manifest, tmp_path):
    for training in (True, False):
        model = network().train(training)
        computed(manifest, tmp_path, network=model)
        assert model.training is training


def test_features_that_do_not_fit_into_memory_are_refused_before_any_image(manifest, tmp_path, monkeypatch):
    monkeypatch.setattr(module.os, "sysconf", lambda name: 16)
    with pytest.raises(ValueError, match=r"expected features of 25 images of shape \(3,\) to fit into memory"):
        computed(manifest, tmp_path)
    assert FileBytes.seen == []


def test_the_digest_tells_weights_names_and_types_apart():
    layers = [nn.Linear(2, 2, bias=False) for _ in range(2)]
    assert weights_digest(layers[0]) != weights_digest(layers[1])
    layers[1].load_state_dict(layers[0].state_dict())
    assert weights_digest(layers[0]) == weights_digest(layers[1])
    assert weights_digest(nn.Sequential(layers[0])) != weights_digest(layers[0])
    assert weights_digest(layers[0].double()) != weights_digest(layers[1])
    assert weights_digest(nn.BatchNorm2d(3).bfloat16())  # a count without dimensions, a type that numpy lacks


def test_the_default_folder_is_the_users_cache(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "somewhere")
    assert default_cache() == Path("somewhere/lopsided/features")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert default_cache() == Path.home() / ".cache/lopsided/features"


def test_a_file_that_was_written_anew_with_as_many_bytes_is_read_anew(manifest, tmp_path):
    before = computed(manifest, tmp_path / "cache").table.features
    path = manifest.path(3)
    about = path.stat()
    path.write_bytes(bytes([200]))
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns + 1_000_000))
    after = computed(manifest, tmp_path / "cache").table.features
    assert np.allclose(after[3], np.multiply(200 / 255, [1, 2, 3]))
    assert (np.delete(after, 3, axis=0) == np.delete(before, 3, axis=0)).all()


@pytest.mark.parametrize("was_training", [False, True])
def test_features_are_those_of_evaluation_whatever_mode_the_network_was_in(manifest, tmp_path, was_training):
    net, modes, forward = network(), set(), Means.forward
    net.frozen = False  # one whose backbone is in the mode of the rest

    class Watched(Means):
        def forward(self, images):
            modes.add(self.training)
            return forward(self, images)

    net.backbone.network.__class__ = Watched
    net.train(was_training)
    computed(manifest, tmp_path / "cache", network=net)
    assert modes == {False}
    assert net.training == was_training
