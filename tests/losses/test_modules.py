import inspect
import math
import re

import pytest
import torch

from lopsided import AdaptiveAsymmetricLoss, AsymmetricLoss, FocalLoss, SoftmaxAsymmetricLoss, losses
from lopsided.losses import asymmetric_loss, focal_loss, softmax_asymmetric_loss

PAIRS = [
    (AsymmetricLoss, asymmetric_loss),
    (FocalLoss, focal_loss),
    (SoftmaxAsymmetricLoss, softmax_asymmetric_loss),
]


@pytest.mark.parametrize(("module", "function"), PAIRS)
def test_module_and_function_have_the_same_defaults(module, function):
    settings = {name: parameter.default for name, parameter in inspect.signature(module).parameters.items()}
    of_function = {name: parameter.default for name, parameter in inspect.signature(function).parameters.items()}
    assert settings == {name: of_function[name] for name in settings}


def test_the_defaults_are_those_of_the_project():
    criterion = AsymmetricLoss()
    assert (criterion.gamma_pos, criterion.gamma_neg, criterion.margin) == (0.0, 2.0, 0.2)
    assert AdaptiveAsymmetricLoss().target_gap == 0.1


def test_a_module_gives_what_its_function_gives():
    logits, targets, mask = torch.randn(4, 5), torch.rand(4, 5).round(), torch.rand(4, 5) > 0.5
    settings = {"gamma_pos": 1.0, "gamma_neg": 4.0, "margin": 0.05, "reduction": "sum"}
    assert torch.equal(
        AsymmetricLoss(**settings)(logits, targets, mask=mask), asymmetric_loss(logits, targets, mask=mask, **settings)
    )
    assert torch.equal(FocalLoss(gamma=3.0)(logits, targets), focal_loss(logits, targets, gamma=3.0))
    labels = torch.tensor([0, 1, 2, 3])
    assert torch.equal(
        SoftmaxAsymmetricLoss(gamma_pos=1.0)(logits, labels), softmax_asymmetric_loss(logits, labels, gamma_pos=1)
    )


def test_no_tensor_of_a_call_stays_on_the_module():
    criterion = AsymmetricLoss()
    criterion(torch.randn(4, 5, requires_grad=True), torch.zeros(4, 5)).backward()
    assert not [value for value in vars(criterion).values() if isinstance(value, torch.Tensor)]
    assert not list(criterion.buffers())


def test_per_label_settings_follow_the_module_to_another_type_of_number():
    criterion = AsymmetricLoss(gamma_neg=torch.tensor([1.0, 2.0])).to("meta")
    assert criterion.gamma_neg.device.type == "meta"
    assert criterion.state_dict() == {}


def test_settings_show_where_a_module_is_printed():
    assert repr(AsymmetricLoss(gamma_neg=4)) == "AsymmetricLoss(gamma_pos=0.0, gamma_neg=4, margin=0.2)"
    assert repr(FocalLoss()) == "FocalLoss(gamma=2.0)"


def test_a_call_without_grad_leaves_the_grad_mode_as_it_was():
    logits = torch.randn(3, 4, requires_grad=True)
    with torch.no_grad():
        loss = AsymmetricLoss()(logits, torch.zeros(3, 4))
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled()
    assert not loss.requires_grad


