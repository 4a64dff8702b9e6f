"""A network made by hand, without any training."""

import dataclasses

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from torch import nn

from lopsided.data import ImageOptions, Inputs, Labels, Table
from lopsided.inference.scoring import collected, same_labels, scored_batches
from lopsided.runs.folder import Trained
from lopsided.runs.loss.calibrators import ClosedForm

FEATURES = np.arange(24, dtype=np.float32).reshape(8, 3)
TARGETS = np.array([[True, False], [False, True]] * 4)
UNKNOWN = np.array([[False, True]] * 2 + [[False, False]] * 6)


@pytest.fixture
def table():
    splits = np.array(["train", "test"] * 4)
    labels = Labels(("a", "b"), csr_array(TARGETS & ~UNKNOWN), csr_array(UNKNOWN))
    return Table("made", FEATURES, labels, splits, feature_names=("x", "y", "z"))


@pytest.fixture
def trained():
    model = nn.Linear(3, 2, bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[1.0, 0, 0], [0, 10, 100]]))
    closed = ClosedForm(0, 0, 0, False)
    inputs = Inputs("features", (3,), ("x", "y", "z"))
    return Trained(model, ("a", "b"), inputs, 1, ImageOptions(), closed, closed, "0" * 16)


@pytest.mark.parametrize("batch_size", [1, 3, 4, 100])
def test_the_samples_of_a_split_are_scored_in_their_order(trained, table, batch_size):
    found = collected(trained, table, split="test", batch_size=batch_size)
    rows = FEATURES[1::2]
    assert found.logits.tolist() == np.stack([rows[:, 0], 10 * rows[:, 1] + 100 * rows[:, 2]], axis=1).tolist()
    assert found.targets.tolist() == (TARGETS & ~UNKNOWN)[1::2].tolist()
    assert found.mask.tolist() == (~UNKNOWN)[1::2].tolist()
    assert found.unreadable == []
    assert not found.logits.requires_grad


def test_batches_say_which_samples_they_hold(trained, table):
    batches = [batch["rows"].tolist() for _, batch in scored_batches(trained, table, split="test", batch_size=3)]
    assert batches == [[1, 3, 5], [7]]


@pytest.mark.parametrize("wanted", [0, 3])
def test_images_are_opened_by_as_many_processes_as_wanted(trained, table, monkeypatch, wanted):
    used = []
    monkeypatch.setattr(
        "lopsided.inference.scoring.loader", lambda dataset, batches, *, workers: used.append(workers) or []
    )
    assert list(scored_batches(trained, table, split="test", batch_size=3, workers=wanted)) == []
    assert used == [wanted]


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 0, 1), (1, 0, 2)])
def test_named_features_are_put_in_the_order_that_the_network_knows(trained, table, order):
    names = tuple("xyz"[k] for k in order)
    turned = dataclasses.replace(table, features=FEATURES[:, list(order)], feature_names=names)
    usual, found = (collected(trained, data, split="train", batch_size=4).logits for data in (table, turned))
    assert torch.equal(usual, found)


def test_features_without_names_are_taken_as_they_stand(trained, table):
    turned = dataclasses.replace(table, features=FEATURES[:, ::-1].copy(), feature_names=())
    found = collected(trained, turned, split="train", batch_size=4).logits
    assert found[:, 0].tolist() == FEATURES[::2, 2].tolist()


def test_inputs_that_the_network_does_not_know_are_refused(trained, table):
    narrow = dataclasses.replace(table, features=FEATURES[:, :2], feature_names=())
    with pytest.raises(ValueError, match=r"expected inputs .* features of shape \(3,\), got features of shape \(2,\)"):
        collected(trained, narrow, split="test", batch_size=4)
    other = dataclasses.replace(table, feature_names=("x", "y", "w"))
    with pytest.raises(ValueError, match="to have the features of the run, got none named 'z'"):
        collected(trained, other, split="test", batch_size=4)


def test_features_that_the_run_does_not_know_are_left_out_and_the_first_five_named(trained, table, capsys):
    for count, said in ((5, "'a', 'b', 'c', 'd', 'e'\n"), (6, "'a', 'b', 'c', 'd', 'e' and more\n")):
        names = (*"abcdef"[:count], *"xyz")
        wide = dataclasses.replace(
            table, features=np.hstack([np.ones((8, count), np.float32), FEATURES]), feature_names=names
        )
        usual, found = (collected(trained, data, split="train", batch_size=4).logits for data in (table, wide))
        assert torch.equal(usual, found)
        assert capsys.readouterr().err == f"made: left out {count} columns that the run does not know: {said}"


def test_images_and_kernels_lie_in_memory_as_convolutions_are_fastest(trained, make_manifest):
    laid_out = []

    class Network(nn.Conv2d):
        def forward(self, inputs):
            laid_out.extend(part.is_contiguous(memory_format=torch.channels_last) for part in (inputs, self.weight))
            return super().forward(inputs.float()).mean(dim=(2, 3))

    of_images = dataclasses.replace(
        trained, model=Network(3, 2, 3), inputs=Inputs("images", (3, 16, 16)), images=ImageOptions(size=16)
    )
    assert collected(of_images, make_manifest(8), split="test", batch_size=2).logits.shape == (2, 2)
    assert laid_out == [True, True]


def test_other_labels_are_refused_with_the_first_difference(trained, table):
    same_labels(trained, table)

    def of(*names):
        labels = Labels(names, csr_array((8, len(names)), dtype=bool))
        return dataclasses.replace(table, labels=labels)

    with pytest.raises(ValueError, match="to have the 2 labels of the run, got 3"):
        same_labels(trained, of("a", "b", "c"))
    with pytest.raises(ValueError, match="expected label 1 to be 'b' as in the run, got 'c'"):
        same_labels(trained, of("a", "c"))
    with pytest.raises(ValueError, match="expected label 0 to be 'a' as in the run, got 'b'"):
        same_labels(trained, of("b", "a"))
