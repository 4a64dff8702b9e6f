import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from lopsided.data import Labels
from lopsided.data.splits.stratification import joined, reached, stratify
from lopsided.files.errors import DataError

SHARES = (0.7, 0.1, 0.2)


@given(st.integers(0, 2**16), st.integers(3, 200), st.integers(1, 8))
def test_of_one_label_each_no_part_gets_one_more_than_its_share(seed: int, samples: int, labels: int) -> None:
    classes = np.random.default_rng(seed).integers(labels, size=samples)
    positives = csr_array(np.eye(labels, dtype=bool)[classes])
    parts = stratify(positives, SHARES, items=np.arange(samples), seed=seed)
    for part, share in enumerate(SHARES):
        reached = np.bincount(classes[parts == part], minlength=labels)
        assert (reached < share * np.bincount(classes, minlength=labels) + 1 + 1e-9).all()


@given(st.integers(0, 2**16), st.integers(30, 200), st.integers(1, 40), st.floats(0, 0.4))
def test_every_item_is_in_one_part_and_a_seed_gives_the_same_parts(
    seed: int, samples: int, labels: int, density: float
) -> None:
    random = np.random.default_rng(seed)
    positives = csr_array(random.random((samples, labels)) < density)
    items = np.unique(random.integers(samples, size=samples), return_inverse=True)[1]
    parts = stratify(positives, SHARES, items=items, seed=seed)
    assert parts.shape == (samples,)
    assert set(parts.tolist()) <= {0, 1, 2}
    assert all(len(set(parts[items == item].tolist())) == 1 for item in range(items.max() + 1))
    np.testing.assert_array_equal(parts, stratify(positives, SHARES, items=items, seed=seed))


@given(st.integers(0, 2**16), st.integers(20, 60))
def test_shares_of_sparse_labels_come_nearer_than_at_random(seed: int, labels: int) -> None:
    random = np.random.default_rng(seed)
    positives = csr_array(random.random((1000, labels)) < random.uniform(0.002, 0.1, size=labels))
    named = Labels(tuple(map(str, range(labels))), positives)
    shares = dict(zip(("train", "val", "test"), SHARES, strict=True))
    ours = reached(named, stratify(positives, SHARES, items=np.arange(1000), seed=seed), shares)["splits"]
    draws = [reached(named, random.choice(3, size=1000, p=SHARES), shares)["splits"] for _ in range(5)]
    assert all(abs(part["share"] - shares[name]) < 0.05 for name, part in ours.items())
    off, at_random = (
        np.mean([part["mean_deviation"] for one in all_ for part in one.values()]) for all_ in ([ours], draws)
    )
    assert off < at_random


def test_samples_without_positives_fill_each_part_to_its_share() -> None:
    parts = stratify(csr_array(np.zeros((100, 2), bool)), SHARES, items=np.arange(100))
    assert np.bincount(parts).tolist() == [70, 10, 20]


def test_what_shares_an_id_through_others_stays_together() -> None:
    assert joined(np.array([1, 1, 2, 3]), np.array(["a", "b", "b", "c"])).tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize("shares", [(1.0,), (0.5, 0.6), (1.0, 0.0)])
def test_shares_that_do_not_sum_to_one_are_refused(shares: tuple[float, ...]) -> None:
    with pytest.raises(DataError, match="expected at least two shares"):
        stratify(csr_array(np.ones((4, 1), bool)), shares, items=np.arange(4))
