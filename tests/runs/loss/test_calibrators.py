import dataclasses
import json

import pytest
import torch

from lopsided.inference.calibrate import fitted
from lopsided.losses import recalibrate
from lopsided.runs.loss.calibrators import ClosedForm, closed_form, for_labels, from_fit, without_fit
from lopsided.runs.loss.criterion import build_criterion
from lopsided.training import LossOptions
from lopsided.training.fit import fit

# what Lightning and TensorBoard themselves warn of
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:Detected pickle protocol"),
]

LOGITS = torch.linspace(-12, 12, 97).reshape(-1, 1).expand(-1, 3)


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        (LossOptions(), {"gamma_pos": 0, "gamma_neg": 2, "margin": 0.2}),
        (
            LossOptions(gamma_neg=4, margin=0.05, detach_focus=True),
            {"gamma_neg": 4, "margin": 0.05, "detach_focus": True},
        ),
        (LossOptions(name="focal", gamma=3), {"gamma_pos": 3, "gamma_neg": 3, "margin": 0}),
        (LossOptions(name="cross_entropy"), {"gamma_pos": 0, "gamma_neg": 0, "margin": 0}),
    ],
)
def test_it_undoes_the_loss_that_the_run_was_trained_with(options, settings):
    found = closed_form(options, {}, num_labels=3)(LOGITS)
    wanted = recalibrate(LOGITS, **{"gamma_pos": 0, **settings})
    torch.testing.assert_close(found, wanted, rtol=0, atol=2e-6)


