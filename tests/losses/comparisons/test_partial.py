import pytest
import torch

from lopsided.losses import PartialAsymmetricLoss, asymmetric_loss, partial_asymmetric_loss
from tests.reference.losses import asymmetric_loss as element
from tests.reference.rivals import selective


def batch():
    return torch.randn(6, 5, dtype=torch.float64) * 3, torch.rand(6, 5).round(), torch.rand(6, 5) > 0.5


@pytest.mark.parametrize("top_k", [0, 1, 2, 5])
def test_selective_equals_its_definition(top_k):
    logits, targets, mask = batch()
    losses = partial_asymmetric_loss(logits, targets, mask=mask, top_k=top_k, margin=0.05, reduction="none")
    costly = selective(logits.numpy(), mask.numpy(), top_k)
    for i in range(6):
        for k in range(5):
            z, y, known = logits[i, k].item(), targets[i, k].item(), bool(mask[i, k])
            expected = element(z, y if known else 0.0, 0, 1 if known else 2, 0.05) if costly[i, k] else 0.0
            assert losses[i, k].item() == pytest.approx(expected, rel=1e-9, abs=1e-14)


@pytest.mark.parametrize("margin", [0.0, 0.05])
def test_value_and_gradient_are_those_of_the_authors_with_a_detached_focus_a_sum_and_their_defaults(margin):
    """Their loss by its steps: probabilities, logarithms, weights without a gradient, the likeliest left out."""
    logits, targets, mask = batch()
    logits.requires_grad_()
    p = torch.sigmoid(logits)
    down = (1 - p + margin).clamp(max=1) if margin else 1 - p
    positive, negative, unknown = targets.bool() & mask, ~targets.bool() & mask, ~mask
    known_or_not = negative | unknown
    cost = -torch.where(positive, p.log(), torch.where(known_or_not, down.log(), 0.0))
    with torch.no_grad():
        gamma = 1.0 * negative + 2.0 * unknown
        cost_weight = (1 - torch.where(positive, p, down)) ** gamma
        likeliest = down.masked_fill(mask, torch.inf).flatten().argsort()[: 2 * len(logits)]
        cost_weight.view(-1)[likeliest[: int(unknown.sum())]] = 0
    theirs = (cost * cost_weight).sum()
    settings = {"mask": mask, "top_k": 2, "margin": margin, "detach_focus": True, "reduction": "sum"}
    ours = partial_asymmetric_loss(logits, targets, **settings)
    torch.testing.assert_close(ours, theirs)
    (expected,), (found,) = (torch.autograd.grad(loss, logits, retain_graph=True) for loss in (theirs, ours))
    torch.testing.assert_close(found, expected)
    whole = partial_asymmetric_loss(logits, targets, **{**settings, "detach_focus": False})
    assert not torch.allclose(torch.autograd.grad(whole, logits)[0], expected)


def test_a_threshold_of_frequent_labels_needs_frequencies_and_the_selective_way():
    with pytest.raises(ValueError, match="expected no frequency_threshold without frequencies, got one"):
        PartialAsymmetricLoss(frequency_threshold=0.1)
    with pytest.raises(ValueError, match="expected no frequency_threshold with unknown='negative', got one"):
        PartialAsymmetricLoss(unknown="negative", frequencies=[0.1], frequency_threshold=0.1)


def test_where_all_is_known_it_is_the_asymmetric_loss():
    logits, targets, _ = batch()
    plain = asymmetric_loss(logits, targets, gamma_neg=1, margin=0)
    assert torch.equal(partial_asymmetric_loss(logits, targets), plain)
    everything = torch.ones(6, 5, dtype=torch.bool)
    torch.testing.assert_close(partial_asymmetric_loss(logits, targets, mask=everything), plain)


def test_ignoring_is_masking_and_negative_is_a_label_of_zero():
    logits, targets, mask = batch()
    ignored = partial_asymmetric_loss(logits, targets, mask=mask, unknown="ignore")
    assert torch.equal(ignored, asymmetric_loss(logits, targets, gamma_neg=1, margin=0, mask=mask))
    negative = partial_asymmetric_loss(logits, targets, mask=mask, unknown="negative", gamma_unknown=1)
    torch.testing.assert_close(negative, asymmetric_loss(logits, targets * mask, gamma_neg=1, margin=0))


