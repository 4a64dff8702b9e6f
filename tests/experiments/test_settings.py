import pytest

from lopsided.experiments.axes import Axes, Axis
from lopsided.experiments.settings import FIXED, GRIDS, RATES, check_numbers, settings_of
from lopsided.training import LossOptions


@pytest.mark.parametrize("name", GRIDS)
def test_every_sweep_starts_with_cross_entropy_and_names_each_setting_once(name):
    settings = settings_of(name)
    assert settings[0].name == "cross_entropy"
    assert len({setting.name for setting in settings}) == len(settings)
    assert len(settings) >= len(GRIDS[name])


def test_one_setting_varies_and_the_other_is_off():
    focusing = settings_of("gamma_neg", grid=["0", "4"])[1:]
    assert [setting.value for setting in focusing] == [0, 4]
    assert [setting.loss for setting in focusing] == [LossOptions(gamma_neg=value, margin=0.0) for value in (0.0, 4.0)]
    shifting = settings_of("margin", grid=["0.1"])[1]
    assert shifting.loss == LossOptions(gamma_neg=0.0, margin=0.1)


def test_what_is_given_is_the_same_in_all_settings():
    base = LossOptions(margin=0.05, detach_focus=True)
    for setting in settings_of("gamma_neg", base=base)[1:]:
        assert setting.loss.margin == 0.05
        assert setting.loss.detach_focus
    assert (
        settings_of("gamma_neg", grid=["2"], base=base)[1].name
        == "asymmetric gamma_neg=2 margin=0.05 detach_focus=true"
    )


def test_the_combination_is_neither_one_of_both_and_both():
    losses = [setting.loss for setting in settings_of("combination", base=LossOptions(gamma_neg=4))[1:]]
    assert [(loss.gamma_neg, loss.margin) for loss in losses] == [(0, 0), (4, 0), (0, 0.2), (4, 0.2)]


def test_adaptive_asymmetry_stands_beside_fixed_settings_of_the_same_margin():
    settings = settings_of("adaptive", grid=["0.1"], base=LossOptions(name="adaptive", margin=0.1, rate=0.3))
    fixed, adaptive = settings[1:-1], settings[-1]
    assert [setting.loss for setting in fixed] == [LossOptions(gamma_neg=value, margin=0.1) for value in FIXED]
    assert adaptive.loss == LossOptions(name="adaptive", margin=0.1, rate=0.3, target_gap=0.1)
    assert adaptive.value == 0.1
    assert all(setting.value is None for setting in fixed)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("gamma_neg", {"grid": ["1", "x"]}, "expected the grid of gamma_neg to be numbers joined by commas, got '1,x'"),
        (
            "gamma_neg",
            {"grid": ["2", "2.0"]},
            "to name each setting once, got 2 and 2.0, both asymmetric gamma_neg=2",
        ),
        ("gamma_neg", {"grid": ["1", "1.0000001"]}, "to name each setting once, got 1 and 1.0000001"),
        ("margin", {"grid": ["0.1", "0.10"]}, "to name each setting once, got 0.1 and 0.10"),
        ("adaptive", {"grid": ["0.1", "1e-1"]}, "to name each setting once, got 0.1 and 1e-1"),
        ("losses", {"grid": ["focal", "focal"]}, "to name each setting once, got focal and focal"),
        ("combination", {"base": LossOptions(margin=0.0)}, "to name each setting once, got neither and shifting"),
        ("combination", {"grid": ["all"]}, "to be of neither, focusing, shifting, both, got 'all'"),
        ("losses", {"grid": ["bce"]}, "to be of cross_entropy, focal, .*, got 'bce'"),
        (
            "losses",
            {"base": LossOptions(margin=0.1)},
            "expected the sweep losses to have defaults alone, got loss.margin",
        ),
        ("margin", {"base": LossOptions(margin=0.1)}, "expected the values of loss.margin by --grid, got loss.margin"),
        ("margin", {"base": LossOptions(name="focal")}, "expected loss.name of a sweep to be left out, got focal"),
    ],
)
def test_what_does_not_belong_to_a_sweep_is_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        settings_of(name, **options)


def test_every_number_of_a_usual_sweep_can_be_kept():
    def axes(rate, decay=0.0):
        return Axes(Axis((rate,), 0, 0), Axis((decay,), 0, 0))

    for name in GRIDS:
        for rate in (RATES[0], 1e-3, RATES[1]):
            check_numbers(settings_of(name), axes(rate))
    with pytest.raises(ValueError, match="expected learning rates"):
        check_numbers([], axes(float("nan")))
    with pytest.raises(ValueError, match=r"expected weight decays up to 1e\+06 .* got 1e\+07"):
        check_numbers([], axes(1e-3, 1e7))


def test_p_asl_is_compared_in_every_way_of_taking_unknown_labels_with_shared_settings():
    settings = settings_of("unknown", base=LossOptions(gamma_neg=4.0))
    assert [setting.name for setting in settings] == [
        "cross_entropy",
        "asymmetric gamma_neg=4",
        "partial gamma_neg=4 unknown=ignore",
        "partial gamma_neg=4 unknown=negative",
        "partial gamma_neg=4 unknown=selective",
        "partial gamma_neg=4 unknown=selective frequency_threshold=0.05",
    ]
