import inspect

import pytest
import torch

from lopsided import AdaptiveAsymmetricLoss, AsymmetricLoss, FocalLoss, SoftmaxAsymmetricLoss
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
    assert torch.equal(SoftmaxAsymmetricLoss(1.0)(logits, labels), softmax_asymmetric_loss(logits, labels, gamma_pos=1))


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
