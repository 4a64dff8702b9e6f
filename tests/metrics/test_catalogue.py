import dataclasses
import math

import pytest
import torch

from lopsided.metrics import (
    brier_score,
    eleven_point_average_precision,
    expected_calibration_error,
    mean_average_precision,
    micro_average_precision,
    operating_point,
)
from lopsided.metrics.catalogue import CATALOGUE, DECISIONS, RANKED, decisions, measure, undefined


@pytest.fixture
def scene():
    torch.manual_seed(0)
    logits, targets = torch.randn(50, 7), torch.rand(50, 7) < 0.3
    return logits, torch.sigmoid(logits), targets, torch.rand(50, 7) < 0.8


def test_each_metric_is_measured_from_what_it_reads(scene):
    logits, probabilities, targets, mask = scene
    threshold = torch.linspace(0.2, 0.8, 7)
    found = measure(logits, probabilities, targets, threshold=threshold, mask=mask)
    point = operating_point(probabilities, targets, threshold=threshold, mask=mask)
    assert found == pytest.approx(
        {
            "mAP": mean_average_precision(logits, targets, mask=mask).item(),
            "mAP_11": eleven_point_average_precision(logits, targets, mask=mask).nanmean().item(),
            "micro_AP": micro_average_precision(logits, targets, mask=mask).item(),
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
