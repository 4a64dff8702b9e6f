import numpy as np
import pytest
from scipy.sparse import csr_array

from lopsided.data import DataError, Labels
from lopsided.data.readers.run_labels import aligned, unlabelled


def labels_of(names, targets, unknown=None):
    targets = csr_array(np.array(targets, dtype=bool))
    return Labels(names, targets, None if unknown is None else csr_array(np.array(unknown, dtype=bool)))


def test_columns_move_to_the_order_of_the_run():
    labels = aligned(labels_of(("a", "b", "c"), [[1, 0, 0], [0, 1, 1]], [[0, 0, 1], [0, 0, 0]]), ["c", "a", "b"])
    assert labels.names == ("c", "a", "b")
    assert labels.positives.toarray().astype(int).tolist() == [[0, 1, 0], [1, 0, 1]]
    assert labels.unknown.toarray().astype(int).tolist() == [[1, 0, 0], [0, 0, 0]]


def test_labels_that_are_all_known_stay_so_in_another_order():
    assert aligned(labels_of(("a", "b"), [[1, 0]]), ["b", "a"]).unknown is None


def test_what_is_absent_is_unknown_beside_what_was_unknown_before():
    labels = aligned(labels_of(("b", "d"), [[1, 0], [0, 1]], [[0, 1], [0, 0]]), ["a", "b", "c", "d"])
    assert labels.positives.toarray().astype(int).tolist() == [[0, 1, 0, 0], [0, 0, 0, 1]]
    assert labels.unknown.toarray().astype(int).tolist() == [[1, 0, 1, 1], [1, 0, 1, 0]]


def test_labels_that_are_those_of_the_run_stay_as_they_are():
    labels = labels_of(("a", "b"), [[1, 0]])
    assert aligned(labels, ["a", "b"]) is labels


def test_the_labels_given_are_not_touched():
    labels = labels_of(("a", "b"), [[1, 0]], [[0, 1]])
    aligned(labels, ["c", "b", "a"])
    assert labels.dense([0])[0].tolist() == [[True, False]]
    assert labels.dense([0])[1].tolist() == [[True, False]]


def test_any_order_and_subset_says_the_same_of_each_label():
    random = np.random.default_rng(0)
    for _ in range(20):
        names = random.permutation(list("abcdefgh"))
        state = random.integers(3, size=(5, random.integers(1, 8)))  # negative, positive, unknown
        before = labels_of(tuple(names[: state.shape[1]].tolist()), state == 1, state == 2)
        after = aligned(before, sorted(names.tolist()))
        targets, mask = after.dense(range(5))
        for column, name in enumerate(after.names):
            at = before.names.index(name) if name in before.names else None
            assert (targets[:, column] == (False if at is None else state[:, at] == 1)).all()
            assert (mask[:, column] == (False if at is None else state[:, at] != 2)).all()


def test_the_first_label_that_the_run_does_not_know_is_named_and_the_others_are_counted():
    labels = labels_of(("cat", "zebra", "yak", "gnu"), [[1, 0, 0, 1]])
    with pytest.raises(DataError, match=r"^expected the labels of the run, got also 'zebra' \(and 2 more\)$"):
        aligned(labels, ["dog", "cat"])
    with pytest.raises(DataError, match=r"^expected the labels of the run, got also 'zebra'$"):
        aligned(labels_of(("zebra", "cat"), [[1, 0]]), ["cat"])


@pytest.mark.parametrize(("names", "message"), [([], "got also 'a'"), (["a", "a"], "distinct, got 'a' twice")])
def test_names_that_no_run_has_are_refused(names, message):
    with pytest.raises(DataError, match=message):
        aligned(labels_of(("a",), [[1]]), names)


def test_without_labels_everything_is_unknown_and_nothing_positive():
    labels = unlabelled(["b", "a"], samples=3)
    targets, mask = labels.dense([2, 0])
    assert labels.names == ("b", "a")
    assert len(labels) == 3
    assert not targets.any()
    assert mask.shape == (2, 2)
    assert not mask.any()


def test_unknown_elements_of_samples_without_labels_take_nothing():
    labels = unlabelled([f"label {i}" for i in range(10_000)], samples=100_000)
    assert labels.num_unknown == 1_000_000_000
    assert labels.positives.nnz == labels.negatives.nnz == 0


def test_where_most_labels_of_the_run_are_absent_the_negatives_are_listed():
    labels = aligned(labels_of(("d", "b"), [[1, 0], [0, 0]], [[0, 0], [0, 1]]), list("abcdef"))
    assert labels.unknown is None
    assert labels.negatives.toarray().astype(int).tolist() == [[0, 1, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0]]
    assert labels.positives.toarray().astype(int).tolist() == [[0, 0, 0, 1, 0, 0], [0] * 6]


def test_listed_negatives_move_with_their_labels_and_what_is_absent_is_unknown():
    positives, negatives = (csr_array(np.array([row], dtype=bool)) for row in ([1, 0, 0], [0, 1, 0]))
    labels = aligned(Labels(("a", "b", "c"), positives, negatives=negatives), ["x", "c", "b", "a"])
    targets, mask = labels.dense([0])
    assert targets.astype(int).tolist() == [[0, 0, 0, 1]]
    assert mask.astype(int).tolist() == [[0, 0, 1, 1]]