BALANCED = {"frequencies": torch.tensor([0.5, 0.1, 0.02, 0.3, 0.7])}
OTHERS = {  # for each module what is set in any case, and for each setting a value that is not its default
    AsymmetricLoss: ({}, {"gamma_pos": 1.5, "gamma_neg": 4.0, "margin": 0.05, "detach_focus": True}),
    FocalLoss: ({}, {"gamma": 3.0, "detach_focus": True}),
    SoftmaxAsymmetricLoss: ({}, {"gamma_pos": 1.5, "gamma_neg": 2.0, "label_smoothing": 0.3}),
    losses.HillLoss: ({}, {"offset": 2.5, "logit_margin": 0.3, "gamma": 1.0}),
    losses.SPLCLoss: (
        {"epoch_samples": 1, "start": 0.0},
        {"threshold": 0.9, "logit_margin": 0.3, "gamma": 1.0},
    ),
    losses.AsymmetricPolynomialLoss: (
        {},
        {
            **{"gamma_pos": 1.5, "gamma_neg": 2.0, "margin": 0.2, "detach_focus": True},
            **{"linear_pos": 0.5, "quadratic_pos": 1.0, "linear_neg": 2.0},
        },
    ),
    losses.ZLPRLoss: ({}, {}),
    losses.TwoWayLoss: ({}, {"temperature_pos": 2.0, "temperature_neg": 3.0}),
    losses.DistributionBalancedLoss: (
        BALANCED,
        {"gamma": 1.0, "floor": 0.4, "steepness": 2.0, "centre": 0.7, "tolerance": 1.0, "bias": 0.5},
    ),
    losses.PartialAsymmetricLoss: (
        {**BALANCED, "top_k": 1},
        {
            **{"gamma_pos": 1.5, "gamma_neg": 2.0, "gamma_unknown": 4.0, "margin": 0.1, "detach_focus": True},
            **{"unknown": "negative", "top_k": 2, "frequencies": None, "frequency_threshold": 0.4},
        },
    ),
}
OTHERS |= {
    losses.RobustAsymmetricLoss: (
        {},
        {
            **{"gamma_pos": 1.5, "gamma_neg": 2.0, "margin": 0.2, "offset": 2.5},
            **{"linear_pos": 0.5, "quadratic_pos": 1.0},
        },
    ),
    losses.WeightedCrossEntropyLoss: (BALANCED, {"power": 0.9, "cap": 2.0}),
    losses.LogitAdjustedLoss: (BALANCED, {"strength": 0.5}),
    losses.ClassBalancedLoss: ({"positives": [900, 30, 2, 200, 0]}, {"beta": 0.5}),
}
CASES = [
    # Frequencies and top_k have no effect, and are refused, where unknown labels are not chosen one by one.
    pytest.param(module, {} if name == "unknown" else given, {name: value}, id=f"{module.__name__}-{name}")
    for module, (given, settings) in OTHERS.items()
    for name, value in (*settings.items(), ("reduction", "sum"))
]
FUNCTIONS = dict(PAIRS) | {  # these are made of their modules; the newest losses have none
    losses.HillLoss: losses.hill_loss,
    losses.SPLCLoss: losses.splc_loss,
    losses.AsymmetricPolynomialLoss: losses.asymmetric_polynomial_loss,
    losses.ZLPRLoss: losses.zlpr_loss,
    losses.TwoWayLoss: losses.two_way_loss,
    losses.DistributionBalancedLoss: losses.distribution_balanced_loss,
    losses.PartialAsymmetricLoss: losses.partial_asymmetric_loss,
}


def outcome(cost, module, **options):
    """Loss and gradient of a batch with weights and unknown labels, as far as the loss takes them."""
    draw = torch.Generator().manual_seed(0)
    logits = (torch.randn(6, 5, generator=draw) * 2).requires_grad_()
    targets, mask = torch.rand(6, 5, generator=draw) < 0.4, torch.rand(6, 5, generator=draw) > 0.4
    extras = {"mask": mask, "weight": torch.rand(5, generator=draw)}
    if module in (losses.ZLPRLoss, losses.TwoWayLoss):
        del extras["weight"]
    if module is SoftmaxAsymmetricLoss:
        targets, extras = torch.tensor([0, 1, 2, 3, 4, 0]), {}
    loss = cost(logits, targets, **extras, **options)
    return loss.detach(), *torch.autograd.grad(loss, logits)


@pytest.mark.parametrize(("module", "given", "setting"), CASES)
def test_each_setting_has_an_effect_and_is_that_of_the_function(module, given, setting):
    options = {**given, **setting}
    found = outcome(module(**options), module)
    if function := FUNCTIONS.get(module):
        takes = inspect.signature(function).parameters
        of_function = {name: value for name, value in options.items() if name in takes}
        torch.testing.assert_close(outcome(function, module, **of_function), found)
    default = outcome(module(**given), module)
    assert not all(torch.allclose(one, other) for one, other in zip(found, default, strict=True))


@pytest.mark.parametrize(
    ("module", "given", "name"),
    [
        pytest.param(*case.values[:2], name, id=case.id)
        for case in CASES
        if (name := next(iter(case.values[2]))) not in ("detach_focus", "frequencies")  # any value is one
    ],
)
def test_a_module_and_its_function_refuse_the_same_settings(module, given, name):
    wrong = {"frequency_threshold": -0.1, "centre": math.nan, "linear_pos": math.nan, "linear_neg": math.nan}
    wrong |= {"quadratic_pos": math.nan, "unknown": "drop", "reduction": "avg", "top_k": -1}
    options = {**given, name: wrong.get(name, -1.0)}
    with pytest.raises(ValueError, match=name):
        module(**options)
    if function := FUNCTIONS.get(module):
        takes = inspect.signature(function).parameters
        with pytest.raises(ValueError, match=name):
            outcome(function, module, **{part: value for part, value in options.items() if part in takes})


