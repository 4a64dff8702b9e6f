from pathlib import Path

import pytest
import torch
from torch import nn

from lopsided import AdaptiveAsymmetricLoss
from lopsided.asymmetry import adaptive, gap_of, gap_sums
from lopsided.data import SplitDataset, digits, read_arff
from lopsided.losses import asymmetric_loss

MULAN = Path("../shared/data/mulan")


def sums_with_gap(gap):
    """Sums of a batch with p_pos = 0.5 + gap / 2 and p_neg = 0.5 - gap / 2."""
    return torch.tensor([0.5 + gap / 2, 1.0, 0.5 - gap / 2, 1.0])


def test_gamma_neg_rises_below_the_target_and_falls_above_it():
    state = adaptive.init(gamma_neg=2.0)
    for gap, moved in ((-0.3, 2.4), (0.1, 2.0), (0.5, 1.6)):
        after = adaptive.update(state, sums_with_gap(gap), target_gap=0.1, rate=1.0, separation=0.0)
        assert adaptive.read(after).item() == pytest.approx(moved)


def test_a_negative_rate_is_the_printed_rule():
    after = adaptive.update(adaptive.init(), sums_with_gap(-0.3), target_gap=0.1, rate=-1.0, separation=0.0)
    assert adaptive.read(after).item() == pytest.approx(1.6)


def test_a_step_is_weighed_by_how_far_positives_and_negatives_are_told_apart():
    told_apart = torch.tensor([0.6, 1.0, 0.9, 1.0])  # p_pos 0.6, p_neg 0.9: a gap of -0.3, a separation of 0.5
    for power, weight in ((0.0, 1.0), (1.0, 0.5), (2.0, 0.25)):
        after = adaptive.update(adaptive.init(), told_apart, target_gap=0.1, rate=1.0, separation=power)
        assert adaptive.read(after).item() == pytest.approx(2 + weight * 0.4)


@pytest.mark.parametrize("constant", [0.5, 0.04, 0.9])
def test_a_network_that_says_the_same_of_every_sample_leaves_it_alone(constant):
    criterion = AdaptiveAsymmetricLoss()
    targets = torch.rand(50, 8) < 0.1
    for _ in range(20):
        criterion(torch.logit(torch.full((50, 8), constant)), targets)
    assert criterion.gamma_neg.item() == pytest.approx(2.0, abs=1e-5)


def test_one_that_is_worse_than_that_does_too():
    after = adaptive.update(adaptive.init(), torch.tensor([0.1, 1.0, 0.6, 1.0]))
    assert adaptive.read(after) == 2


def test_gamma_neg_stays_within_its_bounds():
    state = adaptive.init(gamma_neg=2.0)
    for gap, bound in ((-1.0, 3.0), (1.0, 1.0)):
        after = state
        for _ in range(20):
            after = adaptive.update(after, sums_with_gap(gap), rate=0.5, separation=0.0, lowest=1.0, highest=3.0)
        assert adaptive.read(after).item() == bound


def test_the_statistic_is_averaged():
    state = adaptive.init()
    for gap in (-0.4, 0.4):
        state = adaptive.update(state, sums_with_gap(gap), momentum=0.5, rate=0.0)
    assert gap_of(state.sums).gap.item() == pytest.approx((0.5 * -0.4 + 0.4) / 1.5)


@pytest.mark.parametrize("targets", [torch.zeros(4, 3), torch.ones(4, 3)])
def test_a_batch_without_positives_or_without_negatives_leaves_it_alone(targets):
    criterion = AdaptiveAsymmetricLoss(rate=1.0, separation=0.0)
    before = {name: value.clone() for name, value in criterion.state_dict().items()}
    criterion(torch.randn(4, 3), targets)
    torch.testing.assert_close(criterion.state_dict(), {**before, "steps": torch.ones(())})


def test_a_batch_that_is_not_finite_leaves_it_alone():
    criterion = AdaptiveAsymmetricLoss(rate=1.0, separation=0.0)
    criterion(torch.full((2, 2), torch.nan), torch.eye(2))
    assert criterion.gamma_neg == 2


def test_it_moves_in_training_and_rests_in_evaluation():
    criterion = AdaptiveAsymmetricLoss(rate=1.0, separation=0.0).eval()
    criterion(torch.zeros(2, 2), torch.eye(2))
    assert criterion.gamma_neg == 2
    criterion.train()
    criterion(torch.zeros(2, 2), torch.eye(2))
    assert criterion.gamma_neg.item() == pytest.approx(2.1)


