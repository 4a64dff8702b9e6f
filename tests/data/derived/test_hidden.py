import numpy as np
import pytest
from scipy.sparse import csr_array

from lopsided.data import DataError, Labels, make_unknown
from lopsided.data.derived.hidden import Hidden, count_hidden
from tests.data.test_labels import in_both_ways, labels_of, states_of

DRAWN = np.random.default_rng(3).integers(3, size=(60, 5))  # 0 negative, 1 positive, 2 unknown


def test_each_label_of_the_rows_named_becomes_unknown_with_the_chance_asked_for():
    positive = np.random.default_rng(0).random((4000, 10)) < 0.2
    states = np.array(states_of(make_unknown(labels_of(positive), range(3000), share=0.3, seed=0)))
    assert (states[3000:] != 2).all()
    for kind in (positive, ~positive):  # negatives as often as positives
        assert (states[:3000][kind[:3000]] == 2).mean() == pytest.approx(0.3, abs=0.02)


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_what_stays_known_stays_as_it_was_whichever_way_the_unknown_is_said(share):
    one, other = (make_unknown(labels, range(40), share=share, seed=4) for labels in in_both_ways(DRAWN))
    states = np.array(states_of(one))
    assert states.tolist() == states_of(other)
    changed = states != DRAWN
    assert (states[changed] == 2).all()
    assert not changed[40:].any()
    assert changed.any() == (share > 0)
    assert share < 1 or (states[:40] == 2).all()


def test_a_larger_share_makes_unknown_all_that_a_smaller_one_does():
    few, many = (
        np.array(states_of(make_unknown(labels_of(np.ones((50, 4))), range(50), share=s, seed=7))) for s in (0.2, 0.6)
    )
    assert not ((few == 2) & (many != 2)).any()


def test_what_becomes_unknown_follows_the_seed_and_not_the_order_of_rows():
    labels = labels_of(np.ones((50, 4)))
    one, same, other = (
        states_of(make_unknown(labels, rows, share=0.5, seed=seed))
        for rows, seed in ((range(50), 1), (range(49, -1, -1), 1), (range(50), 2))
    )
    assert one == same != other


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_outside_0_to_1_is_refused(share):
    with pytest.raises(DataError, match=r"labels to make unknown in \[0, 1\]"):
        make_unknown(labels_of([[1]]), [0], share=share, seed=0)


@pytest.mark.parametrize("labels", in_both_ways(DRAWN), ids=["unknown", "negatives"])
def test_both_ways_of_hiding_are_counted_apart(labels):
    found = Hidden(missing=0.5, unknown=0.3).applied(labels, range(60), seed=1)
    before, after = np.array(states_of(labels)), np.array(states_of(found))
    assert count_hidden(found, labels) == (
        ((before == 1) & (after == 0)).sum(),
        (after == 2).sum() - (before == 2).sum(),
    )
    assert min(count_hidden(found, labels)) > 5
    assert count_hidden(labels, labels) == (0, 0)


def test_many_labels_are_drawn_in_parts(monkeypatch):
    whole = states_of(make_unknown(labels_of(np.ones((50, 4))), range(50), share=0.5, seed=1))
    monkeypatch.setattr("lopsided.data.derived.hidden._AT_ONCE", 12)
    assert states_of(make_unknown(labels_of(np.ones((50, 4))), range(50), share=0.5, seed=1)) == whole
    empty = Labels(("a",), csr_array(np.ones((2, 1), dtype=bool)))
    assert states_of(make_unknown(empty, [], share=0.5, seed=1)) == [[1], [1]]
