"""Where torch makes tensors by default does not matter: results are on the CPU."""

import dataclasses

import pytest
import torch

from lopsided import metrics
from lopsided.losses.kernels import backend

PROBABILITIES = torch.tensor([[0.9, 0.2], [0.6, 0.4], [0.1, 0.8], [0.3, 0.7]])
TARGETS = torch.tensor([[1, 0], [0, 1], [0, 1], [1, 1]])
MASK = torch.tensor([[True, True], [True, False], [True, True], [True, True]])


def collected():
    scores = metrics.CollectedScores()
    empty = scores.tensors()[0]
    scores.update(PROBABILITIES, TARGETS, MASK)
    return empty, *scores.tensors()


CASES = {
    "average_precision": lambda: metrics.average_precision(PROBABILITIES, TARGETS, mask=MASK),
    "eleven_point_average_precision": lambda: metrics.eleven_point_average_precision(PROBABILITIES, TARGETS),
    "mean_average_precision": lambda: metrics.mean_average_precision(PROBABILITIES, TARGETS, mask=MASK),
    "micro_average_precision": lambda: metrics.micro_average_precision(PROBABILITIES, TARGETS, mask=MASK),
    "roc_auc": lambda: metrics.roc_auc(PROBABILITIES, TARGETS, mask=MASK),
    "micro_roc_auc": lambda: metrics.micro_roc_auc(PROBABILITIES, TARGETS, mask=MASK),
    "precision_at_k": lambda: metrics.precision_at_k(PROBABILITIES, TARGETS, k=1, mask=MASK),
    "ndcg_at_k": lambda: metrics.ndcg_at_k(PROBABILITIES, TARGETS, k=2),
    "propensities": lambda: metrics.propensities(TARGETS.sum(dim=0), num_samples=9),
    "propensity_scored_precision_at_k": lambda: metrics.propensity_scored_precision_at_k(
        PROBABILITIES, TARGETS, k=1, propensity=torch.full(PROBABILITIES.shape[1:], 0.5, device="cpu")
    ),
    "brier_score": lambda: metrics.brier_score(PROBABILITIES, TARGETS, mask=MASK),
    "equal_mass_edges": lambda: metrics.equal_mass_edges(PROBABILITIES, 3),
    "equal_width_edges": lambda: metrics.equal_width_edges(3),
    "expected_calibration_error": lambda: metrics.expected_calibration_error(PROBABILITIES, TARGETS, equal_mass=True),
    "reliability": lambda: metrics.reliability(PROBABILITIES, TARGETS).counts,
    "CollectedScores": collected,
    "count": lambda: metrics.count(PROBABILITIES, TARGETS, threshold=torch.tensor([0.5, 0.3], device="cpu")).predicted,
    "choose_thresholds": lambda: metrics.choose_thresholds(PROBABILITIES, TARGETS, per_label=True).per_label,
    "f1_draws": lambda: metrics.f1_draws(PROBABILITIES, TARGETS, num_draws=3),
    "interval": lambda: metrics.interval(metrics.f1_draws(PROBABILITIES, TARGETS, num_draws=20)[0]),
    "measure_blocks": lambda: [
        torch.tensor(value, device="cpu")
        for value in metrics.measure_blocks(lambda: [(PROBABILITIES.logit(), TARGETS, MASK)]).values()
    ],
    "operating_point": lambda: dataclasses.astuple(metrics.operating_point(PROBABILITIES, TARGETS, top_k=1)),
}
OF_THE_ABOVE = {"Frequencies", "OperatingPoint", "Reliability", "Thresholds", "Counts", "operating_point_from"}


@pytest.fixture(params=["torch", ""])
def either_backend(request, monkeypatch):
    monkeypatch.setenv("LOPSIDED_BACKEND", request.param)
    backend.forget()
    yield
    monkeypatch.undo()
    backend.forget()


def test_no_metric_is_left_out():
    assert set(CASES) | OF_THE_ABOVE == set(metrics.__all__)


@pytest.mark.usefixtures("either_backend")
@pytest.mark.parametrize("name", CASES)
def test_another_default_device_changes_nothing(name):
    wanted = CASES[name]()
    with torch.device("meta"):
        found = CASES[name]()
    torch.testing.assert_close(found, wanted, equal_nan=True)