def test_each_batch_is_costed_with_the_present_gamma_neg():
    criterion = AdaptiveAsymmetricLoss(rate=5.0, separation=0.0, gamma_neg=3.0)
    logits, targets = torch.randn(6, 4), torch.rand(6, 4).round()
    for _ in range(3):
        expected = asymmetric_loss(logits, targets, gamma_neg=criterion.gamma_neg.item())
        torch.testing.assert_close(criterion(logits, targets), expected)
    assert criterion.gamma_neg != 3


def test_a_loss_kept_for_later_keeps_its_gradient():
    logits, targets = torch.randn(6, 4, requires_grad=True), torch.rand(6, 4).round()
    criterion = AdaptiveAsymmetricLoss(rate=5.0, separation=0.0)
    first, second = criterion(logits, targets), criterion(logits, targets)
    (first + second).backward()
    assert torch.isfinite(logits.grad).all()


def test_the_state_survives_a_round_trip():
    logits, targets = torch.randn(6, 4), torch.rand(6, 4).round()
    one, other = AdaptiveAsymmetricLoss(rate=1.0, separation=0.0), AdaptiveAsymmetricLoss(rate=1.0, separation=0.0)
    for _ in range(3):
        one(logits, targets)
    other.load_state_dict(one.state_dict())
    assert other(logits, targets) == one(logits, targets)
    torch.testing.assert_close(one.state_dict(), other.state_dict())


def test_one_gamma_neg_per_label_moves_only_where_the_label_has_positives():
    criterion = AdaptiveAsymmetricLoss(rate=1.0, separation=0.0, per_label=True, num_labels=3)
    logits = torch.tensor([[0.0, -3.0, 0.0], [0.0, 0.0, 0.0]])
    criterion(logits, torch.tensor([[1, 1, 0], [0, 0, 0]]))
    gamma = criterion.gamma_neg.tolist()
    assert gamma[0] == pytest.approx(2.1)
    assert gamma[1] > 2.1  # its positive was missed
    assert gamma[2] == 2.0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_it_follows_in_a_model_of_half_precision_too(dtype):
    logits, targets = torch.randn(1024, 80), torch.rand(1024, 80) < 0.03
    plain, half = (AdaptiveAsymmetricLoss(target_gap=0.01, separation=0.0).to(kind) for kind in (torch.float32, dtype))
    for _ in range(5):
        plain(logits.to(dtype), targets)
        half(logits.to(dtype), targets)
    assert half.gamma_neg.dtype == torch.float32
    assert half.gamma_neg == plain.gamma_neg != 2


