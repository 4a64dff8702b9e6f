import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from lopsided.losses import asymmetric_loss, linear_asymmetric_loss
from lopsided.losses.many_labels import job

SAMPLES, LABELS, WIDTH = 7, 1100, 5


class Largest(TorchDispatchMode):
    """The most elements that any tensor made inside has."""

    def __init__(self):
        super().__init__()
        self.elements = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for part in result if isinstance(result, (tuple, list)) else [result]:
            if isinstance(part, torch.Tensor) and part.layout == torch.strided:
                self.elements = max(self.elements, part.untyped_storage().nbytes() // part.element_size())
        return result


def layer(dtype=torch.float64, labels=LABELS):
    features, weight, bias = torch.randn(SAMPLES, WIDTH), torch.randn(labels, WIDTH), torch.randn(labels)
    return [part.to(dtype).requires_grad_() for part in (features, weight, bias)]


def outcome(loss, parts):
    return loss.detach(), *torch.autograd.grad(loss, parts)


@pytest.fixture(autouse=True)
def several_chunks(monkeypatch):
    monkeypatch.setattr(job, "LOGITS_AT_A_TIME", 1)  # 256 labels at a time, at least


@pytest.mark.parametrize("reduction", ["mean", "sum", "batchmean"])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("per_label", [False, True])
def test_loss_and_gradients_equal_those_of_the_two_steps(reduction, masked, per_label):
    parts = layer()
    targets = torch.rand(SAMPLES, LABELS)
    options = {
        "gamma_pos": 0.5,
        "gamma_neg": torch.rand(LABELS) * 4 if per_label else torch.rand(SAMPLES, 1) * 3,
        "margin": torch.tensor(0.1),
        "mask": torch.rand(SAMPLES, LABELS) > 0.3 if masked else None,
        "detach_focus": per_label,
        "reduction": reduction,
    }
    factors = torch.rand(LABELS) if masked else None
    two_steps = asymmetric_loss(parts[0] @ parts[1].T + parts[2], targets, weight=factors, **options)
    one = linear_asymmetric_loss(*parts, targets, loss_weight=factors, **options)
    torch.testing.assert_close(outcome(one, parts), outcome(two_steps, parts))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_every_type_gives_what_the_two_steps_give(dtype):
    parts = layer(dtype)
    targets = torch.rand(SAMPLES, LABELS) < 0.05
    logits = torch.nn.functional.linear(*parts)
    two_steps = outcome(asymmetric_loss(logits, targets, reduction="batchmean"), parts)
    one = outcome(linear_asymmetric_loss(*parts, targets, reduction="batchmean"), parts)
    for came, wanted, allowed in zip(one, two_steps, rounding(parts, targets, dtype), strict=True):
        assert ((came - wanted).abs().double() <= allowed).all()


def rounding(parts, targets, dtype):
    """How far two orders of the same sums may be apart: loss, and gradients of features, weight and bias."""
    eps = torch.finfo(dtype).eps
    features, weight, bias = (part.detach().double() for part in parts)
    z = (features @ weight.T + bias).requires_grad_()
    losses = asymmetric_loss(z, targets, reduction="none").detach() / SAMPLES
    slope = torch.autograd.grad(asymmetric_loss(z, targets, reduction="batchmean"), z)[0].abs()
    of_logit = eps * (WIDTH + 2) * (features.abs() @ weight.abs().T + bias.abs())
    of_slope = 2 * of_logit / SAMPLES + eps * slope  # no second derivative of this loss exceeds 2
    yield 2 * (slope * of_logit + of_logit**2 / SAMPLES + LABELS * eps * losses).sum() + 2 * eps * losses.sum()
    yield 2 * ((of_slope + LABELS * eps * slope) @ weight.abs())
    yield 2 * ((of_slope + SAMPLES * eps * slope).T @ features.abs())
    yield 2 * (of_slope + SAMPLES * eps * slope).sum(dim=0)


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support:UserWarning")
def test_sparse_targets_are_the_dense_ones():
    parts = layer()
    dense = torch.zeros(SAMPLES, LABELS)
    indices = torch.tensor([[3, 1099, -1], [-1, -1, -1], [0, 255, 256], [5, 5, 5], [-1, 7, -1], [1, 2, 3], [9, -1, -1]])
    for row, columns in enumerate(indices.tolist()):
        dense[row, [column for column in columns if column >= 0]] = 1.0
    expected = outcome(linear_asymmetric_loss(*parts, dense), parts)
    torch.testing.assert_close(outcome(linear_asymmetric_loss(*parts, indices, indices=True), parts), expected)
    soft = dense * 0.75
    expected = outcome(linear_asymmetric_loss(*parts, soft), parts)
    sparse = soft.to_sparse_csr()
    torch.testing.assert_close(outcome(linear_asymmetric_loss(*parts, sparse), parts), expected)


def test_only_the_wanted_gradients_are_computed_and_no_bias_is_needed():
    features, weight, _ = layer()
    targets = torch.rand(SAMPLES, LABELS)
    loss = linear_asymmetric_loss(features.detach(), weight, None, targets)
    expected = asymmetric_loss(features.detach() @ weight.T, targets)
    torch.testing.assert_close(outcome(loss, [weight]), outcome(expected, [weight]))
    with torch.no_grad():
        assert not linear_asymmetric_loss(features, weight, None, targets).requires_grad


def test_a_weight_in_float32_serves_features_in_bfloat16():
    features, weight, bias = layer(torch.float32)
    half = features.detach().bfloat16().requires_grad_()
    targets = torch.rand(SAMPLES, LABELS) < 0.05
    loss = linear_asymmetric_loss(half, weight, bias, targets)
    loss.backward()
    assert (half.grad.dtype, weight.grad.dtype, loss.dtype) == (torch.bfloat16, torch.float32, torch.float32)


def test_the_logits_of_all_labels_are_never_held():
    features, weight, bias = layer(torch.float32, labels=20_000)
    indices = torch.randint(20_000, (SAMPLES, 4))
    with Largest() as largest:
        linear_asymmetric_loss(features, weight, bias, indices, indices=True).backward()
    assert largest.elements <= weight.numel()  # its gradient
    assert largest.elements < SAMPLES * 20_000


def test_a_second_derivative_is_refused():
    parts = layer()
    loss = linear_asymmetric_loss(*parts, torch.zeros(SAMPLES, LABELS))
    (slope,) = torch.autograd.grad(loss, parts[0], create_graph=True)
    with pytest.raises(RuntimeError, match="first derivatives only"):
        slope.sum().backward()


@pytest.mark.parametrize("samples", [0, 1])
def test_nothing_and_one_sample_are_batches(samples):
    features, weight = torch.randn(samples, WIDTH, requires_grad=True), torch.randn(3, WIDTH)
    loss = linear_asymmetric_loss(features, weight, None, torch.zeros(samples, 3))
    loss.backward()
    assert features.grad.shape == (samples, WIDTH)
    assert loss.isfinite()


def test_what_does_not_fit_is_refused_with_what_was_wanted():
    features, weight, bias = layer()
    targets = torch.zeros(SAMPLES, LABELS)
    with pytest.raises(ValueError, match=r"^expected weight to have the width of features 5, got 4$"):
        linear_asymmetric_loss(features, weight[:, 1:], bias, targets)
    with pytest.raises(ValueError, match=r"^expected bias to have the labels of weight 1100, got 3$"):
        linear_asymmetric_loss(features, weight, bias[:3], targets)
    with pytest.raises(ValueError, match=r"^expected targets to have the shape of logits \(7, 1100\), got \(7, 3\)$"):
        linear_asymmetric_loss(features, weight, bias, targets[:, :3])
    with pytest.raises(ValueError, match="label numbers below 1100, or -1, got values from 0 to 1100$"):
        linear_asymmetric_loss(features, weight, bias, torch.tensor([[0, 1100]] * SAMPLES), indices=True)
    with pytest.raises(
        TypeError, match=r"^expected targets to be label numbers, int64, int32 or int16, got torch.float32$"
    ):
        linear_asymmetric_loss(features, weight, bias, targets, indices=True)
    with pytest.raises(ValueError, match=r'got "none": it would hold every element$'):
        linear_asymmetric_loss(features, weight, bias, targets, reduction="none")
    with pytest.raises(TypeError, match=r"^expected targets to be dense or sparse CSR, got torch.sparse_coo$"):
        linear_asymmetric_loss(features, weight, bias, targets.to_sparse())


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"features": torch.zeros(2, 3, dtype=torch.int64)},
            TypeError,
            "expected features to be floating point, got torch.int64",
        ),
        ({"weight": torch.zeros(4, 3, dtype=torch.int64)}, TypeError, "expected weight to be floating point"),
        ({"bias": torch.zeros(4, dtype=torch.int64)}, TypeError, "expected bias to be floating point"),
        ({"features": [[0.0]]}, TypeError, "expected features to be a tensor, got list"),
        ({"features": None}, TypeError, "expected features to be a tensor, got NoneType"),
        ({"bias": [0.0]}, TypeError, "expected bias to be a tensor, got list"),
        (
            {"features": torch.zeros(3)},
            ValueError,
            r"expected features to have the shape \(samples, width\), got \(3,\)",
        ),
        ({"bias": torch.zeros(4, 1)}, ValueError, r"expected bias to have the shape \(labels,\), got \(4, 1\)"),
        ({"mask": torch.ones(2, 4)}, TypeError, "expected mask to be bool"),
        (
            {"mask": torch.ones(2, 3, dtype=torch.bool)},
            ValueError,
            r"expected mask to broadcast .* \(2, 4\), got \(2, 3\)",
        ),
        ({"loss_weight": torch.ones(3)}, ValueError, r"expected weight to broadcast .* \(2, 4\), got \(3,\)"),
        ({"gamma_neg": torch.ones(3)}, ValueError, r"expected gamma_neg to broadcast .* \(2, 4\), got \(3,\)"),
        ({"margin": 1.0}, ValueError, "expected margin to lie in"),
        ({"reduction": "avg"}, ValueError, "expected reduction to be one of"),
    ],
)
def test_each_part_that_does_not_fit_is_refused_by_its_name(change, error, message):
    parts = {
        "features": torch.zeros(2, 3),
        "weight": torch.zeros(4, 3),
        "bias": torch.zeros(4),
        "targets": torch.zeros(2, 4),
    }
    with pytest.raises(error, match=message):
        linear_asymmetric_loss(**{**parts, **change})


@pytest.mark.parametrize("numbers", [torch.zeros(2, dtype=torch.int64), torch.zeros(3, 1, dtype=torch.int64)])
def test_label_numbers_come_in_a_row_for_each_sample(numbers):
    with pytest.raises(ValueError, match=r"expected targets to have the shape \(2, most positives\)"):
        linear_asymmetric_loss(torch.zeros(2, 3), torch.zeros(4, 3), None, numbers, indices=True)
