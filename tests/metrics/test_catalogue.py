import dataclasses
import math

import numpy as np
import pytest
import torch

from lopsided.metrics import (
    average_precision,
    brier_score,
    eleven_point_average_precision,
    expected_calibration_error,
    mean_average_precision,
    micro_average_precision,
    micro_roc_auc,
    ndcg_at_k,
    operating_point,
    precision_at_k,
    propensities,
    propensity_scored_precision_at_k,
    reliability,
    roc_auc,
)
from lopsided.metrics.catalogue import (
    CATALOGUE,
    DECISIONS,
    KS,
    RANKED,
    at_k_metrics,
    decisions,
    intervals,
    measure,
    of_group,
    undefined,
    values_of,
)
from lopsided.metrics.ranked.frequencies import Frequencies
from lopsided.metrics.ranked.rankings import rankings

TRAINING = Frequencies(np.array([90, 40, 40, 30, 10, 5, 0]), 100)


@pytest.fixture
def scene():
    torch.manual_seed(0)
    logits, targets = torch.randn(50, 7), torch.rand(50, 7) < 0.3
    return logits, torch.sigmoid(logits), targets, torch.rand(50, 7) < 0.8


def test_each_metric_is_measured_from_what_it_reads(scene):
    logits, probabilities, targets, mask = scene
    threshold = torch.linspace(0.2, 0.8, 7)
    found = measure(logits, probabilities, targets, threshold=threshold, mask=mask, training=TRAINING)
    point = operating_point(probabilities, targets, threshold=threshold, mask=mask)
    each = average_precision(logits, targets, mask=mask)
    propensity = propensities(torch.from_numpy(TRAINING.positives), num_samples=100)
    of_k = {
        "p": lambda k: precision_at_k(logits, targets, k=k, mask=mask),
        "ndcg": lambda k: ndcg_at_k(logits, targets, k=k, mask=mask),
        "psp": lambda k: propensity_scored_precision_at_k(logits, targets, k=k, propensity=propensity, mask=mask),
    }
    assert found == pytest.approx(
        {
            "mAP": mean_average_precision(logits, targets, mask=mask).item(),
            "mAP_11": eleven_point_average_precision(logits, targets, mask=mask).nanmean().item(),
            "auroc": roc_auc(logits, targets, mask=mask).nanmean().item(),
            "micro_AP": micro_average_precision(logits, targets, mask=mask).item(),
            "micro_auroc": micro_roc_auc(logits, targets, mask=mask).item(),
            "mAP_head": each[0].item(),
            "mAP_medium": each[1:3].mean().item(),
            "mAP_tail": each[3:].nanmean().item(),
            **{f"{name}_at_{k}": function(k).item() for name, function in of_k.items() for k in (1, 3, 5)},
            **{name.rstrip("_"): value for name, value in dataclasses.asdict(point).items()},
            "brier": brier_score(probabilities, targets, mask=mask),
            "ece": expected_calibration_error(probabilities, targets, mask=mask),
        }
    )
    assert list(found) == list(CATALOGUE)
    assert decisions(point) == {metric.name: found[metric.name] for metric in DECISIONS}


def test_names_and_titles_are_distinct_and_what_is_better_is_said():
    assert len({metric.title for metric in CATALOGUE.values()}) == len(CATALOGUE)
    assert {metric.name for metric in CATALOGUE.values() if metric.higher_is_better is False} == {"brier", "ece"}
    assert not {"cp", "cr", "op", "or"} & {metric.name for metric in RANKED}


def test_a_network_without_numbers_has_none():
    assert all(math.isnan(value) for value in undefined().values())
    assert list(undefined()) == list(CATALOGUE)


def test_without_frequencies_only_what_needs_them_is_undefined(scene):
    logits, probabilities, targets, _ = scene
    found = measure(logits, probabilities, targets)
    undefined_ones = {name for name, value in found.items() if math.isnan(value)}
    assert undefined_ones == {"mAP_head", "mAP_medium", "mAP_tail", "psp_at_1", "psp_at_3", "psp_at_5"}


def test_a_k_beyond_the_labels_is_undefined_and_further_ks_come_beside_the_usual_ones(scene):
    logits, probabilities, targets, _ = scene
    narrow = measure(logits[:, :4], probabilities[:, :4], targets[:, :4])
    assert math.isnan(narrow["p_at_5"])
    assert narrow["p_at_3"] == precision_at_k(logits[:, :4], targets[:, :4], k=3)
    found = rankings(logits, targets, num_ranks=6, training=TRAINING)
    point = operating_point(probabilities, targets)
    more = values_of(found, point, reliability(probabilities, targets), ks=(1, 6))
    assert set(more) == {*CATALOGUE, "p_at_6", "ndcg_at_6", "psp_at_6"}
    assert more["p_at_6"] == pytest.approx(precision_at_k(logits, targets, k=6).item())


def test_each_table_has_its_metrics_and_all_tables_have_all_whose_best_is_marked():
    tables = [of_group(group) for group in ("usual", "labels", "samples")]
    assert {metric.name for table in tables for metric in table} == {metric.name for metric in RANKED}
    assert [metric.title for metric in of_group("samples", [10])] == ["P@10", "nDCG@10", "PSP@10"]
    assert [metric.name for metric in at_k_metrics(KS)] == [metric.name for metric in of_group("samples")]


def test_intervals_of_what_adds_up_over_samples_are_those_of_draws_of_samples(scene):
    logits, _, targets, mask = scene
    found = intervals(rankings(logits, targets, num_ranks=5, mask=mask, training=TRAINING))
    assert set(found) == {f"{name}_at_{k}" for name in ("p", "ndcg", "psp") for k in (1, 3, 5)}
    random, drawn = np.random.default_rng(7), []
    for _ in range(300):
        rows = torch.from_numpy(random.integers(50, size=50))
        drawn.append(ndcg_at_k(logits[rows], targets[rows], k=3, mask=mask[rows]).item())
    assert found["ndcg_at_3"] == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.03)
    assert intervals(rankings(logits[:0], targets[:0], num_ranks=5)) == {}