def test_cross_entropy_needs_no_correction():
    found = closed_form(LossOptions(name="cross_entropy"), {}, num_labels=3)(LOGITS)
    torch.testing.assert_close(found, LOGITS.sigmoid(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("per_label", [False, True])
def test_an_adaptive_run_is_undone_with_the_gamma_that_its_saved_weights_ended_with(tmp_path, table, config, per_label):
    config = dataclasses.replace(config, loss=LossOptions(name="adaptive", per_label=per_label, target_gap=0.3))
    run = fit(config, tmp_path / "run", data=table)
    gamma = torch.load(run.checkpoints / "best.ckpt", weights_only=True)["state_dict"]["criterion.gamma_neg"]
    assert gamma.shape == ((3,) if per_label else ())
    assert (gamma != 2).all()
    found = run.load().calibrator(LOGITS)
    torch.testing.assert_close(found, recalibrate(LOGITS, gamma_pos=0, gamma_neg=gamma, margin=0.2), rtol=0, atol=2e-6)
    assert not torch.allclose(found, recalibrate(LOGITS, gamma_pos=0, gamma_neg=2, margin=0.2), atol=1e-3)


@pytest.mark.parametrize(
    ("kept", "margin"), [({}, 0.2), ({"full_margin_at": 0.0}, 0.2), ({"full_margin_at": 2.0}, 0.05)]
)
def test_a_low_gamma_is_undone_with_the_margin_that_it_had(kept, margin):
    weights = {f"criterion.{name}": torch.tensor(value) for name, value in {"gamma_neg": 0.5, **kept}.items()}
    found = closed_form(LossOptions(name="adaptive"), weights, num_labels=3)(LOGITS)
    wanted = recalibrate(LOGITS, gamma_pos=0, gamma_neg=0.5, margin=margin)
    torch.testing.assert_close(found, wanted, rtol=0, atol=2e-6)


def test_some_labels_of_a_run_with_a_gamma_for_each_are_undone_as_all_are():
    gamma = torch.tensor([0.5, 1.0, 4.0])
    weights = {"criterion.gamma_neg": gamma, "criterion.full_margin_at": torch.tensor(2.0)}
    closed = closed_form(LossOptions(name="adaptive", per_label=True), weights, num_labels=3)
    logits = torch.randn(5, 3)
    torch.testing.assert_close(for_labels(closed, slice(1, 3))(logits[:, 1:]), closed(logits)[:, 1:])


def test_an_adaptive_run_without_its_gamma_is_refused():
    with pytest.raises(ValueError, match="to hold the gamma_neg that the adaptive loss ended with"):
        closed_form(LossOptions(name="adaptive"), {}, num_labels=3)


def made(seed=0, samples=3000):
    draw = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(samples, 3, generator=draw) - torch.tensor([0, 1, 7.0])
    chance = torch.sigmoid(0.5 * logits - torch.tensor([0, 1, 3.0]))
    return logits, torch.rand(samples, 3, generator=draw) < chance, chance


@pytest.mark.parametrize("method", ["temperature", "platt", "isotonic"])
def test_scores_stay_apart_and_in_their_order(method):
    closed = ClosedForm(0, 2, 0.2, False)
    logits, targets, _ = made()
    chosen = from_fit(closed, fitted(logits, targets, None, closed=closed, method=method), num_labels=3)
    for calibrator in (closed, chosen):
        found = calibrator(LOGITS)
        assert found.shape == LOGITS.shape
        assert ((found >= 0) & (found <= 1)).all()
        steps = found.double().diff(dim=0)
        assert (steps >= 0).all()
        assert (steps[24:40] > 0).all()  # from -6 to -2, where the closed form alone gives nothing but 0


def test_a_fit_by_another_method_is_refused():
    with pytest.raises(ValueError, match="expected the method to be temperature, platt or isotonic, got 'another'"):
        from_fit(ClosedForm(0, 0, 0, False), {"method": "another"}, num_labels=3)


@pytest.mark.parametrize("method", ["temperature", "platt", "isotonic"])
def test_a_calibrator_adds_nothing_to_the_weights_that_are_saved(method):
    closed = ClosedForm(0, torch.tensor([1.0, 2, 3]), 0.2, False)
    logits, targets, _ = made()
    fit = fitted(logits, targets, None, closed=closed, method=method)
    assert not from_fit(closed, fit, num_labels=3).state_dict()


@pytest.mark.parametrize(("method", "tolerance"), [("platt", 0.03), ("isotonic", 0.12)])
def test_what_is_fitted_to_each_label_finds_its_true_probabilities(method, tolerance):
    closed = ClosedForm(0, 0, 0, False)
    logits, targets, chance = made(samples=20_000)
    fit = json.loads(json.dumps(fitted(logits, targets, None, closed=closed, method=method)))
    found = from_fit(closed, fit, num_labels=3)(logits)
    assert fit["few"] == []
    assert (found - chance)[:, :2].abs().quantile(0.99) < tolerance


def test_the_temperature_is_the_one_that_was_put_in():
    closed = ClosedForm(0, 0, 0, False)
    draw = torch.Generator().manual_seed(0)
    logits = 4 * torch.randn(20_000, 3, generator=draw)
    targets = torch.rand(20_000, 3, generator=draw) < torch.sigmoid(logits / 2.5)
    fit = fitted(logits, targets, None, closed=closed, method="temperature")
    assert fit["temperature"] == pytest.approx(2.5, rel=0.03)
    torch.testing.assert_close(
        from_fit(closed, fit, num_labels=3)(logits), torch.sigmoid(logits / 2.5), rtol=0, atol=0.01
    )


def test_no_other_temperature_has_a_lower_cross_entropy_even_where_the_scores_are_too_high():
    closed = ClosedForm(0, 0, 0, False)
    draw = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(5_000, 3, generator=draw) + 1
    targets = torch.rand(5_000, 3, generator=draw) < torch.sigmoid(logits - 2)
    found = fitted(logits, targets, None, closed=closed, method="temperature")["temperature"]
    best, *others = (
        torch.nn.functional.binary_cross_entropy_with_logits(logits / (found * factor), targets.float())
        for factor in (1, 0.95, 1.05)
    )
    assert best < min(others)


def test_an_isotonic_line_passes_through_its_knots_and_is_level_beyond():
    knots = {"logits": [[-2.0, 0.0, 3.0], [-1.0, 1.0]], "probabilities": [[0.1, 0.4, 0.8], [0.2, 0.6]]}
    line = from_fit(ClosedForm(0, 0, 0, False), {"method": "isotonic", "knots": knots}, num_labels=2)
    logits = torch.tensor([[-9.0, -9], [-2, -1], [-1, 0], [0, 1], [3, 2], [9, 9]])
    wanted = torch.tensor([[0.1, 0.2], [0.1, 0.2], [0.25, 0.4], [0.4, 0.6], [0.8, 0.6], [0.8, 0.6]])
    torch.testing.assert_close(line(logits), wanted, rtol=0, atol=2e-6)


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_a_label_with_few_positives_takes_the_fit_of_all_labels_and_is_named(method):
    closed = ClosedForm(0, 0, 0, False)
    logits, targets, _ = made()
    targets[:, 2] = False
    targets[:4, 2] = True
    fit = fitted(logits, targets, None, closed=closed, method=method)
    assert fit["few"] == [2]
    found = from_fit(closed, fit, num_labels=3)(LOGITS)
    assert not torch.equal(found[:, 2], found[:, 0])


@pytest.mark.parametrize("method", ["temperature", "platt", "isotonic"])
def test_unknown_elements_do_not_matter(method):
    closed = ClosedForm(0, 2, 0.2, False)
    logits, targets, _ = made()
    mask = torch.rand(logits.shape, generator=torch.Generator().manual_seed(1)) < 0.7
    other = logits.masked_fill(~mask, 50), targets ^ ~mask
    fits = [fitted(*pair, mask, closed=closed, method=method) for pair in ((logits, targets), other)]
    assert fits[0] == fits[1]


def test_what_cannot_be_fitted_is_said():
    closed, logits = ClosedForm(0, 2, 0.2, False), made()[0]
    with pytest.raises(
        ValueError, match="expected known positives and known negatives to fit to, got only one of the two"
    ):
        fitted(logits, torch.zeros_like(logits), None, closed=closed, method="platt")
    with pytest.raises(
        ValueError, match="expected scores that rise with the truth, got a network that is no better than chance"
    ):
        fitted(logits, logits < 0, None, closed=closed, method="platt")


@pytest.mark.parametrize("detach_focus", [False, True])
def test_focal_loss_is_undone_with_the_focus_as_it_was_trained(detach_focus):
    options = LossOptions(name="focal", gamma=3.0, detach_focus=detach_focus)
    logits = torch.linspace(-3, 3, 13).reshape(1, -1)
    wanted = recalibrate(logits, gamma_pos=3, gamma_neg=3, margin=0, detach_focus=detach_focus)
    found = closed_form(options, {}, num_labels=13)(logits)
    torch.testing.assert_close(found, wanted, rtol=0, atol=2e-6)
    other = recalibrate(logits, gamma_pos=3, gamma_neg=3, margin=0, detach_focus=not detach_focus)
    assert not torch.allclose(found, other, atol=1e-3)


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        (LossOptions(name="focal", gamma=3), {"gamma_pos": 3, "gamma_neg": 3, "margin": 0}),
        (LossOptions(gamma_pos=1, gamma_neg=4, margin=0.05), {"gamma_pos": 1, "gamma_neg": 4, "margin": 0.05}),
        (LossOptions(name="adaptive", gamma_pos=1, margin=0.1), {"gamma_pos": 1, "gamma_neg": 3, "margin": 0.1}),
    ],
)
def test_a_focus_that_was_a_constant_in_the_gradient_is_undone_as_one(options, settings):
    weights = {"criterion.gamma_neg": torch.tensor(3.0)}
    found = {
        detach: closed_form(dataclasses.replace(options, detach_focus=detach), weights, num_labels=3)(LOGITS)
        for detach in (False, True)
    }
    for detach, probabilities in found.items():
        wanted = recalibrate(LOGITS, **settings, detach_focus=detach)
        torch.testing.assert_close(probabilities, wanted, rtol=0, atol=2e-6)
    assert (found[True] - found[False]).abs().max() > 0.01


