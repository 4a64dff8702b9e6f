import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lopsided.metrics import choose_thresholds, operating_point
from tests.reference import thresholds as reference


def made(samples=120, labels=6, seed=0):
    draw = np.random.default_rng(seed)
    scores = np.round(draw.random((samples, labels)), 2).astype(np.float32)  # with ties
    targets = draw.random((samples, labels)) < 0.4 * scores * np.linspace(0.2, 1.5, labels)
    return torch.from_numpy(scores), torch.from_numpy(targets)


def shares(scores, targets, threshold):
    hits, predicted, positives = reference.counts(scores.numpy(), targets.numpy(), threshold)
    return hits / max(predicted, 1), hits / positives, 2 * hits / (predicted + positives), predicted


@pytest.mark.parametrize("seed", range(4))
def test_each_rule_gives_the_best_of_all_thresholds(seed):
    scores, targets = made(seed=seed)
    flat = scores.flatten().numpy(), targets.flatten().numpy()
    of_f1 = choose_thresholds(scores, targets).common
    assert shares(scores, targets, of_f1)[2] == pytest.approx(reference.best_f1(*flat))
    precise = choose_thresholds(scores, targets, rule="precision", at_least=0.4).common
    precision, recall, _, predicted = shares(scores, targets, precise)
    assert precision >= 0.4 or predicted == 0
    assert recall == pytest.approx(reference.most_recall(*flat, precision=0.4))
    complete = choose_thresholds(scores, targets, rule="recall", at_least=0.7).common
    assert shares(scores, targets, complete)[:2] == pytest.approx(reference.most_precision(*flat, recall=0.7))


def test_the_most_precision_need_not_be_at_the_highest_threshold():
    scores = torch.tensor([[0.9], [0.8], [0.7], [0.6], [0.5]])
    targets = torch.tensor([[0], [1], [1], [1], [0]])
    found = choose_thresholds(scores, targets, rule="recall", at_least=0.3).common
    assert shares(scores, targets, found)[:2] == (0.75, 1.0)  # the highest one, 0.75, has a precision of 1 / 2
    assert found == pytest.approx(0.55)


TINY = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.9, 1.0]), st.booleans()), min_size=1, max_size=12)


@settings(max_examples=150, deadline=None)
@given(elements=TINY, at_least=st.sampled_from([0.1, 0.5, 0.7, 0.75, 1.0]))
def test_each_rule_gives_the_best_of_all_thresholds_with_ties_and_at_the_ends(elements, at_least):
    scores = np.array([score for score, _ in elements], np.float32)
    truth = np.array([positive for _, positive in elements])
    if not truth.any():
        return
    column, targets = torch.from_numpy(scores)[:, None], torch.from_numpy(truth)[:, None]
    of_f1 = choose_thresholds(column, targets)
    assert of_f1.reached
    assert shares(column, targets, of_f1.common)[2] == pytest.approx(reference.best_f1(scores, truth))
    precise = choose_thresholds(column, targets, rule="precision", at_least=at_least)
    best = reference.most_recall(scores, truth, precision=at_least)
    assert shares(column, targets, precise.common)[1] == pytest.approx(best)
    assert precise.reached == (best > 0)
    complete = choose_thresholds(column, targets, rule="recall", at_least=at_least)
    possible = shares(column, targets, 0.0)[1] >= at_least
    assert complete.reached == possible
    if possible:
        wanted = reference.most_precision(scores, truth, recall=at_least)
        assert shares(column, targets, complete.common)[:2] == pytest.approx(wanted)
    else:
        assert complete.common == 0


def test_a_share_is_compared_as_it_is_written():
    scores = torch.linspace(1, 0.01, 100)[:, None]
    targets = torch.ones(100, 1)
    found = choose_thresholds(scores, targets, rule="recall", at_least=0.07)  # 0.07 * 100 is above 7 in floats
    assert found.reached
    mixed = torch.zeros(100, 1)
    mixed[:7] = 1
    found = choose_thresholds(scores.flip(0), mixed, rule="precision", at_least=0.07)
    assert found.reached


def test_labels_that_fall_short_are_told_from_those_that_do_not():
    scores, targets = made(samples=400)
    scores[:, 2] = torch.where(targets[:, 2], scores[:, 2] / 50, scores[:, 2])  # upside down, and few
    targets[:, 3] = False
    found = choose_thresholds(scores, targets, rule="precision", at_least=0.3, per_label=True)
    for k in range(6):
        precision = shares(scores[:, k], targets[:, k], found.per_label[k].item())[0] if k != 3 else 1
        assert found.short[k] == (precision < 0.3)
    assert found.short[2]
    assert not found.short[3]
    assert not choose_thresholds(scores, targets, per_label=True).short.any()


def test_without_shrinkage_each_label_has_its_own_best_f1():
    scores, targets = made()
    found = choose_thresholds(scores, targets, per_label=True, shrinkage=0).per_label
    for k in range(6):
        best = reference.best_f1(scores[:, k].numpy(), targets[:, k].numpy())
        assert shares(scores[:, k], targets[:, k], found[k].item())[2] == pytest.approx(best)


