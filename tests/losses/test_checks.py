import inspect
import math

import numpy as np
import pytest
import torch

from lopsided import losses
from lopsided.losses import AsymmetricLoss, FocalLoss, asymmetric_loss, focal_loss
from lopsided.losses.checks import check_frequencies, check_hard_targets, check_number


def cost(logits=None, targets=None, **options):
    logits = torch.zeros(8, 80) if logits is None else logits
    return asymmetric_loss(logits, torch.zeros_like(logits) if targets is None else targets, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"targets": torch.zeros(8, 81)}, r"expected targets to have the shape of logits \(8, 80\), got \(8, 81\)"),
        ({"targets": torch.zeros(80)}, r"expected targets to have the shape of logits \(8, 80\), got \(80,\)"),
        ({"gamma_neg": -1}, r"expected gamma_neg to be >= 0, got -1"),
        ({"gamma_pos": float("nan")}, r"expected gamma_pos to be >= 0, got nan"),
        ({"gamma_pos": float("inf")}, r"expected gamma_pos to be >= 0, got inf"),
        ({"gamma_neg": torch.tensor([2.0, -0.5])}, r"expected gamma_neg to be >= 0, got values from -0.5 to 2.0"),
        ({"margin": 1.0}, r"expected margin to lie in \[0, 1\), got 1.0"),
        ({"margin": -0.1}, r"expected margin to lie in \[0, 1\), got -0.1"),
        ({"margin": torch.tensor(1.5)}, r"expected margin to lie in \[0, 1\), got values from 1.5 to 1.5"),
        (
            {"gamma_neg": torch.zeros(81)},
            r"expected gamma_neg to broadcast to the shape of logits \(8, 80\), got \(81,\)",
        ),
        ({"gamma_neg": torch.zeros(2, 8, 80)}, r"expected gamma_neg to broadcast .* got \(2, 8, 80\)"),
        ({"mask": torch.ones(7, 80, dtype=torch.bool)}, r"expected mask to broadcast .* got \(7, 80\)"),
        ({"weight": torch.ones(79)}, r"expected weight to broadcast .* got \(79,\)"),
        ({"reduction": "avg"}, r"expected reduction to be one of none, mean, sum, batchmean, got 'avg'"),
        ({"targets": torch.full((8, 80), 2), "check_targets": True}, r"to lie in \[0, 1\], got 2; .*mask="),
        ({"targets": torch.full((8, 80), -0.5), "check_targets": True}, r"to lie in \[0, 1\], got -0.5; "),
        ({"targets": torch.full((8, 80), torch.nan), "check_targets": True}, r"got nan"),
        ({"gamma_neg": torch.tensor(1.0, requires_grad=True)}, r"expected gamma_neg not to require grad"),
        ({"weight": torch.ones(80, requires_grad=True)}, r"expected weight not to require grad"),
        ({"targets": torch.zeros(8, 80, requires_grad=True)}, r"expected targets not to require grad"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_came(options, message):
    with pytest.raises(ValueError, match=message):
        cost(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"logits": torch.zeros(2, 3, dtype=torch.int64)}, r"expected logits to be floating point, got torch.int64"),
        ({"logits": torch.zeros(2, 3, dtype=torch.bool)}, r"expected logits to be floating point, got torch.bool"),
        ({"mask": torch.ones(8, 80)}, r"expected mask to be bool, True where the label is known, got torch.float32"),
        ({"margin": "0.2"}, r"expected margin to be a number or a tensor, got str"),
        ({"targets": [[0.0]]}, r"expected targets to be a tensor, got list"),
    ],
)
def test_what_is_of_another_kind_is_refused(options, message):
    with pytest.raises(TypeError, match=message):
        cost(**options)


def test_the_refused_setting_has_the_name_it_was_given_by():
    with pytest.raises(ValueError, match="expected gamma to be >= 0, got -1"):
        focal_loss(torch.zeros(2), torch.zeros(2), gamma=-1)


def test_numbers_of_numpy_are_numbers():
    assert cost(gamma_neg=np.float32(2), gamma_pos=np.int64(1)) == cost(gamma_neg=2, gamma_pos=1)


def test_modules_refuse_bad_settings_when_they_are_made():
    with pytest.raises(ValueError, match="expected margin to lie in"):
        AsymmetricLoss(margin=1)
    with pytest.raises(ValueError, match="expected gamma to be >= 0, got -2"):
        FocalLoss(gamma=-2)
    with pytest.raises(ValueError, match="expected reduction to be one of"):
        FocalLoss(reduction="median")


