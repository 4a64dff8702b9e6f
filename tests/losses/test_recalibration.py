import mpmath
import pytest
import torch

from lopsided.losses import asymmetric_gradient, asymmetric_loss, recalibrate, recalibration_ceiling

SETTINGS = [(0, 2, 0), (0, 4, 0.05), (1, 4, 0.05), (0, 7, 0.05), (0, 2, 0.2), (0.5, 1.5, 0.1), (2, 2, 0), (0, 0, 0.2)]


def best_probability(eta, **settings):
    """Where the expected loss is least, by brute force: a grid, then golden sections."""
    low, high = -30.0, 30.0
    for _ in range(12):
        z = torch.linspace(low, high, 2001, dtype=torch.float64)
        costs = [asymmetric_loss(z, torch.full_like(z, y), reduction="none", **settings) for y in (0.0, 1.0)]
        best = int(((1 - eta) * costs[0] + eta * costs[1]).argmin())
        low, high = z[max(best - 2, 0)].item(), z[min(best + 2, 2000)].item()
    return torch.sigmoid(torch.tensor((low + high) / 2, dtype=torch.float64))


@pytest.mark.parametrize(("gamma_pos", "gamma_neg", "margin"), SETTINGS)
@pytest.mark.parametrize("eta", [0.02, 0.1, 0.3, 0.5, 0.7, 0.84, 0.95])
def test_it_finds_the_true_probability_behind_the_best_output(gamma_pos, gamma_neg, margin, eta):
    settings = {"gamma_pos": gamma_pos, "gamma_neg": gamma_neg, "margin": margin}
    p = best_probability(eta, **settings)
    ceiling = recalibration_ceiling(**settings)
    if eta < ceiling and p > margin + 1e-3:
        assert recalibrate(torch.logit(p), **settings).item() == pytest.approx(eta, abs=1e-6)
    else:
        assert p > 1 - 1e-9 or p <= margin + 1e-3


@pytest.mark.parametrize(
    ("settings", "at_half", "at_tenth"),
    [
        ((0, 2, 0), 0.573, 0.307),
        ((0, 4, 0.05), 0.684, 0.478),
        ((1, 4, 0.05), 0.638, 0.468),
        ((0, 7, 0.05), 0.754, 0.599),
    ],
)
def test_the_known_biases_are_undone(settings, at_half, at_tenth):
    gamma_pos, gamma_neg, margin = settings
    outputs = torch.tensor([at_half, at_tenth], dtype=torch.float64)
    etas = recalibrate(torch.logit(outputs), gamma_pos=gamma_pos, gamma_neg=gamma_neg, margin=margin)
    assert etas.tolist() == pytest.approx([0.5, 0.1], abs=2e-3)


@pytest.mark.parametrize(("settings", "ceiling"), [((2, 0.2), 0.852), ((4, 0.05), 0.964), ((7, 0.05), 0.967)])
def test_the_ceiling_is_where_the_paper_puts_it(settings, ceiling):
    found = recalibration_ceiling(gamma_pos=0, gamma_neg=settings[0], margin=settings[1])
    assert found == pytest.approx(ceiling, abs=6e-4)


def test_without_focus_and_margin_the_sigmoid_is_right():
    z = torch.linspace(-30, 30, 61, dtype=torch.float64)
    torch.testing.assert_close(recalibrate(z, gamma_pos=0, gamma_neg=0, margin=0), torch.sigmoid(z))
    assert recalibration_ceiling(gamma_pos=0, gamma_neg=3, margin=0) == 1
    assert recalibration_ceiling(gamma_pos=1, gamma_neg=3, margin=0.3) == pytest.approx(1)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize(("gamma_pos", "gamma_neg", "margin"), SETTINGS)
def test_it_rises_from_0_to_the_ceiling_without_a_break(dtype, gamma_pos, gamma_neg, margin):
    settings = {"gamma_pos": gamma_pos, "gamma_neg": gamma_neg, "margin": margin}
    z = torch.tensor([-1e4, -100, *torch.linspace(-20, 20, 401).tolist(), 100, 1e4]).to(dtype)
    eta = recalibrate(z, **settings)
    assert eta.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert (eta.diff() >= -2e-6).all()
    assert eta[0] == pytest.approx(0, abs=1e-9)
    assert eta[-1] == pytest.approx(recalibration_ceiling(**settings), abs=1e-4)


def test_below_the_margin_it_is_0():
    assert recalibrate(torch.logit(torch.tensor([0.05, 0.19])), gamma_pos=0, gamma_neg=0, margin=0.2).tolist() == [0, 0]


def test_each_label_may_have_its_own_settings():
    z, gammas = torch.randn(5, 3), torch.tensor([0.0, 2.0, 6.0])
    together = recalibrate(z, gamma_pos=0, gamma_neg=gammas, margin=0.1)
    for k, gamma in enumerate(gammas.tolist()):
        torch.testing.assert_close(together[:, k], recalibrate(z[:, k], gamma_pos=0, gamma_neg=gamma, margin=0.1))


def test_it_is_differentiable():
    z = torch.linspace(-1, 4, 11, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: recalibrate(x, gamma_pos=1.0, gamma_neg=2.5, margin=0.1), z)