def test_a_label_alone_has_the_common_threshold_whatever_the_shrinkage():
    scores, targets = made(labels=1)
    for shrinkage in (0, 5, 100):
        found = choose_thresholds(scores, targets, per_label=True, shrinkage=shrinkage)
        assert found.per_label.tolist() == pytest.approx([found.common])


def test_much_shrinkage_gives_the_common_threshold_and_little_its_own():
    scores, targets = made(samples=2000)
    scores[:, 0] /= 3  # a label that needs another threshold
    alone = choose_thresholds(scores[:, :1], targets[:, :1]).common
    found = {s: choose_thresholds(scores, targets, per_label=True, shrinkage=s) for s in (0, 1e9)}
    assert found[1e9].per_label[0] == pytest.approx(found[1e9].common, abs=0.01)
    assert found[0].per_label[0] == pytest.approx(alone, abs=0.01)


def test_a_rare_label_stays_nearer_to_the_common_threshold_than_a_frequent_one():
    draw = np.random.default_rng(0)
    truth = draw.random((4000, 6)) < [0.3, 0.3, 0.3, 0.3, 0.1, 0.001]
    scores = np.clip(0.35 + 0.4 * truth + 0.1 * draw.normal(size=truth.shape), 0, 1)
    scores[:, 4:] *= 0.5  # two labels, one of them rare, whose probabilities are too low
    found = choose_thresholds(torch.from_numpy(scores).float(), torch.from_numpy(truth), per_label=True)
    gaps = (found.per_label - found.common).abs()
    assert found.num_positives[5] < 10
    assert gaps[5] < gaps[4] / 2


def test_a_label_without_positives_or_without_anything_known_gets_a_threshold_too():
    scores, targets = made()
    targets[:, 0] = False
    mask = torch.ones_like(targets)
    mask[:, 1] = False
    found = choose_thresholds(scores, targets, per_label=True, mask=mask)
    assert found.num_positives[:2].tolist() == [0, 0]
    assert found.per_label[1].item() == pytest.approx(found.common)
    assert 0 < found.per_label[0] <= 1


def test_the_order_alone_matters():
    scores, targets = made()
    found = choose_thresholds(scores, targets, per_label=True)
    cubes = choose_thresholds(scores**3, targets, per_label=True)
    assert torch.equal(scores > found.per_label, scores**3 > cubes.per_label)


def test_unknown_elements_may_hold_anything():
    scores, targets = made()
    mask = torch.rand(scores.shape, generator=torch.Generator().manual_seed(0)) < 0.7
    spoilt = scores.masked_fill(~mask, torch.nan), targets.float().masked_fill(~mask, 7)
    clean, other = (choose_thresholds(*pair, per_label=True, mask=mask) for pair in ((scores, targets), spoilt))
    assert torch.equal(clean.per_label, other.per_label)


def test_neighbouring_floats_are_told_apart_and_the_tiniest_probabilities_too():
    for low in (0.5, 1e-7, 1e-30):
        high = np.nextafter(np.float32(low), np.float32(1))
        scores = torch.tensor([[low], [high]], dtype=torch.float32)
        threshold = choose_thresholds(scores, torch.tensor([[0], [1]])).common
        assert operating_point(scores, torch.tensor([[0], [1]]), threshold=threshold).of1 == 1


def test_a_precision_that_nothing_reaches_predicts_nothing():
    scores, targets = torch.tensor([[0.9], [0.1]]), torch.tensor([[0], [1]])
    found = choose_thresholds(scores, targets, rule="precision", at_least=0.9)
    assert (found.common, found.reached) == (1, False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rule": "f2"}, "expected rule to be one of f1, precision, recall, got 'f2'"),
        ({"rule": "recall"}, "expected at_least with the rules precision and recall alone, got None with recall"),
        ({"at_least": 0.5}, "expected at_least with the rules precision and recall alone, got 0.5 with f1"),
        ({"rule": "recall", "at_least": 1.5}, r"expected at_least to lie in \(0, 1\], got 1.5"),
        ({"shrinkage": -1}, "expected shrinkage to be at least 0, got -1"),
    ],
)
def test_wrong_settings_are_refused(options, message):
    scores, targets = made()
    with pytest.raises(ValueError, match=message):
        choose_thresholds(scores, targets, **options)
    with pytest.raises(ValueError, match="expected at least one known positive to choose thresholds by, got none"):
        choose_thresholds(scores, torch.zeros_like(targets))


def test_what_is_unknown_need_not_be_a_probability():
    scores, targets = made()
    mask = torch.ones_like(targets)
    mask[0] = False
    strange = scores.masked_fill(~mask, 7.0)
    assert choose_thresholds(strange, targets, mask=mask).common == choose_thresholds(scores[1:], targets[1:]).common
    with pytest.raises(ValueError, match=r"expected probabilities to lie in \[0, 1\], got 7 at row 0, label 0"):
        choose_thresholds(strange, targets)