def test_unknown_targets_are_not_read():
    mask = torch.tensor([True, False])
    assert torch.isfinite(cost(torch.zeros(2), torch.tensor([1.0, torch.nan]), mask=mask, check_targets=True))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mask": [True]}, "expected mask to be a tensor, got list"),
        ({"weight": [1.0]}, "expected weight to be a tensor, got list"),
        ({"logits": [[0.0]], "targets": torch.zeros(1, 1)}, "expected logits to be a tensor, got list"),
        (
            {"targets": torch.zeros(8, 80, dtype=torch.complex64)},
            "bool, integer or floating point, got torch.complex64",
        ),
        ({"gamma_neg": True}, "expected gamma_neg to be a number or a tensor, got bool"),
        ({"gamma_pos": None}, "expected gamma_pos to be a number or a tensor, got NoneType"),
    ],
)
def test_lists_truths_and_nothing_are_no_tensors_and_no_numbers(options, message):
    with pytest.raises(TypeError, match=message):
        cost(**options)


@pytest.mark.parametrize("name", ["gamma_pos", "gamma_neg", "margin"])
def test_settings_in_tensors_are_held_to_the_same_bounds_as_numbers(name):
    end = 1.0 if name == "margin" else torch.inf
    for wrong in (end, -0.5, torch.nan):
        with pytest.raises(ValueError, match=name):
            cost(**{name: wrong})
        with pytest.raises(ValueError, match=f"{name} to .*, got values from"):
            cost(**{name: torch.tensor([0.5] * 79 + [wrong])})
    with pytest.raises(ValueError, match=f"expected {name} not to require grad"):
        cost(**{name: torch.tensor(0.5, requires_grad=True)})
    for right in (0, 0.0, np.float32(0.5), torch.tensor(0.0), torch.tensor([0.0, 0.5]).repeat(40)):
        assert cost(**{name: right}).isfinite()
    cost(torch.empty(0, 0), **{name: torch.empty(0)})  # no value is none out of range


def test_numbers_are_taken_up_to_their_bounds_and_refused_from_there():
    check_number("x", 1.0, at_least=1.0)
    check_number("x", 0.5, above=0.0, below=1.0)
    check_number("x", -1e30)
    for value, bounds, wanted in (
        (0.5, {"at_least": 1.0}, "expected x to be >= 1, got 0.5"),
        (0.0, {"above": 0.0}, "expected x to be > 0, got 0.0"),
        (1.0, {"at_least": 0.0, "below": 1.0}, "expected x to be >= 0 and < 1, got 1.0"),
        (torch.inf, {}, "expected x to be finite, got inf"),
        (-torch.inf, {}, "expected x to be finite, got -inf"),
        (torch.nan, {"at_least": 0.0}, "expected x to be finite and >= 0, got nan"),
    ):
        with pytest.raises(ValueError, match=f"^{wanted}$"):
            check_number("x", value, **bounds)
    for value, kind in ((True, "bool"), ("1", "str"), (torch.tensor(1.0), "Tensor")):
        with pytest.raises(TypeError, match=f"^expected x to be a number, got {kind}$"):
            check_number("x", value)


def test_targets_that_are_asked_to_be_0_or_1_are_read_where_known():
    targets = torch.tensor([[0.0, 1.0, 0.25, torch.nan]])
    with pytest.raises(ValueError, match="expected targets to be 0 or 1, got 0.25: this loss has no form"):
        check_hard_targets(targets, mask=None)
    with pytest.raises(ValueError, match=r"expected targets to lie in \[0, 1\], got nan"):
        check_hard_targets(targets, mask=torch.tensor([[True, True, False, True]]))
    check_hard_targets(targets, mask=torch.tensor([[True, True, False, False]]))
    check_hard_targets(torch.tensor([[True, False]]), mask=None)
    check_hard_targets(torch.tensor([[1, 0]]), mask=None)


def test_frequencies_are_one_for_each_label():
    check_frequencies(torch.rand(3), torch.zeros(2, 3), inside=False)
    for frequencies, logits in ((torch.rand(2), torch.zeros(2, 3)), (torch.tensor(0.5), torch.tensor(0.0))):
        with pytest.raises(ValueError, match="expected frequencies to have one value per label"):
            check_frequencies(frequencies, logits, inside=False)
    with pytest.raises(TypeError, match="expected frequencies to be a tensor, got list"):
        check_frequencies([0.5], torch.zeros(2, 1), inside=False)


