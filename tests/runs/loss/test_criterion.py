import math
from typing import get_args

import pytest
import torch

from lopsided.losses import DistributionBalancedLoss, SPLCLoss
from lopsided.losses.catalogue import CATALOGUE
from lopsided.runs.config import LossName, LossOptions
from lopsided.runs.loss.criterion import about_unknown, build_criterion, gamma_neg_of

COUNTS = {"positives": [0, 3, 8], "num_samples": 8}
EVERY = pytest.mark.parametrize("name", get_args(LossName))


@EVERY
def test_every_loss_trains_a_linear_layer_with_unknown_labels(name):
    torch.manual_seed(0)
    inputs, truth = torch.randn(64, 6), torch.randn(6, 3)
    targets, mask = inputs @ truth > 1, torch.rand(64, 3) > 0.1
    criterion = build_criterion(LossOptions(name=name), num_labels=3, **COUNTS)
    layer = torch.nn.Linear(6, 3)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.1)
    for _ in range(40):
        optimizer.zero_grad()
        criterion(layer(inputs), targets, mask=mask).backward()
        optimizer.step()
    scores = layer(inputs).detach()
    for k in range(3):
        assert scores[targets[:, k], k].mean() > scores[~targets[:, k], k].mean() + 1


@EVERY
def test_every_loss_takes_weights_or_is_known_not_to(name):
    logits, targets = torch.randn(4, 3), torch.eye(4, 3)
    criterion = build_criterion(LossOptions(name=name), num_labels=3, **COUNTS)
    if not CATALOGUE[name].takes_weights:
        with pytest.raises(ValueError, match="weight"):
            criterion(logits, targets, weight=torch.ones(3))
        return
    doubled = criterion.eval()(logits, targets, weight=torch.full((3,), 2.0))
    torch.testing.assert_close(doubled, 2 * criterion(logits, targets))


@EVERY
def test_every_setting_that_a_loss_takes_reaches_it(name):
    values = {"unknown": "selective", "top_k": 2, "detach_focus": True, "per_label": True, "offset": 1.25}
    settings = {setting: values.get(setting, 0.125) for setting in CATALOGUE[name].settings}
    criterion = build_criterion(LossOptions(name=name, **settings), num_labels=3, **COUNTS)
    for setting, value in settings.items():
        found = getattr(criterion, setting)
        assert (found == value).all() if isinstance(found, torch.Tensor) else found == value


@pytest.mark.parametrize("name", [name for name in get_args(LossName) if name != "two_way"])  # compares samples
def test_the_loss_of_a_batch_does_not_depend_on_how_often_it_is_repeated(name):
    logits, targets = torch.randn(6, 3), (torch.rand(6, 3) > 0.5).float()
    once, twice = (build_criterion(LossOptions(name=name), num_labels=3, **COUNTS).eval() for _ in range(2))
    torch.testing.assert_close(once(logits, targets), twice(logits.repeat(2, 1), targets.repeat(2, 1)))


def test_frequencies_are_those_of_the_training_split_and_never_0_or_1():
    criterion = build_criterion(LossOptions(name="distribution_balanced"), num_labels=3, **COUNTS)
    assert isinstance(criterion, DistributionBalancedLoss)
    assert criterion.frequencies.tolist() == [0.1, 0.4, 0.9]


def test_frequencies_are_of_the_samples_of_which_a_label_is_known():
    criterion = build_criterion(LossOptions(name="distribution_balanced"), num_labels=3, **COUNTS, known=[8, 3, 8])
    assert criterion.frequencies.tolist() == [0.1, 0.8, 0.9]


def test_a_threshold_of_frequent_labels_brings_the_frequencies_of_the_training_split():
    options = LossOptions(name="partial", frequency_threshold=0.3)
    criterion = build_criterion(options, num_labels=3, **COUNTS)
    assert criterion.frequencies.tolist() == pytest.approx([0.1, 0.4, 0.9])
    assert build_criterion(LossOptions(name="partial"), num_labels=3, **COUNTS).frequencies is None
    with pytest.raises(ValueError, match="expected the number of .* for loss.name=partial, got none"):
        build_criterion(options, num_labels=3)


def test_splc_counts_its_start_in_passes_over_the_training_split():
    criterion = build_criterion(LossOptions(name="splc", start=2.0), num_labels=3, num_samples=8)
    assert isinstance(criterion, SPLCLoss)
    assert (criterion.start, criterion.epoch_samples) == (2.0, 8)


def test_counts_that_a_loss_needs_are_asked_for():
    with pytest.raises(ValueError, match="expected the number of training samples for loss.name=splc, got none"):
        build_criterion(LossOptions(name="splc"), num_labels=3)
    with pytest.raises(
        ValueError, match="expected the number of positives of each label for loss.name=distribution_balanced"
    ):
        build_criterion(LossOptions(name="distribution_balanced"), num_labels=3, num_samples=8)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *(("cross_entropy", 0), ("focal", 2), ("asymmetric", 2), ("adaptive", 2), ("polynomial", 4), ("partial", 1)),
        *(("splc", 2), ("distribution_balanced", 2), ("hill", math.nan), ("zlpr", math.nan), ("two_way", math.nan)),
        *(("robust", 4), ("weighted", math.nan), ("logit_adjusted", math.nan), ("class_balanced", math.nan)),
    ],
)
def test_the_log_gets_the_focusing_power_of_negatives_or_nan(name, expected):
    criterion = build_criterion(LossOptions(name=name), num_labels=3, **COUNTS)
    assert gamma_neg_of(criterion, device=torch.device("cpu")).item() == pytest.approx(expected, nan_ok=True)


def test_settings_of_unknown_labels_are_refused_where_none_is_unknown():
    assert about_unknown(LossOptions(name="partial", top_k=3), num_unknown=1) is None
    assert about_unknown(LossOptions(name="asymmetric"), num_unknown=0) is None
    said = about_unknown(LossOptions(name="partial"), num_unknown=0)
    assert said.endswith("so loss.name=partial is the asymmetric loss with gamma_neg 1 and margin 0")
    for setting in ({"unknown": "ignore"}, {"top_k": 3}, {"gamma_unknown": 1.0}, {"frequency_threshold": 0.1}):
        with pytest.raises(
            ValueError, match=f"expected no loss.{next(iter(setting))} on data whose train split has no"
        ):
            about_unknown(LossOptions(name="partial", **setting), num_unknown=0)
