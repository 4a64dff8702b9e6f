import numpy as np
import pytest
from scipy.sparse import csr_array, csr_matrix

from lopsided.data import DataError, Labels, hide_positives


def labels_of(targets, unknown=None):
    targets = np.array(targets, dtype=bool)
    names = tuple(f"label {i}" for i in range(targets.shape[1]))
    return Labels(names, csr_array(targets), None if unknown is None else csr_array(np.array(unknown, dtype=bool)))


def in_both_ways(state):
    """Labels of one truth (0 negative, 1 positive, 2 unknown), with the unknown elements listed and the negatives."""
    state = np.array(state)
    negatives, positives, unknown = (csr_array(state == number) for number in (0, 1, 2))
    names = tuple(f"label {i}" for i in range(state.shape[1]))
    return Labels(names, positives, unknown), Labels(names, positives, negatives=negatives)


def states_of(labels):
    targets, mask = labels.dense(range(len(labels)))
    return np.where(mask, targets, 2).tolist()


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
    with pytest.raises(DataError, match="to be a csr_array of bool"):
        Labels(("a", "b"), positives)


def test_a_label_that_is_both_positive_and_unknown_is_refused():
    with pytest.raises(DataError, match="got both for 'label 1' of sample 0"):
        labels_of([[1, 1]], [[0, 1]])


def test_unknowns_of_another_shape_are_refused():
    with pytest.raises(DataError, match="shape of positives"):
        labels_of([[1, 1]], [[0, 0], [0, 0]])


def test_what_is_neither_positive_nor_a_listed_negative_is_unknown():
    _, labels = in_both_ways([[1, 2, 0], [2, 2, 2]])
    targets, mask = labels.dense([1, 0])
    assert targets.tolist() == [[False, False, False], [True, False, False]]
    assert mask.tolist() == [[False, False, False], [True, False, True]]


def test_both_ways_of_saying_what_is_unknown_say_the_same():
    state = np.random.default_rng(0).integers(3, size=(7, 5))
    for labels in in_both_ways(state):
        assert states_of(labels) == state.tolist()
        assert states_of(labels.take([6, 0, 6])) == state[[6, 0, 6]].tolist()
        assert labels.num_unknown == (state == 2).sum()
        assert labels.positives_per_label().tolist() == (state == 1).sum(axis=0).tolist()
        assert labels.known_per_label().tolist() == (state != 2).sum(axis=0).tolist()


def test_without_either_all_is_known():
    labels = labels_of([[1, 0], [1, 0], [0, 0]])
    assert labels.num_unknown == 0
    assert labels.positives_per_label().tolist() == [2, 0]
    assert labels.known_per_label().tolist() == [3, 3]


def test_both_ways_at_once_are_refused():
    nothing = csr_array((1, 1), dtype=bool)
    with pytest.raises(DataError, match="with unknown or with negatives, got both"):
        Labels(("a",), nothing, nothing, nothing)


def test_a_label_that_is_both_positive_and_negative_is_refused():
    positives = csr_array(np.array([[True, True]]))
    with pytest.raises(DataError, match="positive or negative, got both for 'b' of sample 0"):
        Labels(("a", "b"), positives, negatives=csr_array(np.array([[False, True]])))


def test_samples_without_labels_know_none_and_the_others_stay_as_they_were():
    state = np.random.default_rng(1).integers(3, size=(6, 4))
    emptied = state.copy()
    emptied[[5, 2]] = 2
    unknown_listed, negatives_listed = (labels.without([5, 2]) for labels in in_both_ways(state))
    assert states_of(unknown_listed) == states_of(negatives_listed) == emptied.tolist()
    assert unknown_listed.negatives is None
    assert negatives_listed.unknown is None
    assert states_of(labels_of([[1, 0], [0, 1]]).without(np.array([0]))) == [[2, 2], [0, 1]]


def test_without_no_sample_labels_stay_as_they_are():
    labels = labels_of([[1, 0]])
    assert labels.without(np.array([], dtype=np.int64)) is labels


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


def test_a_hidden_positive_is_a_known_negative_whichever_way_the_unknown_is_said():
    state = np.random.default_rng(2).integers(3, size=(20, 5))
    one, other = (hide_positives(labels, range(10), share=0.5, seed=4) for labels in in_both_ways(state))
    assert states_of(one) == states_of(other)
    assert other.num_unknown == (state == 2).sum()
    assert other.positives.nnz < (state == 1).sum()


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
    with pytest.raises(DataError, match=r"in \[0, 1\]"):
        hide_positives(labels_of([[1]]), [0], share=share, seed=0)


@pytest.mark.parametrize("name", ["a\nb", "\x1b[2Jcat", "cat\0", "\x9b31mcat", "a\u2028b", "\ud800", "a\tb"])
def test_a_name_that_commands_a_terminal_or_breaks_a_line_is_refused(name):
    with pytest.raises(DataError, match="one line of text without control characters, got '"):
        Labels((name,), csr_array(np.array([[True]])))
