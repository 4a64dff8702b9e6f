import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from torch.utils.data import BatchSampler, DataLoader, RandomSampler

from lopsided.data import DataError, Labels, SplitDataset, Table


def test_a_batch_is_a_dict_of_tensors_of_the_split(make_table):
    batch = SplitDataset(make_table(["train", "test", "train", "train"]), split="train")[[2, 0]]
    assert list(batch) == ["inputs", "targets", "rows"]
    assert batch["rows"].tolist() == [3, 0]
    assert batch["inputs"].tolist() == [[3.0], [0.0]]
    assert batch["targets"].tolist() == [[0, 1], [1, 1]]
    assert (batch["inputs"].dtype, batch["targets"].dtype) == (torch.float32, torch.uint8)
    assert batch["rows"].dtype == torch.int64


def test_the_mask_is_there_when_something_in_the_table_is_unknown(make_table):
    unknown = np.array([[False, True], [False, False]])
    batch = SplitDataset(make_table(["train", "train"], unknown=unknown), split="train")[[1, 0]]
    assert batch["mask"].dtype == torch.bool
    assert batch["mask"].tolist() == [[True, True], [True, False]]


def test_images_are_scaled_to_zero_to_one(make_table):
    images = np.full((2, 3, 4, 4), 255, np.uint8)
    images[1] = 51
    inputs = SplitDataset(make_table(["train", "train"], features=images), split="train")[[0, 1]]["inputs"]
    assert inputs.dtype == torch.float32
    assert inputs[0].unique().tolist() == [1.0]
    assert inputs[1].unique().item() == pytest.approx(0.2)


def test_sparse_features_become_dense(make_table):
    features = csr_array(np.array([[0, 1, 0], [2, 0, 0]], dtype=np.float32))
    inputs = SplitDataset(make_table(["train", "train"], features=features), split="train")[[1, 0]]["inputs"]
    assert inputs.tolist() == [[2, 0, 0], [0, 1, 0]]


def test_changing_a_batch_does_not_change_the_table(make_table):
    table = make_table(["train", "train"])
    SplitDataset(table, split="train")[[0, 1]]["inputs"].fill_(9)
    assert table.features.ravel().tolist() == [0.0, 1.0]


def test_a_loader_goes_through_every_sample_once(make_table):
    dataset = SplitDataset(make_table(["train", "test"] * 10), split="train")
    sampler = BatchSampler(RandomSampler(dataset), batch_size=4, drop_last=False)
    batches = list(DataLoader(dataset, batch_size=None, sampler=sampler))
    assert [len(batch["rows"]) for batch in batches] == [4, 4, 2]
    assert sorted(torch.cat([batch["rows"] for batch in batches]).tolist()) == list(range(0, 20, 2))


def test_a_single_number_is_no_batch(make_table):
    with pytest.raises(TypeError, match="expected a list of positions"):
        SplitDataset(make_table(["train"]), split="train")[0]


def test_a_split_that_is_not_there_is_refused(make_table):
    with pytest.raises(DataError, match="expected a split among train"):
        SplitDataset(make_table(["train"]), split="val")


@pytest.mark.parametrize("way", ["known", "unknown", "negatives"])
def test_sparse_targets_are_the_dense_ones_with_the_same_mask(way):
    draw = np.random.default_rng(0)
    has, other = draw.random((6, 4)) < 0.4, draw.random((6, 4)) < 0.4
    further = {} if way == "known" else {way: csr_array(other & ~has)}
    labels = Labels(("a", "b", "c", "d"), csr_array(has), **further)
    table = Table("made", np.zeros((6, 2), np.float32), labels, np.array(["train"] * 6))
    dense, sparse = (SplitDataset(table, split="train", sparse_targets=chosen)[[4, 0, 3]] for chosen in (False, True))
    assert sparse["targets"].layout == torch.sparse_csr
    assert torch.equal(sparse["targets"].to_dense(), dense["targets"].bool())
    assert set(sparse) == set(dense)
    for name in set(dense) - {"targets"}:
        assert torch.equal(sparse[name], dense[name]), name
