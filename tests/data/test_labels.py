import numpy as np
import pytest
from scipy.sparse import csr_array, csr_matrix

from lopsided.data import DataError, Labels, hide_positives


def labels_of(targets, unknown=None):
    targets = np.array(targets, dtype=bool)
    names = tuple(f"label {i}" for i in range(targets.shape[1]))
    return Labels(names, csr_array(targets), None if unknown is None else csr_array(np.array(unknown, dtype=bool)))


def test_a_batch_has_targets_in_the_order_asked_for():
    targets, mask = labels_of([[1, 0], [0, 1], [1, 1]]).dense([2, 0, 2])
    assert targets.tolist() == [[True, True], [True, False], [True, True]]
    assert targets.dtype == bool
    assert mask is None


def test_the_mask_is_true_where_the_truth_is_known():
    _, mask = labels_of([[1, 0], [0, 1]], [[0, 1], [0, 0]]).dense(np.array([0, 1]))
    assert mask is not None
    assert mask.tolist() == [[True, False], [True, True]]


def test_taking_samples_keeps_names_and_unknowns():
    taken = labels_of([[1, 0], [0, 1], [0, 0]], [[0, 0], [0, 0], [1, 0]]).take([2, 1])
    assert len(taken) == 2
    assert taken.names == ("label 0", "label 1")
    assert taken.dense([0, 1])[1].tolist() == [[False, True], [True, True]]


def test_taking_no_sample_gives_empty_labels():
    assert len(labels_of([[1, 0]]).take([])) == 0


def test_entries_stored_twice_or_stored_as_false_count_as_they_should():
    doubled = csr_array((np.array([True, True, False]), np.array([1, 1, 0]), np.array([0, 3])), shape=(1, 2))
    labels = Labels(("a", "b"), doubled)
    assert labels.positives.nnz == 1
    assert labels.dense([0])[0].tolist() == [[False, True]]
    assert doubled.nnz == 3  # what the caller holds is not touched


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "at least one label"),
        (("a", "a"), "distinct, got 'a' twice"),
        (("a", " "), "not empty"),
        (("a", 3), "not empty, got 3"),
        (("a",), r"one column per label name \(1\), got 2"),
    ],
)
def test_names_that_do_not_fit_are_refused(names, message):
    with pytest.raises(DataError, match=message):
        Labels(names, csr_array(np.ones((1, 2), dtype=bool)))


@pytest.mark.parametrize("positives", [np.ones((1, 2), dtype=bool), csr_matrix((1, 2), dtype=bool), csr_array((1, 2))])
def test_positives_of_another_type_are_refused(positives):
    with pytest.raises(DataError, match="must be a csr_array of bool"):
        Labels(("a", "b"), positives)


def test_a_label_that_is_both_positive_and_unknown_is_refused():
    with pytest.raises(DataError, match="got both for 'label 1' of sample 0"):
        labels_of([[1, 1]], [[0, 1]])


def test_unknowns_of_another_shape_are_refused():
    with pytest.raises(DataError, match="shape of positives"):
        labels_of([[1, 1]], [[0, 0], [0, 0]])


def test_hiding_takes_the_share_asked_for_and_only_from_the_rows_named():
    labels = labels_of(np.ones((100, 3)))
    hidden = hide_positives(labels, range(40), share=0.25, seed=0)
    assert hidden.positives[:40].sum() == 90
    assert hidden.positives[40:].sum() == 180
    assert labels.positives.sum() == 300


def test_hiding_adds_no_positive_and_keeps_unknowns():
    labels = labels_of([[1, 0, 0], [1, 1, 0]], [[0, 1, 0], [0, 0, 1]])
    hidden = hide_positives(labels, [0, 1], share=0.5, seed=3)
    assert not (hidden.positives.toarray() & ~labels.positives.toarray()).any()
    assert hidden.unknown is labels.unknown


def test_a_larger_share_hides_all_that_a_smaller_one_hides():
    labels = labels_of(np.ones((50, 4)))
    few, many = (hide_positives(labels, range(50), share=share, seed=7).positives.toarray() for share in (0.2, 0.6))
    assert not (many & ~few).any()


def test_hiding_follows_the_seed():
    labels = labels_of(np.ones((50, 4)))
    one, same, other = (hide_positives(labels, range(50), share=0.5, seed=s).positives.toarray() for s in (1, 1, 2))
    assert (one == same).all()
    assert (one != other).any()


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_outside_0_to_1_is_refused(share):
    with pytest.raises(DataError, match=r"must be in \[0, 1\]"):
        hide_positives(labels_of([[1]]), [0], share=share, seed=0)
