import numpy as np
import pytest
import torch

from lopsided.losses import AsymmetricLoss, FocalLoss, asymmetric_loss, focal_loss


def cost(logits=None, targets=None, **options):
    logits = torch.zeros(8, 80) if logits is None else logits
    return asymmetric_loss(logits, torch.zeros_like(logits) if targets is None else targets, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"targets": torch.zeros(8, 81)}, r"targets must have the shape of logits \(8, 80\), got \(8, 81\)"),
        ({"targets": torch.zeros(80)}, r"targets must have the shape of logits \(8, 80\), got \(80,\)"),
        ({"gamma_neg": -1}, r"gamma_neg must be >= 0, got -1"),
        ({"gamma_pos": float("nan")}, r"gamma_pos must be >= 0, got nan"),
        ({"gamma_pos": float("inf")}, r"gamma_pos must be >= 0, got inf"),
        ({"gamma_neg": torch.tensor([2.0, -0.5])}, r"gamma_neg must be >= 0, got values from -0.5 to 2.0"),
        ({"margin": 1.0}, r"margin must lie in \[0, 1\), got 1.0"),
        ({"margin": -0.1}, r"margin must lie in \[0, 1\), got -0.1"),
        ({"margin": torch.tensor(1.5)}, r"margin must lie in \[0, 1\), got values from 1.5 to 1.5"),
        ({"gamma_neg": torch.zeros(81)}, r"gamma_neg must broadcast to the shape of logits \(8, 80\), got \(81,\)"),
        ({"gamma_neg": torch.zeros(2, 8, 80)}, r"gamma_neg must broadcast .* got \(2, 8, 80\)"),
        ({"mask": torch.ones(7, 80, dtype=torch.bool)}, r"mask must broadcast .* got \(7, 80\)"),
        ({"weight": torch.ones(79)}, r"weight must broadcast .* got \(79,\)"),
        ({"reduction": "avg"}, r"reduction must be one of none, mean, sum, batchmean, got 'avg'"),
        ({"targets": torch.full((8, 80), 2), "check_targets": True}, r"must lie in \[0, 1\], got values from 2 to 2"),
        ({"targets": torch.full((8, 80), -0.5), "check_targets": True}, r"must lie in \[0, 1\], got values from -0.5"),
        ({"targets": torch.full((8, 80), torch.nan), "check_targets": True}, r"got values from nan"),
        ({"gamma_neg": torch.tensor(1.0, requires_grad=True)}, r"gamma_neg must not require grad"),
        ({"weight": torch.ones(80, requires_grad=True)}, r"weight must not require grad"),
        ({"targets": torch.zeros(8, 80, requires_grad=True)}, r"targets must not require grad"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_came(options, message):
    with pytest.raises(ValueError, match=message):
        cost(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"logits": torch.zeros(2, 3, dtype=torch.int64)}, r"logits must be floating point, got torch.int64"),
        ({"logits": torch.zeros(2, 3, dtype=torch.bool)}, r"logits must be floating point, got torch.bool"),
        ({"mask": torch.ones(8, 80)}, r"mask must be bool, True where the label is known, got torch.float32"),
        ({"margin": "0.2"}, r"margin must be a number or a tensor, got str"),
        ({"targets": [[0.0]]}, r"targets must be a tensor, got list"),
    ],
)
def test_what_is_of_another_kind_is_refused(options, message):
    with pytest.raises(TypeError, match=message):
        cost(**options)


def test_the_refused_setting_has_the_name_it_was_given_by():
    with pytest.raises(ValueError, match="gamma must be >= 0, got -1"):
        focal_loss(torch.zeros(2), torch.zeros(2), gamma=-1)


def test_numbers_of_numpy_are_numbers():
    assert cost(gamma_neg=np.float32(2), gamma_pos=np.int64(1)) == cost(gamma_neg=2, gamma_pos=1)


def test_modules_refuse_bad_settings_when_they_are_made():
    with pytest.raises(ValueError, match="margin must lie in"):
        AsymmetricLoss(margin=1)
    with pytest.raises(ValueError, match="gamma must be >= 0, got -2"):
        FocalLoss(gamma=-2)
    with pytest.raises(ValueError, match="reduction must be one of"):
        FocalLoss(reduction="median")


def test_unknown_targets_are_not_read():
    mask = torch.tensor([True, False])
    assert torch.isfinite(cost(torch.zeros(2), torch.tensor([1.0, torch.nan]), mask=mask, check_targets=True))


def test_targets_are_read_only_when_asked():
    assert torch.isfinite(focal_loss(torch.zeros(2), torch.full((2,), 2.0)))