def test_frequent_labels_are_ignored_where_unknown_and_counted_where_known():
    logits, targets, mask = batch()
    mask[0], mask[1] = True, False
    frequencies = torch.tensor([0.5, 0.01, 0.05, 0.06, 0.0])
    losses = partial_asymmetric_loss(logits, targets, mask=mask, top_k=0, frequencies=frequencies, reduction="none")
    assert (losses[1] > 0).tolist() == [False, True, True, False, True]
    torch.testing.assert_close(
        losses[0], asymmetric_loss(logits[0], targets[0], gamma_neg=1, margin=0, reduction="none")
    )


def test_the_likeliest_are_chosen_in_the_whole_batch():
    logits = torch.tensor([[5.0, 4.0, 3.0], [-1.0, -2.0, -3.0]])
    losses = partial_asymmetric_loss(
        logits, torch.zeros(2, 3), mask=torch.zeros(3, dtype=torch.bool), top_k=1, reduction="none"
    )
    assert (losses == 0).tolist() == [[True, True, False], [False] * 3]


@pytest.mark.parametrize("unknown", ["negative", "selective"])
def test_targets_are_not_read_where_unknown(unknown):
    logits, targets, mask = batch()
    poisoned = torch.where(mask, targets, torch.nan)
    settings = {"mask": mask, "unknown": unknown}
    assert partial_asymmetric_loss(logits, poisoned, **settings) == partial_asymmetric_loss(logits, targets, **settings)


def test_the_module_keeps_frequencies_on_its_device():
    criterion = PartialAsymmetricLoss(frequencies=torch.tensor([0.1, 0.9]), top_k=0, reduction="none")
    losses = criterion(torch.zeros(1, 2), torch.zeros(1, 2), mask=torch.zeros(2, dtype=torch.bool))
    assert (losses > 0).tolist() == [[False, False]]
    assert criterion.to("meta").frequencies.device.type == "meta"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unknown": "selective"}, "expected mask= beside unknown, to say which labels are known, got unknown alone"),
        ({"unknown": "ignore"}, "expected mask= beside unknown"),
        ({"top_k": 5}, "expected mask= beside top_k"),
        ({"gamma_unknown": 2.0}, "expected mask= beside gamma_unknown"),
        ({"frequencies": torch.full((5,), 0.1)}, "expected mask= beside frequencies"),
    ],
)
def test_settings_of_unknown_labels_are_refused_where_none_can_be_unknown(options, message):
    logits, targets, mask = batch()
    with pytest.raises(ValueError, match=message):
        partial_asymmetric_loss(logits, targets, **options)
    criterion = PartialAsymmetricLoss(**options)
    with pytest.raises(ValueError, match=message):
        criterion(logits, targets)
    assert torch.isfinite(criterion(logits, targets, mask=mask))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unknown": "ignore", "top_k": 1}, "expected no top_k with unknown='ignore'"),
        ({"unknown": "ignore", "gamma_unknown": 1.0}, "expected no gamma_unknown with unknown='ignore'"),
        ({"unknown": "negative", "top_k": 1}, "expected no top_k with unknown='negative'"),
        ({"frequency_threshold": 0.1}, "expected no frequency_threshold without frequencies"),
        ({"frequencies": torch.tensor([0.1, torch.nan])}, r"expected frequencies to lie in \[0, 1\], got nan"),
        ({"frequencies": torch.tensor([0.1, 0.2]), "frequency_threshold": 1.5}, "expected frequency_threshold to be"),
    ],
)
def test_settings_that_others_leave_without_effect_are_refused_when_it_is_made(options, message):
    with pytest.raises(ValueError, match=message):
        PartialAsymmetricLoss(**options)


def test_frequencies_are_a_setting_and_not_saved():
    assert not PartialAsymmetricLoss(frequencies=torch.tensor([0.1, 0.9])).state_dict()
