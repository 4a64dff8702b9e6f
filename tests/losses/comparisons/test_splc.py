import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lopsided.losses import SPLCLoss, focal_loss, splc_loss
from tests.reference.rivals import splc as reference


@given(z=st.floats(-50, 50), y=st.floats(0, 1), tau=st.floats(0, 1.1), margin=st.floats(0, 2), gamma=st.floats(0, 5))
def test_every_element_equals_the_equation(z, y, tau, margin, gamma):
    logits, targets = torch.tensor([z], dtype=torch.float64), torch.tensor([y], dtype=torch.float64)
    loss = splc_loss(logits, targets, threshold=tau, logit_margin=margin, gamma=gamma)
    assert loss.item() == pytest.approx(reference(z, y, tau, margin, gamma), rel=1e-9, abs=1e-14)


def test_without_correction_and_margin_it_is_focal_loss():
    logits, targets = torch.randn(4, 5) * 5, torch.rand(4, 5)
    torch.testing.assert_close(splc_loss(logits, targets, threshold=1, logit_margin=0), focal_loss(logits, targets))


def test_a_negative_above_the_threshold_is_pulled_up_and_one_below_it_down():
    z = torch.logit(torch.tensor([0.59, 0.61])).requires_grad_()
    (pull,) = torch.autograd.grad(splc_loss(z, torch.zeros(2), reduction="sum"), z)
    assert pull[0] > 0 > pull[1]


def test_the_module_begins_after_its_passes_and_does_not_count_evaluation():
    logits, targets = torch.full((4, 2), 3.0), torch.zeros(4, 2)
    criterion = SPLCLoss(epoch_samples=8, start=1.5)
    uncorrected, corrected = splc_loss(logits, targets, threshold=1), splc_loss(logits, targets)
    costs = []
    for _ in range(5):
        costs.append(criterion(logits, targets))
        criterion.eval()(logits, targets)
        criterion.train()
    torch.testing.assert_close(costs, [uncorrected] * 3 + [corrected] * 2)


def test_the_count_is_saved_with_the_model():
    criterion = SPLCLoss(epoch_samples=4)
    criterion(torch.zeros(4, 2), torch.zeros(4, 2))
    again = SPLCLoss(epoch_samples=4)
    again.load_state_dict(copy.deepcopy(criterion.state_dict()))
    logits = torch.full((1, 1), 3.0)
    assert again(logits, torch.zeros(1, 1)) == splc_loss(logits, torch.zeros(1, 1))


def test_the_samples_of_all_ranks_count_towards_the_start(monkeypatch):
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 3)
    criterion = SPLCLoss(epoch_samples=12)
    criterion(torch.zeros(2, 2, 5), torch.zeros(2, 2, 5))
    assert criterion.seen == 12
    logits = torch.full((1, 1), 3.0)
    assert criterion(logits, torch.zeros(1, 1)) == splc_loss(logits, torch.zeros(1, 1))


def test_samples_are_counted_in_whole_numbers_however_many():
    criterion = SPLCLoss(epoch_samples=2**25)
    criterion.seen += 2**24
    criterion(torch.zeros(1, 2), torch.zeros(1, 2))
    assert (criterion.seen.item(), criterion.seen.dtype) == (2**24 + 1, torch.int64)
