import torch

from lopsided.training.loaders import EpochBatches


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


def test_ranks_take_equally_many_training_steps():
    ranks = [list(EpochBatches(41, 5, seed=1, rank=rank, num_ranks=2)) for rank in (0, 1)]
    assert [len(rank) for rank in ranks] == [5, 5]


def test_ranks_read_each_validation_sample_once():
    ranks = [list(EpochBatches(41, 5, seed=None, rank=rank, num_ranks=2)) for rank in (0, 1)]
    assert sorted(sum(sum(ranks, []), [])) == list(range(41))
