import pytest
import torch
from torch.nn.functional import cross_entropy

from lopsided.losses import softmax_asymmetric_loss
from tests.reference.losses import softmax_asymmetric_loss as reference


@pytest.mark.parametrize("gamma_pos", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("gamma_neg", [0.0, 0.5, 4.0])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_every_row_equals_the_equation(gamma_pos, gamma_neg, label_smoothing):
    logits, labels = torch.randn(20, 6, dtype=torch.float64) * 3, torch.randint(6, (20,))
    losses = softmax_asymmetric_loss(
        logits, labels, gamma_pos=gamma_pos, gamma_neg=gamma_neg, label_smoothing=label_smoothing, reduction="none"
    )
    expected = [
        reference(row.numpy(), int(label), gamma_pos, gamma_neg, label_smoothing)
        for row, label in zip(logits, labels, strict=True)
    ]
    torch.testing.assert_close(losses, torch.tensor(expected, dtype=torch.float64))


def test_gamma_neg_counts_without_smoothing():
    logits, labels = torch.randn(8, 5), torch.randint(5, (8,))
    costs = [softmax_asymmetric_loss(logits, labels, gamma_neg=gamma).item() for gamma in (0.0, 2.0, 4.0)]
    assert costs[0] > costs[1] > costs[2]


def test_its_limit_for_a_large_gamma_neg_is_cross_entropy():
    logits, labels = torch.randn(8, 5), torch.randint(5, (8,))
    torch.testing.assert_close(softmax_asymmetric_loss(logits, labels, gamma_neg=1e4), cross_entropy(logits, labels))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("size", [20.0, 100.0, 1e4])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_value_and_gradient_are_exact_at_the_extremes(dtype, size, gamma):
    rows = torch.tensor([[size, 0, -size, 1], [-size, size, size, 0], [0, 0, 0, size]]).to(dtype)
    results = []
    for kind in (dtype, torch.float64):
        for labels in (torch.tensor([0, 0, 0]), torch.tensor([2, 1, 3])):
            logits = rows.to(kind).requires_grad_()
            loss = softmax_asymmetric_loss(logits, labels, gamma_pos=gamma, gamma_neg=gamma, reduction="none")
            results.append((loss, *torch.autograd.grad(loss.sum(), logits)))
    for narrow, exact in zip(results[:2], results[2:], strict=True):
        torch.testing.assert_close(narrow[0].double(), exact[0], rtol=2e-5, atol=1e-30)
        tolerance = max(2 * torch.finfo(dtype).eps, 2e-5)
        torch.testing.assert_close(narrow[1].double(), exact[1], rtol=tolerance, atol=2e-7)


def test_an_image_of_labels_is_accepted():
    logits, labels = torch.randn(2, 3, 4, 5), torch.randint(5, (2, 3, 4))
    assert softmax_asymmetric_loss(logits, labels, reduction="none").shape == (2, 3, 4)
    torch.testing.assert_close(
        softmax_asymmetric_loss(logits, labels), softmax_asymmetric_loss(logits.reshape(-1, 5), labels.reshape(-1))
    )


def test_an_empty_batch_costs_nothing():
    assert softmax_asymmetric_loss(torch.empty(0, 5), torch.empty(0, dtype=torch.int64)).item() == 0


@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        (torch.zeros(2, 1), torch.tensor([0, 0]), r"at least two classes in their last dimension, got \(2, 1\)"),
        (torch.zeros(2, 3), torch.tensor([0]), r"expected labels to have the shape \(2,\), got \(1,\)"),
        (torch.zeros(2, 3), torch.tensor([0, 3]), r"expected labels to lie in \[0, 3\), got values from 0 to 3"),
        (torch.zeros(2, 3), torch.tensor([0, -100]), r"expected labels to lie in \[0, 3\), got values from -100 to 0"),
    ],
)
def test_labels_that_do_not_fit_are_refused(logits, labels, message):
    with pytest.raises(ValueError, match=message):
        softmax_asymmetric_loss(logits, labels)


def test_labels_that_are_no_class_numbers_are_refused():
    with pytest.raises(TypeError, match="expected labels to be integer class numbers"):
        softmax_asymmetric_loss(torch.zeros(2, 3), torch.zeros(2))


@pytest.mark.parametrize("gammas", [(0, 4), (1, 2), (0, 0), (2, 0.5), (0, 60)])
def test_a_class_at_minus_infinity_is_as_if_it_were_not_there(gammas):
    logits = torch.tensor([[2.0, -torch.inf, 0.5], [1.0, 3.0, -torch.inf], [-torch.inf, 4.0, 4.5]], requires_grad=True)
    labels = torch.tensor([0, 1, 1])
    options = {"gamma_pos": gammas[0], "gamma_neg": gammas[1], "reduction": "none"}
    losses = softmax_asymmetric_loss(logits, labels, **options)
    (slopes,) = torch.autograd.grad(losses.sum(), logits)
    for loss, slope, row, label in zip(losses, slopes, logits.detach(), labels, strict=True):
        there = row > -torch.inf
        alone = row[there][None].requires_grad_()
        wanted = softmax_asymmetric_loss(alone, there[:label].sum()[None], **options)
        assert loss.item() == pytest.approx(wanted.item(), abs=1e-7)
        torch.testing.assert_close(slope[there], torch.autograd.grad(wanted, alone)[0][0])
        assert (slope[~there] == 0).all()


def test_where_the_right_class_is_ruled_out_the_loss_is_infinite_as_that_of_cross_entropy():
    logits = torch.tensor([[2.0, -torch.inf, 0.5], [2.0, 1.0, 0.5]])
    for labels, smoothing in ((torch.tensor([1, 0]), 0.0), (torch.tensor([0, 0]), 0.1)):
        losses = softmax_asymmetric_loss(logits, labels, label_smoothing=smoothing, reduction="none")
        plain = cross_entropy(logits, labels, label_smoothing=smoothing, reduction="none")
        assert losses.isinf().tolist() == plain.isinf().tolist() == [True, False]
    one_left = torch.tensor([[-torch.inf, 4.0, -torch.inf]])
    assert softmax_asymmetric_loss(one_left, torch.tensor([1])) == 0


@pytest.mark.parametrize("name", ["gamma_pos", "gamma_neg"])
def test_its_focusing_powers_are_numbers(name):
    with pytest.raises(TypeError, match=f"expected {name} to be a number, got"):
        softmax_asymmetric_loss(torch.zeros(2, 3), torch.tensor([0, 1]), **{name: torch.tensor(1.0)})