def test_targets_are_read_where_known_and_none_are_not_out_of_range():
    targets, mask = torch.tensor([[0.0, 1.0, 5.0]]), torch.tensor([[True, True, False]])
    assert cost(torch.zeros(1, 3), targets, mask=mask, check_targets=True).isfinite()
    assert cost(torch.empty(0, 3), torch.empty(0, 3), check_targets=True) == 0


def test_targets_that_are_no_longer_on_the_cpu_or_are_followed_are_read_only_when_asked():
    bad = torch.full((2,), 2.0)
    followed = torch.vmap(lambda z: focal_loss(z, bad))(torch.zeros(3, 2))
    assert torch.isfinite(followed).all()
    focal_loss(torch.zeros(2, device="meta"), bad.to("meta"))


HARMLESS = {
    "mask": None,
    "weight": None,
    "loss_weight": None,
    "reduction": None,
    "detach_focus": None,
    "check_targets": None,
    "unknown": None,
    "indices": None,
    "bias": None,  # of the distribution-balanced loss a number, of the linear one a tensor
}
NEEDED = {
    "frequencies": torch.tensor([0.5, 0.1, 0.2]),
    "frequency_threshold": 0.1,
    "gamma_pos": 0.0,
    "gamma_neg": 2.0,
    "gamma": 2.0,
    "margin": 0.1,
}
FUNCTIONS = [name for name in losses.__all__ if inspect.isfunction(getattr(losses, name))]


def settings_of(name):
    """The numbers and tensors that a function is set by."""
    parameters = inspect.signature(getattr(losses, name)).parameters.values()
    return [part.name for part in parameters if part.kind == part.KEYWORD_ONLY and part.name not in HARMLESS]


def call(name, **options):
    logits, targets = torch.zeros(2, 3), torch.zeros(2, 3)
    function = getattr(losses, name)
    needed = {key: value for key, value in NEEDED.items() if key in inspect.signature(function).parameters}
    if name == "partial_asymmetric_loss":
        options["mask"] = torch.ones(3, dtype=torch.bool)
    options = {**needed, **options}
    match name:
        case "recalibrate":
            return function(logits, **options)
        case "recalibration_ceiling":
            return function(**options)
        case "softmax_asymmetric_loss":
            return function(logits, torch.tensor([0, 1]), **options)
        case "linear_asymmetric_loss":
            return function(logits, torch.zeros(3, 3), None, targets, **options)
        case _:
            return function(logits, targets, **options)


@pytest.mark.parametrize(("name", "setting"), [(name, setting) for name in FUNCTIONS for setting in settings_of(name)])
def test_no_setting_of_any_loss_may_be_nan_or_infinite(name, setting):
    call(name)
    for value in (math.nan, math.inf, -math.inf):
        with pytest.raises((ValueError, TypeError), match=f"^expected {setting} (not )?to "):
            call(name, **{setting: value})
        with pytest.raises((ValueError, TypeError), match=f"^expected {setting} (not )?to "):
            call(name, **{setting: torch.tensor([0.5, value, 0.1])})


SIGNED = {"linear_pos", "quadratic_pos", "linear_neg", "centre"}


@pytest.mark.parametrize(
    ("name", "setting"),
    [(name, setting) for name in FUNCTIONS for setting in settings_of(name) if setting not in SIGNED],
)
def test_no_setting_of_any_loss_but_those_with_a_sign_may_be_negative(name, setting):
    with pytest.raises((ValueError, TypeError), match=f"^expected {setting} (not )?to "):
        call(name, **{setting: -0.5})
    with pytest.raises((ValueError, TypeError), match=f"^expected {setting} (not )?to "):
        call(name, **{setting: torch.tensor([0.5, -0.5, 0.1])})


@pytest.mark.parametrize("name", ["distribution_balanced_loss", "partial_asymmetric_loss"])
def test_counts_are_not_taken_for_frequencies(name):
    with pytest.raises(ValueError, match=r"^expected frequencies to lie .*, got 40; they are shares: divide counts by"):
        call(name, frequencies=torch.tensor([0.5, 40, 3]))