def resting_place(eta, **settings):
    """Where the gradient of autograd, with the focusing power detached, is 0 on average: by halving."""
    low, high = -40.0, 40.0
    for _ in range(60):
        z = torch.full((2,), (low + high) / 2, dtype=torch.float64, requires_grad=True)
        loss = asymmetric_loss(z, torch.tensor([0.0, 1.0]), reduction="none", detach_focus=True, **settings)
        slopes = torch.autograd.grad(loss.sum(), z)[0]
        expected = (1 - eta) * slopes[0] + eta * slopes[1]
        low, high = (low, z[0].item()) if expected > 0 else (z[0].item(), high)
    return (low + high) / 2


@pytest.mark.parametrize(("gamma_pos", "gamma_neg", "margin"), SETTINGS)
@pytest.mark.parametrize("eta", [0.02, 0.1, 0.3, 0.5, 0.7, 0.84, 0.95])
def test_with_the_focus_detached_it_finds_where_the_expected_gradient_rests(gamma_pos, gamma_neg, margin, eta):
    settings = {"gamma_pos": gamma_pos, "gamma_neg": gamma_neg, "margin": margin}
    z = torch.tensor(resting_place(eta, **settings), dtype=torch.float64)
    if eta >= recalibration_ceiling(**settings, detach_focus=True):
        assert z > 30
    elif torch.sigmoid(z) > margin + 1e-3:
        assert recalibrate(z, **settings, detach_focus=True).item() == pytest.approx(eta, abs=1e-6)
    else:  # without a focus the pull of a negative starts at the margin at once
        assert torch.sigmoid(z).item() == pytest.approx(margin, abs=1e-3)


def test_the_published_script_rests_elsewhere_than_its_loss_is_least():
    half = torch.tensor(resting_place(0.5, gamma_pos=0, gamma_neg=4, margin=0.05), dtype=torch.float64)
    assert torch.sigmoid(half).item() == pytest.approx(0.799, abs=1e-3)
    settings = {"gamma_pos": 0, "gamma_neg": 4, "margin": 0.05}
    assert recalibrate(half, **settings, detach_focus=True).item() == pytest.approx(0.5, abs=1e-6)
    assert recalibrate(half, **settings).item() == pytest.approx(0.741, abs=1e-3)
    assert recalibration_ceiling(**settings, detach_focus=True) == pytest.approx(0.942, abs=1e-3)


def test_the_gradients_of_eq_6_cancel_at_what_it_returns():
    z = torch.linspace(-1, 6, 29, dtype=torch.float64)
    for detach_focus in (False, True):
        settings = {"gamma_pos": 1, "gamma_neg": 4, "margin": 0.05, "detach_focus": detach_focus}
        eta = recalibrate(z, **settings)
        slopes = [asymmetric_gradient(z, torch.full_like(z, y), **settings) for y in (0, 1)]
        torch.testing.assert_close((1 - eta) * slopes[0] + eta * slopes[1], torch.zeros_like(z), rtol=0, atol=1e-12)


def by_50_digits(z, gamma_pos, gamma_neg, margin, detach_focus):
    """The quotient of both slopes, to 50 digits."""
    mpmath.mp.dps = 50
    z, m = mpmath.mpf(z), mpmath.mpf(margin)
    p, q = 1 / (1 + mpmath.exp(-z)), 1 / (1 + mpmath.exp(z))
    if p <= m:
        return 0.0
    shifted, rest = p - m, q + m
    rise, fall = p * q / rest, q
    if not detach_focus:
        rise -= gamma_neg * mpmath.log(rest) / shifted * p * q
        fall -= gamma_pos * p * mpmath.log(p)
    return float(1 / (1 + q**gamma_pos * fall / (shifted**gamma_neg * rise)))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("gamma_pos", [0, 0.5, 2, 10])
@pytest.mark.parametrize("gamma_neg", [0, 0.5, 4, 20])
def test_no_setting_loses_its_numbers_at_any_logit(dtype, gamma_pos, gamma_neg):
    z = torch.tensor([-100, -30, -18, -5, -1, 0, 1, 2, 5, 12, 17, 18, 30, 88, 100], dtype=dtype)
    for margin in (0.0, 0.0625, 0.5, 0.875):  # the same in every type
        for detach_focus in (False, True):
            settings = {"gamma_pos": gamma_pos, "gamma_neg": gamma_neg, "margin": margin, "detach_focus": detach_focus}
            found = recalibrate(z, **settings).double()
            wanted = torch.tensor([by_50_digits(value, **settings) for value in z.tolist()], dtype=torch.float64)
            torch.testing.assert_close(found, wanted, rtol=0, atol=1e-12 if dtype == torch.float64 else 2e-5)
            assert (found.diff() >= -1e-6).all()


def test_nan_stays_nan_and_infinity_is_the_end():
    z = torch.tensor([torch.nan, -torch.inf, torch.inf])
    for gamma_neg, margin in ((2, 0.2), (0, 0.0), (2.5, 0.0)):
        found = recalibrate(z, gamma_pos=0, gamma_neg=gamma_neg, margin=margin)
        assert found[0].isnan()
        assert found[1] == 0
        assert found[2].item() == pytest.approx(recalibration_ceiling(gamma_pos=0, gamma_neg=gamma_neg, margin=margin))


def test_the_ceiling_does_not_depend_on_the_default_device():
    with torch.device("meta"):
        assert recalibration_ceiling(gamma_pos=0, gamma_neg=2, margin=0.2) == pytest.approx(0.852, abs=1e-3)
