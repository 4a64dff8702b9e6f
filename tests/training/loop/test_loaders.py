import time
from multiprocessing import current_process, resource_sharer
from multiprocessing.connection import Client

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from torch.utils.data import Dataset

from lopsided.data import Labels
from lopsided.training.loop.loaders import EpochBatches, balanced_weights, loader, num_workers


def test_an_epoch_holds_every_sample_once():
    batches = list(EpochBatches(23, 5, seed=0))
    assert [len(batch) for batch in batches] == [5, 5, 5, 5, 3]
    assert sorted(sum(batches, [])) == list(range(23))


def test_the_order_depends_on_the_seed_and_the_epoch_alone():
    def order(seed, epoch):
        batches = EpochBatches(50, 8, seed=seed)
        batches.set_epoch(epoch)
        torch.rand(3)
        return list(batches)

    assert order(0, 3) == order(0, 3)
    assert order(0, 3) != order(0, 4)
    assert order(0, 3) != order(1, 3)


def test_ranks_share_the_batches_of_one_process():
    whole = list(EpochBatches(40, 5, seed=1))
    ranks = [list(EpochBatches(40, 5, seed=1, rank=rank, num_ranks=2)) for rank in (0, 1)]
    assert [batch for pair in zip(*ranks, strict=True) for batch in pair] == whole


@pytest.mark.parametrize(("samples", "sizes"), [(21, [5, 5, 5, 6]), (22, [5, 5, 5, 5, 2]), (20, [5] * 4), (1, [1])])
def test_a_last_batch_that_is_too_small_is_part_of_the_one_before_it(samples, sizes):
    batches = list(EpochBatches(samples, 5, seed=3, smallest=2))
    assert [len(batch) for batch in batches] == sizes
    assert sum(batches, []) == sum(EpochBatches(samples, 5, seed=3), [])
    ranks = [EpochBatches(samples, 5, seed=3, rank=rank, num_ranks=2, smallest=2) for rank in (0, 1)]
    assert [len(rank) for rank in ranks] == [-(-len(sizes) // 2)] * 2
    assert [next(iter(rank)) for rank in ranks] == [batches[0], batches[1 % len(batches)]]


def test_ranks_take_equally_many_training_steps():
    ranks = [list(EpochBatches(41, 5, seed=1, rank=rank, num_ranks=2)) for rank in (0, 1)]
    assert [len(rank) for rank in ranks] == [5, 5]


def test_ranks_read_each_validation_sample_once():
    ranks = [list(EpochBatches(41, 5, seed=None, rank=rank, num_ranks=2)) for rank in (0, 1)]
    assert sorted(sum(sum(ranks, []), [])) == list(range(41))


def test_the_epoch_comes_with_the_positions_where_data_is_augmented():
    batches = EpochBatches(5, 3, seed=0, with_epoch=True)
    batches.set_epoch(4)
    assert [epoch for epoch, _ in batches] == [4, 4]
    assert sorted(sum((positions for _, positions in batches), [])) == list(range(5))


def test_balanced_sampling_draws_every_label_equally_often():
    positives = np.zeros((1000, 4), dtype=bool)
    positives[:900, 0] = True
    positives[890:950, 1] = True
    positives[950:960, 2] = True  # nobody has the last label, and 40 samples have none
    labels = Labels(("a", "b", "c", "d"), csr_array(positives))
    batches = EpochBatches(1000, 50, seed=0, weights=balanced_weights(labels))
    drawn = []
    for epoch in range(40):
        batches.set_epoch(epoch)
        drawn += sum(batches, [])
    assert len(drawn) == 40_000
    counts = positives[drawn].sum(axis=0)
    without = (~positives[drawn].any(axis=1)).sum()
    # Ten samples have two labels, so a draw for the one is now and then one for the other.
    assert counts[1:3].tolist() == pytest.approx([10_000, 10_000], rel=0.05)
    assert without == pytest.approx(10_000, rel=0.05)
    assert counts[0] > 9_500
    assert counts[3] == 0


def test_processes_for_batches_are_for_images(make_manifest, table):
    assert num_workers(None, table) == 0
    assert num_workers(3, table) == 3
    assert 1 <= num_workers(None, make_manifest(4)) <= 8
    assert num_workers(None, make_manifest(4), devices=1000) == 1


@pytest.mark.parametrize("weights", [None, torch.ones(50)])
def test_no_two_seeds_share_the_order_of_any_epochs(weights):
    orders = set()
    for seed in range(5):
        batches = EpochBatches(50, 8, seed=seed, weights=weights)
        for epoch in range(5):
            batches.set_epoch(epoch)
            orders.add(tuple(map(tuple, batches)))
    assert len(orders) == 25


def test_unknown_labels_count_as_no_positives_of_balanced_sampling():
    known = Labels(("a", "b"), csr_array(np.array([[True, False], [True, True], [False, False], [False, True]])))
    unknown = csr_array(np.array([[False, True], [False, False], [True, True], [False, False]]))
    masked = Labels(known.names, known.positives, unknown)
    weights = balanced_weights(masked)
    assert weights.tolist() == balanced_weights(known).tolist() == [0.5, 1.0, 1.0, 0.5]


def test_samples_are_drawn_in_proportion_to_their_weights():
    weights = torch.tensor([0.0, 1.0, 3.0, 0.0])
    drawn = []
    batches = EpochBatches(4, 4, seed=0, weights=weights)
    for epoch in range(2000):
        batches.set_epoch(epoch)
        drawn += sum(batches, [])
    counts = np.bincount(drawn, minlength=4)
    assert counts[[0, 3]].tolist() == [0, 0]
    assert counts[2] / counts.sum() == pytest.approx(0.75, abs=0.02)


def test_the_last_batch_holds_what_is_left_and_all_come_in_their_order_without_a_seed():
    batches = EpochBatches(7, 3, seed=None)
    assert len(batches) == 3
    assert list(batches) == [[0, 1, 2], [3, 4, 5], [6]]


class Hands(Dataset):
    """What a worker needs to be asked for what it hands over: where its thread listens."""

    def __getitem__(self, positions):
        return resource_sharer.DupFd(0)._id[0]


def test_a_worker_says_nothing_when_the_process_it_works_for_is_gone_before_it_took_a_batch(capfd):
    """Found on a busy machine: a traceback of the thread stood behind the one line that names the error."""
    for where in loader(Hands(), [[0]], workers=1):
        Client(where, authkey=current_process().authkey).close()
        time.sleep(0.5)
    assert capfd.readouterr().err == ""