@pytest.mark.parametrize("loss", [losses.ZLPRLoss(), losses.TwoWayLoss()])
def test_weights_of_elements_are_refused_where_elements_have_no_loss(loss):
    with pytest.raises(ValueError, match="^expected no weight: in this loss a single element costs nothing by itself"):
        loss(torch.zeros(1, 2), torch.zeros(1, 2), weight=torch.ones(2))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: AsymmetricLoss(4, 1, 0.05),
            "expected settings by name, as in AsymmetricLoss(gamma_neg=4, gamma_pos=1, margin=0.05), got 3 without a "
            "name (the published class takes gamma_neg, gamma_pos, clip)",
        ),
        (lambda: FocalLoss(2), "expected settings by name, as in FocalLoss(gamma=2), got 1 without a name"),
        (
            lambda: AdaptiveAsymmetricLoss(0.2),
            "expected settings by name, as in AdaptiveAsymmetricLoss(target_gap=0.2)",
        ),
        (lambda: losses.SPLCLoss(0.6, epoch_samples=8), "expected settings by name, as in SPLCLoss(threshold=0.6)"),
    ],
)
def test_settings_without_a_name_are_refused_with_the_right_spelling(make, message):
    with pytest.raises(TypeError, match=f"^{re.escape(message)}"):
        make()


def test_a_loss_of_ones_own_may_take_settings_in_order():
    class Softened(AsymmetricLoss):
        def __init__(self, gamma_neg):
            super().__init__(gamma_neg=gamma_neg)

    assert Softened(3.0).gamma_neg == 3.0
    assert repr(Softened(3.0)).endswith("Softened(gamma_neg=3.0)")


def test_every_module_shows_its_settings_where_it_is_printed():
    shown = [repr(module(**given)) for module, (given, _) in OTHERS.items()]
    assert shown == [
        "AsymmetricLoss(gamma_pos=0.0, gamma_neg=2.0, margin=0.2)",
        "FocalLoss(gamma=2.0)",
        "SoftmaxAsymmetricLoss(gamma_pos=0.0, gamma_neg=4.0, label_smoothing=0.0)",
        "HillLoss(offset=1.5, logit_margin=1.0, gamma=2.0)",
        "SPLCLoss(epoch_samples=1, threshold=0.6, logit_margin=1.0, gamma=2.0, start=0.0)",
        "AsymmetricPolynomialLoss(gamma_pos=0.0, gamma_neg=4.0, margin=0.05, linear_pos=-1.0, quadratic_pos=2.5, "
        "linear_neg=0.0)",
        "ZLPRLoss()",
        "TwoWayLoss(temperature_pos=4.0, temperature_neg=1.0)",
        "DistributionBalancedLoss(frequencies=tensor of shape (5,), gamma=2.0, floor=0.1, steepness=10.0, centre=0.2, "
        "tolerance=2.0, bias=0.05)",
        "PartialAsymmetricLoss(gamma_pos=0.0, gamma_neg=1.0, margin=0.0, top_k=1, frequencies=tensor of shape (5,))",
        "RobustAsymmetricLoss(gamma_pos=0.0, gamma_neg=4.0, margin=0.05, offset=1.5, linear_pos=-1.0, "
        "quadratic_pos=2.5)",
        "WeightedCrossEntropyLoss(frequencies=tensor of shape (5,), power=0.5, cap=10.0)",
        "LogitAdjustedLoss(frequencies=tensor of shape (5,), strength=1.0)",
        "ClassBalancedLoss(positives=tensor of shape (5,), beta=0.999)",
    ]
    assert repr(AsymmetricLoss(detach_focus=True)).endswith("margin=0.2, detach_focus=True)")


def test_a_setting_in_a_tensor_is_a_copy_that_is_not_saved():
    gamma = torch.tensor([1.0, 2.0])
    criterion = AsymmetricLoss(gamma_neg=gamma)
    gamma += 1
    assert criterion.gamma_neg.tolist() == [1.0, 2.0]
    assert not criterion.state_dict()
    assert dict(criterion.named_buffers()).keys() == {"gamma_neg"}


@pytest.mark.parametrize("module", [AsymmetricLoss, FocalLoss])
def test_a_module_that_is_to_check_targets_refuses_those_outside_of_0_to_1(module):
    with pytest.raises(ValueError, match=r"expected targets to lie in \[0, 1\]"):
        module(check_targets=True)(torch.zeros(1, 2), torch.tensor([[0.0, 2.0]]))