def test_masked_elements_do_not_move_it():
    logits, targets, mask = torch.randn(6, 4), torch.rand(6, 4).round(), torch.rand(6, 4) > 0.4
    one, other = AdaptiveAsymmetricLoss(rate=1.0, separation=0.0), AdaptiveAsymmetricLoss(rate=1.0, separation=0.0)
    one(logits, targets, mask=mask)
    other(torch.where(mask, logits, torch.nan), targets, mask=mask)
    assert one.gamma_neg == other.gamma_neg


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target_gap": 2.0}, "expected target_gap to be >= -1 and <= 1, got 2.0"),
        ({"rate": float("nan")}, r"expected rate to be finite, got nan"),
        ({"separation": -0.5}, "expected separation to be >= 0, got -0.5"),
        ({"momentum": 1.0}, "expected momentum to be >= 0 and < 1, got 1.0"),
        ({"gamma_neg": 30.0}, r"expected gamma_neg to lie within bounds \(0.0, 20.0\), got 30.0"),
        ({"per_label": True}, "expected per_label and num_labels together, got per_label=True, num_labels=None"),
        ({"margin": 1.0}, r"expected margin to lie in \[0, 1\), got 1.0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        AdaptiveAsymmetricLoss(**options)


@pytest.mark.parametrize("per_label", [False, True])
def test_the_gap_out_of_the_loss_moves_gamma_neg_as_the_gauge_would(chosen_backend, per_label):
    torch.manual_seed(0)
    logits, targets, mask = torch.randn(70, 9) * 3, torch.rand(70, 9) < 0.3, torch.rand(70, 9) > 0.2
    criterion = AdaptiveAsymmetricLoss(per_label=per_label, num_labels=9 if per_label else None)
    criterion(logits, targets, mask=mask, weight=torch.rand(9))
    sums = gap_sums(logits, targets, mask=mask, per_label=per_label)
    torch.testing.assert_close(criterion.gap_sums, 0.3 * sums)


def table(name):
    if name == "digits":
        return digits(train_samples=1500, validation_samples=0, test_samples=0)
    if not MULAN.is_dir():
        pytest.skip(f"needs the Mulan data sets in {MULAN}")
    return read_arff(MULAN / name)


def final_gap(name, criterion, epochs=12):
    """Mean gap of the batches over the last quarter of training a two-layer network."""
    torch.manual_seed(0)
    data = SplitDataset(table(name), split="train")
    rows = range(min(len(data), 1500))
    num_labels = len(data.samples.labels.names)
    network = nn.Sequential(nn.Flatten(), nn.LazyLinear(256), nn.ReLU(), nn.Linear(256, num_labels))
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    gaps = []
    for _ in range(epochs):
        for positions in torch.randperm(len(rows)).split(64):
            batch = data[positions.tolist()]
            logits = network(batch["inputs"])
            optimizer.zero_grad()
            criterion(logits, batch["targets"]).backward()
            optimizer.step()
            gaps.append(gap_of(gap_sums(logits, batch["targets"])).gap)
    return torch.stack(gaps[-len(gaps) // 4 :]).mean().item()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Corel5k", "bibtex", "digits"])
@pytest.mark.parametrize("target", [0.0, 0.05, 0.1])
def test_the_gap_reaches_its_target_on_real_data(name, target):
    criterion = AdaptiveAsymmetricLoss(target_gap=target)
    assert final_gap(name, criterion) == pytest.approx(target, abs=0.03)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Corel5k", "bibtex", "digits"])
def test_the_rule_as_printed_runs_away_from_the_target(name):
    criterion = AdaptiveAsymmetricLoss(target_gap=0.1, rate=-0.7, separation=0.0)
    assert final_gap(name, criterion) < -0.05
    assert criterion.gamma_neg == 0


@pytest.mark.slow
def test_a_target_below_that_of_cross_entropy_leaves_gamma_neg_at_its_lower_bound():
    criterion = AdaptiveAsymmetricLoss(target_gap=-1.0)
    final_gap("digits", criterion, epochs=8)
    assert criterion.gamma_neg == 0


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    "setting",
    [{"gamma_pos": 1.5}, {"gamma_neg": 4.0}, {"margin": 0.05}, {"detach_focus": True}, {"reduction": "sum"}],
)
def test_its_settings_are_those_of_the_loss_with_mask_and_weight(setting, training):
    logits, targets = (torch.randn(6, 4) * 2).requires_grad_(), torch.rand(6, 4).round()
    options = {"mask": torch.rand(6, 4) > 0.4, "weight": torch.rand(4)}
    costs = (
        AdaptiveAsymmetricLoss(**setting).train(training)(logits, targets, **options),
        asymmetric_loss(logits, targets, **options, **setting),
        asymmetric_loss(logits, targets, **options),
    )
    results = [(cost.detach(), *torch.autograd.grad(cost, logits)) for cost in costs]
    torch.testing.assert_close(results[0], results[1])
    assert not all(torch.allclose(one, other) for one, other in zip(results[1], results[2], strict=True))


def test_its_rule_is_eq_9_with_the_settings_that_it_was_given():
    settings = {"target_gap": 0.3, "rate": 2.0, "momentum": 0.4, "separation": 0.0}
    criterion = AdaptiveAsymmetricLoss(**settings, gamma_neg=3.0, bounds=(2.5, 3.75))
    state, moved = adaptive.init(gamma_neg=3.0), []
    targets = torch.tensor([[1, 0, 0], [0, 1, 0]])
    for size in (0.0, -1.0, -9.0, *[9.0] * 9):  # of the positives' logits
        logits = torch.where(targets == 1, size, 0.0)
        criterion(logits, targets)
        state = adaptive.update(state, gap_sums(logits, targets), **settings, lowest=2.5, highest=3.75)
        moved.append(criterion.gamma_neg.item())
        torch.testing.assert_close((criterion.gamma_neg, criterion.gap_sums), (state.gamma_neg, state.sums))
        torch.testing.assert_close(criterion.gap(), gap_of(state.sums))
    assert (max(moved), moved[-1]) == (3.75, 2.5)
    assert len(set(moved)) > 3


def test_the_first_step_written_out():
    after = adaptive.update(adaptive.init(gamma_neg=1.0), sums_with_gap(-0.4), separation=0.0)
    assert after.gamma_neg.item() == pytest.approx(1.0 + 0.7 * (0.1 + 0.4))
    assert after.sums.tolist() == pytest.approx([0.3 * part for part in (0.3, 1.0, 0.7, 1.0)])
    assert adaptive.init().gamma_neg == 2
    assert adaptive.init(num_labels=3).gamma_neg.shape == (3,)
    assert adaptive.init(num_labels=3).sums.shape == (4, 3)


def test_logits_in_float64_leave_the_state_in_float32():
    for options in ({}, {"per_label": True, "num_labels": 3}):
        criterion = AdaptiveAsymmetricLoss(**options)
        criterion(torch.randn(4, 3, dtype=torch.float64), torch.eye(4)[:, :3])
        assert {part.dtype for part in criterion.state_dict().values()} == {torch.float32}


@pytest.mark.parametrize(
    "options",
    [
        {"target_gap": 1.0},
        {"target_gap": -1.0},
        {"momentum": 0.0},
        {"gamma_neg": 5.0, "bounds": (1.0, 5.0)},
        {"gamma_neg": 1.0, "bounds": (1.0, 5.0)},
        {"gamma_neg": 0.0},
    ],
)
def test_settings_at_the_ends_of_their_ranges_are_taken(options):
    criterion = AdaptiveAsymmetricLoss(**options)
    assert criterion.gamma_neg == options.get("gamma_neg", 2.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target_gap": -1.1}, "expected target_gap to be >= -1 and <= 1, got -1.1"),
        ({"momentum": -0.1}, "expected momentum to be >= 0 and < 1, got -0.1"),
        ({"bounds": (-1.0, 5.0)}, "expected the lower one of bounds to be >= 0, got -1.0"),
        ({"bounds": (5.0, 1.0)}, "expected the higher one of bounds to be >= 5, got 1.0"),
        (
            {"bounds": (0.0, 5.0, 9.0)},
            r"expected bounds to be the lowest and the highest gamma_neg, got \(0.0, 5.0, 9.0\)",
        ),
        ({"per_label": True, "num_labels": 0}, "expected num_labels to be >= 1, got 0"),
        ({"per_label": True, "num_labels": 2.5}, "expected num_labels to be a whole number, got 2.5"),
        ({"gamma_neg": 0.5, "bounds": (1.0, 5.0)}, r"expected gamma_neg to lie within bounds"),
        ({"total_steps": 0}, "expected total_steps to be >= 1, got 0"),
        ({"growth": -1.0}, "expected growth to be >= 0, got -1.0"),
        ({"full_margin_at": -1.0}, "expected full_margin_at to be >= 0, got -1.0"),
        ({"margin": 1.0}, r"expected margin to lie in \[0, 1\), got 1.0"),
        ({"num_labels": 3}, "together, got per_label=False, num_labels=3"),
        ({"gamma_pos": -1.0}, r"expected gamma_pos to be >= 0"),
        ({"reduction": "avg"}, r"expected reduction to be one of"),
    ],
)
def test_settings_beyond_them_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        AdaptiveAsymmetricLoss(**options)


def test_it_shows_its_settings_where_it_is_printed():
    assert repr(AdaptiveAsymmetricLoss()) == (
        "AdaptiveAsymmetricLoss(target_gap=0.1, gamma_neg=tensor(2.), gamma_pos=0.0, margin=0.2, "
        "full_margin_at=tensor(2.), rate=0.7, momentum=0.7, separation=tensor(1.), growth=tensor(1.), "
        "bounds=(0.0, 20.0))"
    )


def test_settings_in_tensors_follow_the_module_and_its_state_stays_in_float32_or_wider():
    criterion = AdaptiveAsymmetricLoss(gamma_pos=torch.tensor([0.0, 1.0]), margin=torch.tensor([0.1, 0.2]))
    assert criterion.state_dict().keys() == {
        *("gamma_neg", "gap_sums", "separation", "steps", "growth", "full_margin_at")
    }
    criterion.double()
    assert {part.dtype for part in criterion.buffers()} == {torch.float64}
    assert criterion.half().gamma_neg.dtype == torch.float64
    assert criterion.to("meta").gap_sums.device.type == "meta"
