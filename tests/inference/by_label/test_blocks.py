import numpy as np
import pytest
import torch

from lopsided.inference.by_label.blocks import blocks_of
from lopsided.inference.scores import scores_of


def whole(blocks):
    found = list(blocks)
    assert len(found) == 4
    mask = None if found[0].mask is None else torch.cat([block.mask for block in found], dim=1)
    return torch.cat([block.logits for block in found], dim=1), torch.cat([b.targets for b in found], dim=1), mask


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("way", ["known", "unknown", "negatives"])
def test_blocks_are_the_scores_of_the_split(trained, by_label, sparse, way):
    run, data = trained(sparse=sparse, way=way)
    scores = scores_of(run, run.load(), data, split="test")
    assert blocks_of(run, run.load(), data, split="test") is None
    by_label()
    blocks = blocks_of(run, run.load(), data, split="test")
    logits, targets, mask = whole(blocks)
    torch.testing.assert_close(logits, scores.logits)
    assert torch.equal(targets, scores.targets)
    assert (mask is None) if scores.mask is None else torch.equal(mask, scores.mask)
    some = next(blocks.some(20 * 23))
    torch.testing.assert_close(some.logits, scores.logits[::3][:, some.part])
    assert torch.equal(some.targets, scores.targets[::3][:, some.part])


def test_what_goes_into_the_last_layer_is_kept_and_no_scores(trained, by_label, capsys):
    run, data = trained()
    by_label()
    first = blocks_of(run, run.load(), data, split="test")
    kept = list(run.scores.glob("*.npz"))
    with np.load(kept[0]) as arrays:
        assert arrays["logits"].shape == first.source.features.shape
    written = kept[0].stat().st_mtime_ns
    assert torch.equal(blocks_of(run, run.load(), data, split="test").source.features, first.source.features)
    assert [path.stat().st_mtime_ns for path in run.scores.glob("*.npz")] == [written]
    assert "60 samples x 23 labels are measured some labels at a time" in capsys.readouterr().err


def test_nothing_is_kept_where_that_is_asked_for(trained, by_label):
    run, data = trained()
    by_label()
    blocks_of(run, run.load(), data, split="test", keep=False)
    assert not run.scores.exists()