@pytest.mark.parametrize(
    "name",
    ["hill", "splc", "zlpr", "two_way", "polynomial", "partial", "distribution_balanced", "robust", "class_balanced"],
)
def test_of_losses_outside_the_family_nothing_is_undone(name):
    found = closed_form(LossOptions(name=name), {}, num_labels=3)(LOGITS)
    torch.testing.assert_close(found, LOGITS.sigmoid(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["weighted", "logit_adjusted"])
def test_what_a_loss_of_frequencies_shifts_is_shifted_back_by_what_its_checkpoint_holds(name):
    criterion = build_criterion(LossOptions(name=name), num_labels=3, positives=[50, 9, 0], num_samples=98)
    weights = criterion.state_dict(prefix="criterion.")
    found = closed_form(LossOptions(name=name), weights, num_labels=3)
    shares = torch.tensor([0.51, 0.1, 0.01])
    shift = torch.logit(shares) if name == "logit_adjusted" else -torch.sqrt(1 / shares - 1).log()
    log_odds = LOGITS + shift
    torch.testing.assert_close(found(LOGITS), log_odds.sigmoid(), rtol=1e-4, atol=2e-6)
    assert without_fit(LossOptions(name=name)) == "closed form"
    with pytest.raises(ValueError, match=f"to hold the shift of loss.name={name}, got none"):
        closed_form(LossOptions(name=name), {}, num_labels=3)


@pytest.mark.parametrize("method", ["platt", "isotonic"])
@pytest.mark.parametrize("side", [False, True])
def test_ten_of_each_side_are_enough_for_a_fit_of_its_own(method, side):
    """Of positives and of negatives, counted where they are known."""
    closed = ClosedForm(0, 0, 0, False)
    logits, targets, _ = made()
    for k, count in ((0, 9), (1, 10), (2, 11)):
        targets[:, k] = not side
        targets[:count, k] = side
    mask = torch.ones_like(targets)
    mask[0, 2] = mask[1, 2] = False
    logits = torch.where(targets == side, logits + (9.0 if side else -9.0), logits)
    fit = fitted(logits, targets, mask, closed=closed, method=method)
    assert fit["few"] == [0, 2]


def test_the_fit_of_all_labels_is_pooled_over_known_elements_of_all_of_them():
    """A label that nobody knows takes what fits the two others together."""
    closed = ClosedForm(0, 0, 0, False)
    draw = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(20_000, 3, generator=draw)
    targets = torch.rand(20_000, 3, generator=draw) < torch.sigmoid(0.5 * logits - 1)
    mask = torch.ones_like(targets)
    mask[:, 2] = False
    fit = fitted(logits, targets, mask, closed=closed, method="platt")
    assert fit["few"] == [2]
    assert (fit["scale"][2], fit["shift"][2]) == pytest.approx((0.5, -1), rel=0.05)
    assert fit["scale"][2] not in fit["scale"][:2]


def test_more_elements_than_bins_are_fitted_as_few_are():
    closed = ClosedForm(0, 2, 0.2, False)
    logits, targets, _ = made(samples=1300)  # 3,900 elements: fewer than there are bins
    few = fitted(logits, targets, None, closed=closed, method="temperature")
    many = fitted(logits.repeat(4, 1), targets.repeat(4, 1), None, closed=closed, method="temperature")
    assert many["temperature"] == pytest.approx(few["temperature"], rel=0.01)


def test_a_temperature_stays_between_a_twentieth_and_twenty():
    closed = ClosedForm(0, 0, 0, False)
    targets = torch.rand(3000, 3, generator=torch.Generator().manual_seed(0)) < 0.5
    sure = torch.where(targets, 0.01, -0.01)  # right every time, and far too modest
    chance = torch.randn(3000, 3, generator=torch.Generator().manual_seed(1))
    found = [fitted(each, targets, None, closed=closed, method="temperature") for each in (sure, chance, -sure)]
    assert [fit["temperature"] for fit in found] == [0.05, 20, 20]


def test_knots_of_a_rising_line_rise_and_are_few():
    closed = ClosedForm(0, 0, 0, False)
    logits, targets, _ = made(samples=20_000)
    fit = fitted(logits, targets, None, closed=closed, method="isotonic")
    for knots, values in zip(fit["knots"]["logits"], fit["knots"]["probabilities"], strict=True):
        assert 2 <= len(knots) == len(values) <= 24
        assert knots == sorted(set(knots))
        assert values == sorted(values)
        assert 0 <= values[0] < values[-1] <= 1
    assert [knots[0] for knots in fit["knots"]["logits"]] == logits.amin(dim=0).tolist()
    assert [knots[-1] for knots in fit["knots"]["logits"]] == logits.amax(dim=0).tolist()
    small = fitted(logits[:60], targets[:60], None, closed=closed, method="isotonic")
    assert all(knots == sorted(set(knots)) for knots in small["knots"]["logits"])
